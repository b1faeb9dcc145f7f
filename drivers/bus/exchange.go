package bus

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

const (
	// writeSlice bounds one call of Write, so that pings are answered in time.
	writeSlice = 50 * time.Millisecond
	// stallAfter without one byte taken, a port is closed and opened again
	// (promise 45).
	stallAfter = 500 * time.Millisecond
	// cutAbove is how much of a normal frame must still be unsent for an urgent one
	// to take it off the wire. The longest dome frame at the slowest speed (16
	// bytes, 1200 baud: 133 ms) may be cut, a 7-byte one never is (58 ms).
	cutAbove = 100 * time.Millisecond
	// fifo is how many characters a UART sends after its queue was discarded: the
	// depth of a 16550's transmit buffer.
	fifo = 16
	// mostReply bounds the bytes that are kept while a reply is waited for.
	mostReply = 8 << 10
)

// exchange brings one frame over the wire. Its error means that the port is lost or
// ctx has ended; r has its own result by then.
func (s *session) exchange(ctx context.Context, r *request) error {
	s.drain()
	if err := s.write(ctx, r); err != nil {
		r.end(nil, asLost(err))
		return err
	}
	s.b.count(func(st *Stats) { st.Frames++ })
	s.b.notice("bus.write_stalled", "", false)
	s.b.enter(waiting)
	s.echo, s.quiet, s.gap = r.write, r.quiet, r.gap
	t := talk{session: s, r: r, sent: time.Now().Add(s.b.lineTime(len(r.write)))}
	s.end = t.sent
	reply, err, lost := t.run(ctx)
	if lost != nil {
		r.end(nil, asLost(lost))
		return lost
	}
	t.close(err == nil)
	r.end(reply, err)
	return nil
}

// talk is the time from a frame's last Write to its end.
type talk struct {
	*session
	r        *request
	sent     time.Time // when the last byte has left the wire
	received []byte
	whole    int // length of the reply, 0 while it is not whole
	left     bool
}

// run waits for the line time and for the reply. err is the frame's own fate, lost
// the port's.
func (t *talk) run(ctx context.Context) (reply []byte, err, lost error) {
	for {
		now := time.Now()
		until := t.sent
		hurried := !t.r.urgent && t.b.queue.hurried()
		switch {
		case hurried && t.sent.Sub(now) > cutAbove:
			return nil, t.cutOff(), nil
		case now.Before(t.sent):
		case t.r.want == nil:
			return nil, nil, nil
		case t.whole > 0:
			return t.received[:t.whole:t.whole], nil, nil
		case hurried:
			return nil, t.cut("while its reply was due"), nil
		default:
			until = t.sent.Add(t.r.reply)
			if !now.Before(until) {
				t.b.count(func(st *Stats) { st.Timeouts++ })
				return nil, fmt.Errorf("no reply within %v: %w", t.r.reply, fault.NoReply), nil
			}
		}
		chunk, err := t.wait(ctx, until)
		if err != nil {
			return nil, nil, err
		}
		t.take(chunk)
	}
}

// take sorts received bytes: into the reply, or to those who listen.
func (t *talk) take(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	t.end = later(t.sent, time.Now())
	if t.r.want == nil {
		t.unasked(chunk)
		return
	}
	t.received = append(t.received, chunk...)
	if over := len(t.received) - mostReply; over > 0 && t.whole == 0 {
		t.received = t.received[over:] // babble: keep the newest
	}
	if t.whole == 0 {
		t.whole = t.judge(t.received)
	}
}

// judge asks the driver how long the reply is. A driver's mistake costs it its reply
// and not the bus.
func (t *talk) judge(received []byte) (n int) {
	defer func() {
		if p := recover(); p != nil {
			t.b.c.Log.Error("driver's Want panics", "bus", t.b.c.Name, "device", t.r.device, "panic", p, "stack", string(debug.Stack()))
			n = 0
		}
	}()
	n, left := t.r.judge(received)
	t.left = t.left || left
	if n < 0 || n > len(received) {
		return 0
	}
	return n
}

// close gives the bytes that are not the reply's to those who listen.
//
// What follows a reply, or came instead of one, is judged like any unasked byte.
// What came before the reply and is no part of it (Want skips it) is offered as
// well, since another device may have spoken out of turn, but never counts as
// foreign: an adapter that hears itself, or noise, looks the same.
func (t *talk) close(good bool) {
	switch {
	case t.r.want == nil:
	case good:
		t.offer(t.received[:t.head()])
		t.unasked(t.received[t.whole:])
	case t.left:
		// Nobody could say which of these were the reply.
		t.offer(t.received)
	default:
		t.unasked(t.received)
	}
}

// head is how many bytes Want skipped before the reply proper: the reply is the
// shortest tail that Want still takes for one.
func (t *talk) head() int {
	const most = 512
	if t.whole > most {
		return 0
	}
	// A Want that remembers what it has seen last is left with the whole reply.
	defer t.judge(t.received[:t.whole])
	for i := t.whole - 1; i > 0; i-- {
		if t.judge(t.received[i:t.whole]) == t.whole-i {
			return i
		}
	}
	return 0
}

// cutOff takes the rest of the frame off the wire.
func (t *talk) cutOff() error {
	if err := t.port.DiscardOutput(); err != nil {
		// The reader sees a lost port as well; here the frame just ends.
		t.b.c.Log.Warn("discarding a cut frame", "bus", t.b.c.Name, "error", err)
	}
	t.end = time.Now().Add(t.b.lineTime(fifo))
	return t.cut("before it was sent whole")
}

func (t *talk) cut(when string) error {
	t.b.count(func(st *Stats) { st.Cuts++ })
	return fmt.Errorf("%w %s: %w", line.Cut{}, when, fault.NoReply)
}
