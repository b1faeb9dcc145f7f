package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTry(t *testing.T) {
	want := errors.New("no")
	if err := Try(func() error { return want }); !errors.Is(err, want) {
		t.Error(err)
	}
	if err := Try(func() error { panic("broken") }); err == nil || !strings.Contains(err.Error(), "panic: broken") || !strings.Contains(err.Error(), "call_test.go") {
		t.Errorf("a panic: %v", err)
	}
}

// TestCall: an answer, a panic, and one who does not come back.
func TestCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		want := errors.New("no")
		if err := Call(ctx, func(context.Context) error { return want }); !errors.Is(err, want) {
			t.Error(err)
		}
		if err := Call(ctx, func(context.Context) error { panic("broken") }); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Error(err)
		}
		hang := make(chan struct{})
		defer close(hang)
		began := time.Now()
		err := Call(ctx, func(context.Context) error { <-hang; return nil })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("left behind after %v: %v", time.Since(began), err)
		}
	})
}

// TestEach: all at the same time, the slowest sets the time, one that panics takes
// nobody with it, and one that ignores its context is left behind.
func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		defer close(hang)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var mu sync.Mutex
		var back []int
		do := func(_ context.Context, n int) {
			switch n {
			case 3:
				panic("three")
			case 99:
				<-hang
				return
			}
			<-time.After(time.Duration(n) * time.Second)
			mu.Lock()
			defer mu.Unlock()
			back = append(back, n)
		}
		began := time.Now()
		Each(ctx, []int{4, 3, 2, 1}, do)
		if time.Since(began) != 4*time.Second || !slices.Equal(back, []int{1, 2, 4}) {
			t.Errorf("after %v: %v", time.Since(began), back)
		}
		Each(ctx, []int{99}, do)
		if time.Since(began) != 10*time.Second {
			t.Errorf("left behind after %v", time.Since(began))
		}
	})
}

// TestCrew: work runs beside its owner up to a limit, and beyond it in its owner's place.
func TestCrew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		c := NewCrew(log.logger(), 2)
		var done atomic.Int32
		work := func() { <-time.After(time.Second); done.Add(1) }
		began := time.Now()
		c.Do("one", work)
		c.Do("two", work)
		if time.Since(began) != 0 {
			t.Error("the first two held their owner up")
		}
		c.Do("three", work)
		if time.Since(began) != time.Second {
			t.Errorf("the third came back after %v", time.Since(began))
		}
		synctest.Wait()
		c.Do("four", func() { panic("broken") })
		c.Do("five", work)
		c.Wait(t.Context())
		if done.Load() != 4 || time.Since(began) != 2*time.Second {
			t.Errorf("%d done after %v", done.Load(), time.Since(began))
		}
		if !log.has("four", "broken") {
			t.Error("a panic was not logged")
		}
		hang := make(chan struct{})
		c.Do("six", func() { <-hang })
		one, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c.Wait(one)
		close(hang)
		c.Wait(t.Context()) // the first Wait gave back what it had taken
	})
}

// TestJoin: it ends with either, and says by whom.
func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, first := range []bool{true, false} {
			x, endX := context.WithCancelCause(t.Context())
			y, endY := context.WithCancelCause(t.Context())
			both, end := Join(x, y)
			cause := errors.New("why")
			if first {
				endX(cause)
				if both.Err() == nil {
					t.Error("x has ended, and it goes on")
				}
			} else {
				endY(cause)
			}
			<-both.Done()
			if !errors.Is(context.Cause(both), cause) {
				t.Error(context.Cause(both))
			}
			end()
			endX(nil)
			endY(nil)
		}
	})
}

// TestGrace: it outlives its parent by the time given, and no longer; an end that is
// not needed leaves nothing behind.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		late, end := Grace(ctx, time.Second)
		defer end()
		<-time.After(time.Hour)
		stop()
		began := time.Now()
		if late.Err() != nil {
			t.Error("it ends with its parent")
		}
		<-late.Done()
		if time.Since(began) != time.Second {
			t.Errorf("it ended after %v", time.Since(began))
		}
		late, end = Grace(ctx, time.Hour)
		end()
		if late.Err() == nil {
			t.Error("it goes on after its end")
		}
		synctest.Wait() // and no goroutine is left when the bubble ends
	})
}
