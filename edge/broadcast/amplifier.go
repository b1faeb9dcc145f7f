// Package broadcast says things: it keys the amplifiers, waits for them to warm up,
// has the speakers talk, and accounts for every announcement. No speaker driver
// touches a relay.
package broadcast

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// AmpConfig is one `amplifiers:` entry.
type AmpConfig struct {
	Name   string
	Output drivers.Output
	// WarmUp passes between keying and the first sound, Tail between the last sound
	// and letting go. MaxOn is the longest time on; MinOff the shortest time off,
	// which spares relays and inrush (loudspeaker.md 4.3).
	WarmUp, Tail, MaxOn, MinOff time.Duration
	Log                         *slog.Logger
	Raise                       func(code, subject, detail string)
	Clear                       func(code, subject string)
}

// Amplifier counts who needs it and keys its output accordingly. All state lives in
// Run's goroutine; several speakers share one amplifier.
type Amplifier struct {
	c     AmpConfig
	ask   chan hold
	leave chan *holder
	halt  chan chan error
	gone  chan struct{} // closed when Run has ended
}

type hold struct {
	h     *holder
	ready chan error
}

// holder is one announcement's hold. lose ends its context when the amplifier was
// switched off under it (max-on, halt).
type holder struct {
	ctx  context.Context
	lose context.CancelCauseFunc
}

// NewAmplifier makes an amplifier; Run must be running for Hold to return.
func NewAmplifier(c AmpConfig) *Amplifier {
	return &Amplifier{c: c, ask: make(chan hold), leave: make(chan *holder), halt: make(chan chan error), gone: make(chan struct{})}
}

// Hold keys the amplifier and waits until it is warm. The returned context ends with
// ctx, or when the amplifier is switched off under the holder. After release the
// amplifier stays on for the tail, and off follows only when nobody holds it.
func (a *Amplifier) Hold(ctx context.Context) (held context.Context, release func(), err error) {
	hctx, lose := context.WithCancelCause(ctx)
	q := hold{h: &holder{ctx: hctx, lose: lose}, ready: make(chan error, 1)}
	select {
	case a.ask <- q:
	case <-ctx.Done():
		lose(nil)
		return nil, nil, context.Cause(ctx)
	}
	release = sync.OnceFunc(func() {
		select {
		case a.leave <- q.h:
		case <-a.gone:
		}
		lose(nil)
	})
	select {
	case err = <-q.ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return hctx, release, nil
}

// Halt switches the amplifier off now, tail or not, and loses all holds.
func (a *Amplifier) Halt(ctx context.Context) error {
	back := make(chan error, 1)
	select {
	case a.halt <- back:
	case <-a.gone:
		return a.c.Output.Halt(ctx) // straight to the output
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-back:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ampState is what Run knows.
type ampState struct {
	holders map[*holder]bool
	waiting []hold
	on      bool
	onAt    time.Time // keyed at
	offAt   time.Time // let go at
	tailTo  time.Time // off is due then, if nobody holds
	retryAt time.Time // switching off failed
}

// Run owns the output until ctx ends; it then switches off. It runs once.
func (a *Amplifier) Run(ctx context.Context) error {
	defer close(a.gone)
	s := &ampState{holders: map[*holder]bool{}}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(a.step(ctx, s, time.Now()))
		select {
		case <-ctx.Done():
			one, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			a.loseAll(s, wire.ByShutdown())
			return a.off(one, s)
		case q := <-a.ask:
			s.holders[q.h] = true
			s.waiting = append(s.waiting, q)
		case h := <-a.leave:
			a.left(s, h)
		case back := <-a.halt:
			a.loseAll(s, wire.ByStop())
			back <- a.off(ctx, s)
		case <-timer.C:
		}
	}
}

// left takes one hold away; the last one starts the tail.
func (a *Amplifier) left(s *ampState, h *holder) {
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

// step does what is due at now and returns the time until something else is.
func (a *Amplifier) step(ctx context.Context, s *ampState, now time.Time) time.Duration {
	next := time.Hour
	soon := func(at time.Time) {
		next = min(next, max(at.Sub(now), 0))
	}
	if s.on && a.c.MaxOn > 0 {
		end := s.onAt.Add(a.c.MaxOn)
		if !now.Before(end) {
			a.c.Raise("pin.max_on", a.c.Name, "amplifier on for its longest time")
			a.loseAll(s, wire.ByLimit())
			a.offOr(ctx, s, now)
		} else {
			soon(end)
		}
	}
	switch {
	case len(s.holders) > 0 && !s.on:
		if free := s.offAt.Add(a.c.MinOff); !s.offAt.IsZero() && now.Before(free) {
			soon(free)
		} else {
			a.key(ctx, s)
		}
	case len(s.holders) == 0 && s.on:
		if due := later(s.tailTo, s.retryAt); now.Before(due) {
			soon(due)
		} else {
			a.offOr(ctx, s, now)
		}
	}
	if s.on && len(s.waiting) > 0 {
		if warm := s.onAt.Add(a.c.WarmUp); !time.Now().Before(warm) {
			a.grant(s, nil)
		} else {
			soon(warm)
		}
	}
	if s.on && len(s.holders) == 0 {
		soon(later(s.tailTo, s.retryAt))
	}
	return next
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// key switches on; a failure is the waiting holders' answer.
func (a *Amplifier) key(ctx context.Context, s *ampState) {
	one, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := a.c.Output.Set(one, true); err != nil {
		a.lose(s, fmt.Errorf("amplifier %s: %w", a.c.Name, err))
		return
	}
	s.on, s.onAt = true, time.Now()
}

// grant answers all that wait.
func (a *Amplifier) grant(s *ampState, err error) {
	for _, q := range s.waiting {
		q.ready <- err
	}
	s.waiting = nil
}

// loseAll takes the amplifier from everybody.
func (a *Amplifier) loseAll(s *ampState, why error) {
	a.lose(s, fmt.Errorf("amplifier %s was switched off: %w", a.c.Name, why))
}

func (a *Amplifier) lose(s *ampState, err error) {
	a.grant(s, err)
	for h := range s.holders {
		delete(s.holders, h)
		h.lose(err)
	}
}

// off switches off at once, by the output's own Halt, which knows its safe level.
func (a *Amplifier) off(ctx context.Context, s *ampState) error {
	if err := a.c.Output.Halt(ctx); err != nil {
		return fmt.Errorf("amplifier %s: %w", a.c.Name, err)
	}
	if s.on {
		s.on, s.offAt = false, time.Now()
	}
	return nil
}

// offOr switches off, or raises a condition and tries again a second later.
func (a *Amplifier) offOr(ctx context.Context, s *ampState, now time.Time) {
	one, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := a.off(one, s); err != nil {
		s.retryAt = now.Add(time.Second)
		a.c.Raise("amplifier.stuck_on", a.c.Name, err.Error())
		return
	}
	a.c.Clear("amplifier.stuck_on", a.c.Name)
}
