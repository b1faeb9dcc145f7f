package intake

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// camera is a Camera whose disk takes a second, and fails for the first so many.
func camera(fails int) (c *Camera, kept func() []string) {
	var mu sync.Mutex
	var all []string
	c = &Camera{ID: "cam-1", Log: slog.New(slog.DiscardHandler), Keep: func(ctx context.Context, e Stamped) error {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		if fails > 0 {
			fails--
			return errors.New("no disk")
		}
		all = append(all, e.ID)
		return nil
	}}
	return c, func() []string { mu.Lock(); defer mu.Unlock(); return all }
}

// TestOneRecordPerID: deliveries of one event at the same time make one record, and each
// is answered only when that is on disk.
func TestOneRecordPerID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, kept := camera(0)
		began := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := c.take(t.Context(), drivers.Event{ID: "1"}); err != nil || time.Since(began) != time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
			})
		}
		all.Wait()
		if err := c.take(t.Context(), drivers.Event{ID: "1"}); err != nil {
			t.Error(err)
		}
		if n := c.Counts(); len(kept()) != 1 || n.Kept != 1 || n.Repeats != 8 || n.Failed != 0 {
			t.Errorf("%v, %+v", kept(), n)
		}
	})
}

// TestTheNextOneTries: where the first delivery fails another that waited tries itself.
func TestTheNextOneTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, kept := camera(1)
		errs := make(chan error, 2)
		for range 2 {
			go func() { errs <- c.take(t.Context(), drivers.Event{ID: "1"}) }()
		}
		if first, second := <-errs, <-errs; first == nil || second != nil || len(kept()) != 1 {
			t.Errorf("%v, %v, %v", first, second, kept())
		}
	})
}

// TestWaitingEnds: whoever waits for another's delivery waits no longer than it may.
func TestWaitingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := camera(0)
		go func() { _ = c.take(t.Context(), drivers.Event{ID: "1"}) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := c.take(short, drivers.Event{ID: "1"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestEventsWithoutIDAndOldOnes: without an id nothing is known again; the memory is
// bounded; what is too large is refused.
func TestEventsWithoutIDAndOldOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, kept := camera(0)
		take := func(e drivers.Event) error { return c.take(t.Context(), e) }
		for range 2 {
			if err := take(drivers.Event{}); err != nil {
				t.Error(err)
			}
		}
		for i := range remembered + 1 {
			if err := take(drivers.Event{ID: strings.Repeat("x", i+1)}); err != nil {
				t.Error(err)
			}
		}
		if err := take(drivers.Event{ID: "x"}); err != nil || len(kept()) != remembered+4 {
			t.Errorf("%v, %d kept", err, len(kept()))
		}
		if err := take(drivers.Event{ID: "big", Data: make([]byte, MaxData+1)}); fault.Of(err) != fault.BadInput {
			t.Error(err)
		}
	})
}
