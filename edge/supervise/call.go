package supervise

import (
	"context"
	"sync"
)

// Each runs do for every item at the same time and waits until all are back or
// ctx ends; a do that ignores ctx is left behind. It is for halting many devices:
// the slowest must not hold up the others.
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

// Join is a child of x that also ends when y does. A cancelled x ends it at once,
// in the canceller's call; y's end arrives a moment later.
func Join(x, y context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(x)
	stop := context.AfterFunc(y, func() { cancel(context.Cause(y)) })
	return ctx, func() { stop(); cancel(nil) }
}
