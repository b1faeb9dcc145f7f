package broadcast

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

const (
	keyTime    = time.Second // one switching of the output
	retryAfter = time.Second // one that failed to switch off is tried again
)

// ampState is what Run knows.
type ampState struct {
	holders map[*holder]bool
	waiting []hold
	keyed   bool      // it was switched on, and that is how it is
	on      bool      // it is on, or may be
	onAt    time.Time // on since
	offAt   time.Time // let go at
	tailTo  time.Time // off is due then, if nobody holds
	retryAt time.Time // switching off failed
}

// Run owns the output until ctx ends; it then switches off.
func (a *Amplifier) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(a.step(ctx))
		select {
		case <-ctx.Done():
			a.lose(wire.ByShutdown())
			err := a.off(context.WithoutCancel(ctx))
			close(a.gone)
			return err
		case q := <-a.ask:
			a.s.holders[q.h] = true
			a.s.waiting = append(a.s.waiting, q)
		case h := <-a.leave:
			a.left(h)
		case back := <-a.halt:
			a.lose(wire.ByStop())
			back <- a.off(ctx)
		case <-timer.C:
		}
	}
}

// left takes one hold away; the last one starts the tail. A hold that was lost
// already changes nothing.
func (a *Amplifier) left(h *holder) {
	s := &a.s
	if !s.holders[h] {
		return
	}
	delete(s.holders, h)
	for i, q := range s.waiting {
		if q.h == h {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			break
		}
	}
	if len(s.holders) == 0 {
		s.tailTo = time.Now().Add(a.c.Tail)
	}
}

// step does what is due and returns the time until something else is.
func (a *Amplifier) step(ctx context.Context) time.Duration {
	s, next := &a.s, time.Hour
	due := func(at time.Time) bool {
		left := time.Until(at)
		if left > 0 {
			next = min(next, left)
		}
		return left <= 0
	}
	if s.on && a.c.MaxOn > 0 && due(s.onAt.Add(a.c.MaxOn)) {
		if len(s.holders) > 0 {
			a.c.Raise("pin.max_on", a.c.Name, "amplifier on for its longest time")
			a.lose(wire.ByLimit())
		}
		s.tailTo = time.Time{}
	}
	if len(s.holders) > 0 && !s.keyed && (s.offAt.IsZero() || due(s.offAt.Add(a.c.MinOff))) {
		a.key(ctx)
	}
	if s.keyed && len(s.waiting) > 0 && due(s.onAt.Add(a.c.WarmUp)) {
		a.grant(nil)
	}
	if s.on && len(s.holders) == 0 && due(s.tailTo) && due(s.retryAt) && a.off(ctx) != nil {
		due(s.retryAt)
	}
	return next
}

// key switches on. A failure is the waiting holders' answer; the output may have
// switched all the same, so it is switched off again.
func (a *Amplifier) key(ctx context.Context) {
	one, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	a.maybeOn()
	if err := supervise.Try(func() error { return a.c.Output.Set(one, true) }); err != nil {
		a.s.tailTo, a.s.retryAt = time.Time{}, time.Time{}
		a.drop(a.named(err))
		return
	}
	a.s.keyed = true
	a.c.Clear("pin.max_on", a.c.Name)
}

// maybeOn notes that the output may be on from now.
func (a *Amplifier) maybeOn() {
	if !a.s.on {
		a.s.on, a.s.onAt = true, time.Now()
	}
}

// off switches off by the output's own Halt, which knows its safe level. Where that
// fails a condition is raised, and it is due again a second later.
func (a *Amplifier) off(ctx context.Context) error {
	one, cancel := context.WithTimeout(ctx, keyTime)
	defer cancel()
	if err := supervise.Try(func() error { return a.c.Output.Halt(one) }); err != nil {
		a.maybeOn()
		a.s.keyed, a.s.retryAt = false, time.Now().Add(retryAfter)
		a.c.Raise("amplifier.stuck_on", a.c.Name, err.Error())
		return a.named(err)
	}
	if a.s.on {
		a.s.keyed, a.s.on, a.s.offAt = false, false, time.Now()
	}
	a.c.Clear("amplifier.stuck_on", a.c.Name)
	return nil
}

// grant answers all that wait.
func (a *Amplifier) grant(err error) {
	for _, q := range a.s.waiting {
		q.ready <- err
	}
	a.s.waiting = nil
}

// lose takes the amplifier from everybody, for it will be switched off.
func (a *Amplifier) lose(why error) {
	a.drop(fmt.Errorf("amplifier %s was switched off: %w", a.c.Name, why))
}

// drop ends all holds.
func (a *Amplifier) drop(err error) {
	a.grant(err)
	for h := range a.s.holders {
		delete(a.s.holders, h)
		h.lose(err)
	}
}

func (a *Amplifier) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("amplifier %s: %w", a.c.Name, err)
}
