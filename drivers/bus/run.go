package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fuqiao/edged/drivers/fault"
)

const (
	// firstWait and lastWait bound the time between two attempts to open.
	firstWait = 100 * time.Millisecond
	lastWait  = 2 * time.Second
	// goodLife is how long a port must have been open for its next loss to be the
	// first of a row again.
	goodLife = 2 * time.Second
)

// stalled is the reason for a port's reset.
type stalled struct{}

func (stalled) Error() string { return "the port takes no bytes" }
func (stalled) Unwrap() error { return fault.PortLost }

// Run owns the port until ctx ends and returns nil then. What waits at that time
// ends in fault.PortLost. It may be run again, not twice at a time.
func (b *Bus) Run(ctx context.Context) error {
	b.queue.refuse(nil)
	defer b.leave()
	wait := firstWait
	for {
		b.enter(opening)
		lived, err := b.life(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if lived > goodLife {
			wait = firstWait
		}
		b.enter(absent)
		b.lost(err)
		if !b.pause(ctx, wait) {
			return nil
		}
		wait = min(2*wait, lastWait)
	}
}

// leave answers everybody when Run ends, also by a panic.
func (b *Bus) leave() {
	if b.current != nil {
		b.current.end(nil, asLost(context.Canceled))
		b.current = nil
	}
	b.queue.refuse(asLost(context.Canceled))
	b.enter(stopped)
}

// life opens the port once and serves it until it is lost or ctx ends.
func (b *Bus) life(ctx context.Context) (lived time.Duration, err error) {
	p, err := b.c.Open(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	s := newSession(b, p)
	defer s.close()
	b.found()
	b.c.Go("bus "+b.c.Name+" reader", s.read)
	err = s.serve(ctx)
	return time.Since(began), err
}

// found says that the port is there.
func (b *Bus) found() {
	b.count(func(s *Stats) {
		s.Open = true
		if b.opened {
			s.Reopens++
		}
	})
	b.opened = true
	b.queue.refuse(nil)
	b.notice("bus.port_lost", "", false)
	b.notice("bus.locked", "", false)
	b.c.Log.Info("serial port open", "bus", b.c.Name)
}

// lost says that the port is not there and why, and refuses all frames.
func (b *Bus) lost(err error) {
	code := "bus.port_lost"
	switch {
	case isLocked(err):
		code = "bus.locked"
		b.notice("bus.port_lost", "", false)
	case errors.Is(err, stalled{}):
		code = "bus.write_stalled"
	default:
		b.notice("bus.locked", "", false)
	}
	if !b.raised[code] {
		b.c.Log.Warn("serial port lost", "bus", b.c.Name, "error", err)
	}
	b.notice(code, err.Error(), true)
	b.queue.refuse(asLost(err))
}

// pause lets time pass before the next attempt and answers pings meanwhile. It
// returns false when ctx has ended.
func (b *Bus) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-b.pings:
		}
	}
}

// asLost gives the reason why the port is not there its class, for those who wait.
// The end of the owner's own context is not that of theirs.
func asLost(err error) error {
	switch {
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("bus stopped: %w", fault.PortLost)
	case fault.Of(err) == fault.PortLost:
		return err
	}
	return fmt.Errorf("%w (%w)", fault.PortLost, err)
}
