package board

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Board
		n := 0
		go func() {
			for range 3 {
				time.Sleep(time.Second)
				b.Lock()
				n++
				b.Changed()
				b.Unlock()
			}
		}()
		began := time.Now()
		if err := b.Until(t.Context(), func() bool { return n == 2 }); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := b.Until(ctx, func() bool { return n > 3 }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
