package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"fuqiao/edged/testbench/bare"
	"fuqiao/edged/testbench/serial"
)

// lane is one way from the broker to a serial line.
type lane struct {
	name string
	wire *serial.Wire
	// prepare makes message i ready; publish gives it to the broker; settle waits until
	// all that it set in motion is over.
	prepare func(i int) (payload []byte, err error)
	publish func(payload []byte) error
	settle  func(ctx context.Context) error

	heard chan serial.Frame
	took  sample
}

const (
	// quiet is how long nothing happens before a message, so that every wire is idle
	// and every process waits.
	quiet = 15 * time.Millisecond
	// patience is how long a message may take before the bench gives up.
	patience = 10 * time.Second
)

// listen makes the lane hear its wire. The time of a frame is when its first byte was
// readable at the far end of the pty, taken by that wire's own thread: the same way of
// reading for all lanes.
func (l *lane) listen() {
	l.heard = make(chan serial.Frame, 64)
	l.wire.Tap(func(f serial.Frame) {
		select {
		case l.heard <- f:
		default:
		}
	})
}

// once sends message i and notes how long its first byte took.
func (l *lane) once(ctx context.Context, i int) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	payload, err := l.prepare(i)
	if err != nil {
		return fmt.Errorf("%s: message %d: %w", l.name, i, err)
	}
	if err := pause(ctx, quiet); err != nil {
		return err
	}
	for len(l.heard) > 0 { // what was said of old, such as a stop at the start
		<-l.heard
	}
	began := time.Now()
	if err := l.publish(payload); err != nil {
		return fmt.Errorf("%s: message %d: %w", l.name, i, err)
	}
	select {
	case f := <-l.heard:
		l.took = append(l.took, f.Read.Sub(began))
	case <-ctx.Done():
		return fmt.Errorf("%s: message %d: nothing on the wire: %w", l.name, i, ctx.Err())
	}
	if l.settle == nil {
		return nil
	}
	if err := l.settle(ctx); err != nil {
		return fmt.Errorf("%s: message %d: %w", l.name, i, err)
	}
	return nil
}

// interleave sends n messages through each lane, one by one and in changing order, and
// after each of them takes one sample of an fdatasync in dir.
func interleave(ctx context.Context, dir string, n int, lanes []*lane) (syncs sample, err error) {
	log, err := bare.NewLog(filepath.Join(dir, "bare"), 4<<20, 1)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	rec := make([]byte, 4<<10)
	for _, l := range lanes {
		l.listen()
	}
	for i := range n {
		for k := range lanes {
			if err := lanes[(i+k)%len(lanes)].once(ctx, i); err != nil {
				return nil, err
			}
		}
		if err := pause(ctx, quiet); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := log.Append(rec); err != nil {
			return nil, err
		}
		syncs = append(syncs, time.Since(began))
	}
	return syncs, nil
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
