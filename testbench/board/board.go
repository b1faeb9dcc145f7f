// Package board is a mutex whose holders can be waited for: the testbench's simulators
// keep their books under it, and tests wait until the books say what they want.
package board

import (
	"context"
	"sync"
)

// Board guards books. The zero value is ready.
type Board struct {
	sync.Mutex
	change chan struct{}
}

// Changed wakes all who wait; the board is locked.
func (b *Board) Changed() {
	if b.change != nil {
		close(b.change)
		b.change = nil
	}
}

// Until waits until look, called with the board locked, is true; it returns ctx's error
// otherwise. look must not lock the board.
func (b *Board) Until(ctx context.Context, look func() bool) error {
	for {
		b.Lock()
		ok := look()
		if b.change == nil {
			b.change = make(chan struct{})
		}
		change := b.change
		b.Unlock()
		if ok {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
