package supervise

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// loop is something that answers pings while it turns, after a delay.
type loop struct {
	mu    sync.Mutex
	delay time.Duration
	err   error
	stuck bool
}

func (l *loop) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *loop) Ping(ctx context.Context) error {
	l.mu.Lock()
	delay, err, stuck := l.delay, l.err, l.stuck
	l.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-time.After(delay):
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPromise52_WatchdogIsFedWhileAllAnswer: fed each period while order desk, stop
// path and buses answer within a second; not when one does not; again when it does.
func TestPromise52_WatchdogIsFedWhileAllAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, bus := &loop{delay: 10 * time.Millisecond}, &loop{delay: 900 * time.Millisecond}
		var mu sync.Mutex
		var fed int
		lates := map[string]int{}
		w := &Watch{
			Period: 3 * time.Second, Limit: time.Second,
			Pingers: func() map[string]Pinger { return map[string]Pinger{"desk": desk, "bus rs485-1": bus} },
			Alive:   func() { mu.Lock(); defer mu.Unlock(); fed++ },
			Late:    func(name string, _ error) { mu.Lock(); defer mu.Unlock(); lates[name]++ },
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		var late map[string]int // as it was at the end of the last span
		span := func(d time.Duration) int {
			mu.Lock()
			before := fed
			mu.Unlock()
			<-time.After(d)
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			late = maps.Clone(lates)
			return fed - before
		}
		if n := span(2 * time.Second); n != 1 {
			t.Errorf("fed %d times at the start", n)
		}
		if n := span(30 * time.Second); n != 10 || len(late) != 0 {
			t.Errorf("fed %d times in 30 s, late: %v", n, late)
		}
		bus.set(func() { bus.stuck = true })
		if n := span(30 * time.Second); n != 0 || late["bus rs485-1"] < 9 || late["desk"] != 0 {
			t.Errorf("a bus that is stuck: fed %d times, late: %v", n, late)
		}
		bus.set(func() { bus.stuck = false })
		desk.set(func() { desk.delay = 1100 * time.Millisecond })
		if n := span(30 * time.Second); n != 0 || late["desk"] < 9 {
			t.Errorf("a desk that is slow: fed %d times, late: %v", n, late)
		}
		desk.set(func() { desk.delay, desk.err = 0, errors.New("stop path: not there") })
		if n := span(30 * time.Second); n != 0 {
			t.Errorf("a desk that says no: fed %d times", n)
		}
		desk.set(func() { desk.err = nil })
		if n := span(30 * time.Second); n < 9 {
			t.Errorf("all answer again: fed %d times", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestWatchEndsQuietly: the end in the middle of a ping is nobody's lateness.
func TestWatchEndsQuietly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := &Watch{
			Period: time.Second, Limit: time.Minute,
			Pingers: func() map[string]Pinger { return map[string]Pinger{"desk": &loop{stuck: true}} },
			Alive:   func() { t.Error("fed") }, Late: func(string, error) { t.Error("late") },
		}
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
