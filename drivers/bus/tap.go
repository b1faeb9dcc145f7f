package bus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// defaultReply is how long a reply is waited for where neither frame nor device
// says. Programs for domes wait 50–200 ms.
const defaultReply = 200 * time.Millisecond

// Options are a device's own wishes for the wire.
type Options struct {
	// Reply is how long its replies may take after the last byte has left
	// (default 200 ms); a frame may say otherwise.
	Reply time.Duration
	// Gap is the silence that it wants before and after each of its frames, where
	// that is more than the bus's own gap.
	Gap time.Duration
}

// tap is one device's end of the wire.
type tap struct {
	b      *Bus
	device string
	o      Options
}

// request is one Exchange on its way through the owner.
type request struct {
	device string
	write  []byte
	want   func([]byte) int
	reply  time.Duration
	quiet  time.Duration
	gap    time.Duration
	urgent bool
	done   chan result // holds one, so that the owner never waits for a reader

	mu   sync.Mutex
	left bool // Exchange has returned: want must not be called any more
}

type result struct {
	reply []byte
	err   error
}

func (r *request) end(reply []byte, err error) {
	select {
	case r.done <- result{reply, err}:
	default: // it has its result already
	}
}

// leave says that nobody waits for the result any more.
func (r *request) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = true
}

// judge asks the frame's Want, unless its owner has left.
func (r *request) judge(received []byte) (n int, left bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left {
		return 0, true
	}
	return r.want(received), false
}

// Exchange sends f in its turn; see line.Line. Errors carry the bus's name:
// fault.NoReply (with line.Cut where an urgent frame took the wire),
// fault.PortLost, fault.Full, fault.BadInput for an empty frame, ctx.Err().
func (t *tap) Exchange(ctx context.Context, f line.Frame) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, t.wrap(err)
	}
	if len(f.Write) == 0 {
		return nil, t.wrap(fmt.Errorf("empty frame: %w", fault.BadInput))
	}
	r := &request{
		device: t.device, write: slices.Clone(f.Write), want: f.Want,
		reply: f.Reply, quiet: f.Quiet, gap: t.o.Gap, urgent: f.Urgent,
		done: make(chan result, 1),
	}
	if r.reply == 0 {
		r.reply = t.o.Reply
	}
	if err := t.b.queue.push(r); err != nil {
		return nil, t.wrap(err)
	}
	select {
	case got := <-r.done:
		return got.reply, t.wrap(got.err)
	case <-ctx.Done():
	}
	if !t.b.queue.remove(r) {
		r.leave()
		select {
		case got := <-r.done: // both at the same moment: the fact wins
			return got.reply, t.wrap(got.err)
		default:
		}
	}
	return nil, t.wrap(ctx.Err())
}

func (t *tap) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("bus %s: %w", t.b.c.Name, err)
}

// Corrupt counts a reply whose checksum was wrong; see line.Counter.
func (t *tap) Corrupt() { t.b.count(func(s *Stats) { s.Corrupt++ }) }

// take is one listener.
type take struct {
	f     func([]byte) int
	ended atomic.Bool
}

// Listen registers f; see line.Line. A call of f that has begun may still run when
// stop returns.
func (t *tap) Listen(f func([]byte) int) (stop func()) {
	l := &take{f: f}
	t.b.mu.Lock()
	defer t.b.mu.Unlock()
	t.b.takes = append(t.b.takes, l)
	return func() {
		l.ended.Store(true)
		t.b.mu.Lock()
		defer t.b.mu.Unlock()
		t.b.takes = slices.DeleteFunc(t.b.takes, func(other *take) bool { return other == l })
	}
}
