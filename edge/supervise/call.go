package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Try runs f and turns a panic into an error that carries the stack.
func Try(f func() error) error {
	return once(context.Background(), Func(func(context.Context) error { return f() }))
}

// Call runs f and returns its error. It returns when ctx ends at the latest: an f that
// ignores ctx is left behind, and the error is then ctx's. A panic is an error.
func Call(ctx context.Context, f func(context.Context) error) error {
	back := make(chan error, 1)
	go func() { back <- once(ctx, Func(f)) }()
	select {
	case err := <-back:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-back: // at the same moment
		return err
	default:
		return fmt.Errorf("not back in time: %w", ctx.Err())
	}
}

// Each runs do for every item at the same time and waits until all are back or
// ctx ends; a do that ignores ctx is left behind, and one that panics is over. It is
// for halting many devices: the slowest must not hold up the others. Whoever owes an
// answer for every item gives it after Each for those that gave none.
func Each[T any](ctx context.Context, items []T, do func(context.Context, T)) {
	var all sync.WaitGroup
	for _, item := range items {
		all.Add(1)
		go func() {
			defer all.Done()
			_ = once(ctx, Func(func(ctx context.Context) error { do(ctx, item); return nil }))
		}()
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Crew runs short pieces of work beside its owner, who must not wait for them: each
// in a goroutine of its own, and no more than a fixed number at a time.
type Crew struct {
	log   *slog.Logger
	slots chan struct{}
}

// NewCrew makes a crew for at most so many pieces of work at a time.
func NewCrew(log *slog.Logger, most int) *Crew {
	return &Crew{log: log, slots: make(chan struct{}, most)}
}

// Do runs f beside the caller. Where the crew is at its limit the caller does it
// himself, and is slower for it. A panic ends f and is logged under name.
func (c *Crew) Do(name string, f func()) {
	work := func() {
		if err := Try(func() error { f(); return nil }); err != nil {
			c.log.Error("work ended by a panic", "work", name, "error", err)
		}
	}
	select {
	case c.slots <- struct{}{}:
	default:
		work()
		return
	}
	go func() {
		defer func() { <-c.slots }()
		work()
	}()
}

// Wait returns when nothing is under way any more, or when ctx ends. Meanwhile nobody
// may call Do.
func (c *Crew) Wait(ctx context.Context) {
	for n := range cap(c.slots) {
		select {
		case c.slots <- struct{}{}:
			continue
		case <-ctx.Done():
		}
		for range n {
			<-c.slots
		}
		return
	}
	for range cap(c.slots) {
		<-c.slots
	}
}

// Join is a child of x that also ends when y does. A cancelled x ends it at once,
// in the canceller's call; y's end arrives a moment later.
func Join(x, y context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(x)
	stop := context.AfterFunc(y, func() { cancel(context.Cause(y)) })
	return ctx, func() { stop(); cancel(nil) }
}

// Grace is ctx with its end put off by d, for what has to be finished after a stop.
func Grace(ctx context.Context, d time.Duration) (context.Context, func()) {
	later, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-later.Done():
		}
	})
	return later, func() { stop(); cancel(nil) }
}
