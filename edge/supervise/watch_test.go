package supervise

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// loop is something that answers pings while it turns, after a delay.
type loop struct {
	stuck bool
	delay time.Duration
	err   error
}

func (l *loop) Ping(ctx context.Context) error {
	if l.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	select {
	case <-time.After(l.delay):
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestPromise52_WatchdogIsFedWhileAllAnswer: fed each period while order desk, stop
// path and buses answer within a second; not when one does not; again when it does.
func TestPromise52_WatchdogIsFedWhileAllAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		desk, bus := &loop{delay: 10 * time.Millisecond}, &loop{delay: 900 * time.Millisecond}
		var fed int
		late := map[string]int{}
		w := &Watch{
			Period: 3 * time.Second, Limit: time.Second,
			Pingers: func() map[string]Pinger { return map[string]Pinger{"desk": desk, "bus rs485-1": bus} },
			Alive:   func() { fed++ },
			Late:    func(name string, _ error) { late[name]++ },
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		span := func(d time.Duration) int {
			before := fed
			<-time.After(d)
			synctest.Wait()
			return fed - before
		}
		if n := span(2 * time.Second); n != 1 {
			t.Errorf("fed %d times at the start", n)
		}
		if n := span(30 * time.Second); n != 10 || len(late) != 0 {
			t.Errorf("fed %d times in 30 s, late: %v", n, late)
		}
		bus.stuck = true
		if n := span(30 * time.Second); n != 0 || late["bus rs485-1"] < 9 || late["desk"] != 0 {
			t.Errorf("a bus that is stuck: fed %d times, late: %v", n, late)
		}
		bus.stuck, desk.delay = false, 1100*time.Millisecond
		if n := span(30 * time.Second); n != 0 || late["desk"] < 9 {
			t.Errorf("a desk that is slow: fed %d times, late: %v", n, late)
		}
		desk.delay, desk.err = 0, errors.New("stop path: not there")
		if n := span(30 * time.Second); n != 0 {
			t.Errorf("a desk that says no: fed %d times", n)
		}
		desk.err = nil
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
