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
	"fuqiao/edged/edge/supervise"
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
	s     ampState      // Run's own
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
	return &Amplifier{
		c: c, ask: make(chan hold), leave: make(chan *holder), halt: make(chan chan error), gone: make(chan struct{}),
		s: ampState{holders: map[*holder]bool{}},
	}
}

// Hold keys the amplifier and waits until it is warm. The returned context ends with
// ctx, or when the amplifier is switched off under the holder. After release the
// amplifier stays on for the tail, and off follows only when nobody holds it.
func (a *Amplifier) Hold(ctx context.Context) (held context.Context, release func(), err error) {
	hctx, lose := context.WithCancelCause(ctx)
	q := hold{h: &holder{ctx: hctx, lose: lose}, ready: make(chan error, 1)}
	select {
	case a.ask <- q:
	case <-a.gone:
		lose(nil)
		return nil, nil, fmt.Errorf("amplifier %s: %w", a.c.Name, wire.ByShutdown())
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
	case <-a.gone: // straight to the output
		return a.named(supervise.Try(func() error { return a.c.Output.Halt(ctx) }))
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
