package supervise

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// until is a service that lives as long as it is let, and notes its end.
func until(end func()) Func {
	return func(ctx context.Context) error { <-ctx.Done(); end(); return ctx.Err() }
}

// TestTreeRestarts: after an error or a panic a service is started again, with waits
// that grow to a bound and are short again after a long good run; one that is done is not.
func TestTreeRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		tree := New(Options{Log: log.logger(), FirstWait: time.Second, LastWait: 4 * time.Second})
		var at []time.Duration
		began := time.Now()
		u := tree.Start(t.Context(), 0, "sick", Func(func(ctx context.Context) error {
			at = append(at, time.Since(began)/time.Second)
			switch len(at) {
			case 1:
				return errors.New("no")
			case 2:
				panic("broken")
			case 5:
				<-time.After(10 * time.Second)
				return errors.New("after a long time")
			case 6:
				return nil
			}
			return errors.New("no")
		}))
		<-u.Done()
		// 1, 2, 4, 4 s of waiting; then 10 s of running and 1 s
		if want := []time.Duration{0, 1, 3, 7, 11, 22}; !slices.Equal(at, want) {
			t.Errorf("started at %v, want %v", at, want)
		}
		if !log.has("sick", "panic: broken", "tree_test.go") {
			t.Error("the panic's stack is not in the log")
		}
	})
}

// TestTreeStopsByFloors: from the top, each floor at once and waited for before the next.
func TestTreeStopsByFloors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := New(Options{Log: new(lines).logger()})
		var mu sync.Mutex
		var ends []string
		start := func(floor int, name string, takes time.Duration) {
			tree.Start(t.Context(), floor, name, until(func() {
				<-time.After(takes)
				mu.Lock()
				defer mu.Unlock()
				ends = append(ends, name)
			}))
		}
		start(0, "wire", 0)
		start(2, "desk a", 2*time.Second)
		start(2, "desk b", time.Second)
		start(1, "device", time.Second)
		began := time.Now()
		tree.StopAbove(0, 3*time.Second)
		if want := []string{"desk b", "desk a", "device"}; !slices.Equal(ends, want) || time.Since(began) != 3*time.Second {
			t.Errorf("ended %v after %v", ends, time.Since(began))
		}
		tree.Stop(time.Second)
		if len(ends) != 4 || ends[3] != "wire" {
			t.Errorf("%v", ends)
		}
		u := tree.Start(t.Context(), 0, "late", until(func() { t.Error("it ran") }))
		<-u.Done()
		if len(tree.units) != 0 || tree.Abandoned() != 0 {
			t.Errorf("%d units left, %d abandoned", len(tree.units), tree.Abandoned())
		}
	})
}

// TestTreeForgets: what has ended by itself is kept nowhere.
func TestTreeForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tree := New(Options{Log: new(lines).logger()})
		for range 1000 {
			tree.Start(t.Context(), 0, "short", Func(func(context.Context) error { return nil }))
		}
		synctest.Wait()
		if len(tree.units) != 0 {
			t.Errorf("%d units", len(tree.units))
		}
	})
}

// deaf does not come back, and is told that it was given up.
type deaf struct {
	hang chan struct{}
	told chan string
}

func (d deaf) Run(context.Context) error { <-d.hang; return nil }

func (d deaf) Abandoned(why string) { d.told <- why }

// TestTreeAbandons: after its patience a stop gives a service up with all stacks in
// the log; the third ends the tree; being given up twice counts once.
func TestTreeAbandons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		tree := New(Options{Log: log.logger()})
		d := deaf{make(chan struct{}), make(chan string, 9)}
		defer close(d.hang)
		units := []*Unit{tree.Start(t.Context(), 1, "deaf one", d), tree.Start(t.Context(), 1, "deaf two", d), tree.Start(t.Context(), 1, "deaf three", d)}
		began := time.Now()
		units[0].Stop(5 * time.Second)
		units[0].Abandon("again")
		if time.Since(began) != 5*time.Second || tree.Abandoned() != 1 || len(d.told) != 1 {
			t.Errorf("%d abandoned, %d told after %v", tree.Abandoned(), len(d.told), time.Since(began))
		}
		if !log.has("goroutine abandoned", "deaf one", "deaf.Run") {
			t.Error("no stack in the log")
		}
		units[1].Abandon("hung")
		select {
		case <-tree.Failed():
			t.Error("two are not three")
		default:
		}
		tree.Stop(3 * time.Second)
		select {
		case <-tree.Failed():
		default:
			t.Error("three were abandoned, and the tree has not failed")
		}
		if time.Since(began) != 8*time.Second {
			t.Errorf("the stop waited until %v: what is abandoned is not waited for again", time.Since(began))
		}
	})
}
