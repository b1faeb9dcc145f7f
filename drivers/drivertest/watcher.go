package drivertest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fuqiao/edged/drivers"
)

// WatcherRig is a Watcher and the camera in front of it.
type WatcherRig struct {
	Watcher drivers.Watcher
	// Provoke makes the camera report event number n and returns what it was told:
	// taken, or not. It waits until the watcher is listening, and gives up with ctx.
	// It is nil for a source that cannot be told anything (a contact).
	Provoke func(ctx context.Context, n int) (taken bool)
}

// watcherPatience bounds everything that the suite waits for; nothing takes so long
// unless it hangs.
const watcherPatience = 10 * time.Second

// WatcherSuite is the contract of drivers.Watcher. It runs in real time, because
// sources use sockets; it waits for what has happened and never for a time.
func WatcherSuite(t *testing.T, rig func(t *testing.T) WatcherRig) {
	for _, point := range []struct {
		name string
		run  func(*testing.T, WatcherRig)
	}{
		{"taken means stored", watcherStored},
		{"not stored means not taken", watcherRefused},
		{"ctx ends Watch and every emit", watcherEnds},
		{"can watch again", watcherAgain},
		{"Halt is idempotent", watcherHalt},
	} {
		t.Run(strings.ReplaceAll(point.name, " ", "_"), func(t *testing.T) { point.run(t, rig(t)) })
	}
}

// watching runs Watch until the returned function is called, which waits for its end.
func watching(t *testing.T, r WatcherRig, emit func(context.Context, drivers.Event) error) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Watcher.Watch(ctx, emit) }()
	return func() {
		t.Helper()
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("Watch ended with %v", err)
			}
		case <-time.After(watcherPatience):
			t.Fatal("Watch does not end with its ctx")
		}
	}
}

func (r WatcherRig) provoke(t *testing.T, n int) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), watcherPatience)
	defer cancel()
	taken := r.Provoke(ctx, n)
	if ctx.Err() != nil {
		t.Errorf("event %d: no answer", n)
	}
	return taken
}

func watcherStored(t *testing.T, r WatcherRig) {
	if r.Provoke == nil {
		return
	}
	var stored atomic.Int64
	end := watching(t, r, func(_ context.Context, e drivers.Event) error {
		judgeEvent(t, e)
		disk()
		stored.Add(1)
		return nil
	})
	defer end()
	for n := 1; n <= 3; n++ {
		if !r.provoke(t, n) {
			t.Errorf("event %d was not taken", n)
		}
		if got := stored.Load(); got < int64(n) {
			t.Errorf("event %d was said to be taken when %d were stored", n, got)
		}
	}
}

// disk takes the time that a disk takes.
func disk() { <-time.After(5 * time.Millisecond) }

// judgeEvent checks what every event has to be.
func judgeEvent(t *testing.T, e drivers.Event) {
	t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal(e.Data, &object); err != nil {
		t.Errorf("data is no JSON object: %v: %.200s", err, e.Data)
	}
	if len(e.Data) > 32<<10 {
		t.Errorf("data of %d bytes, at most 32 KiB", len(e.Data))
	}
	if e.Kind == "" {
		t.Errorf("an event without kind: %.200s", e.Data)
	}
}

func watcherRefused(t *testing.T, r WatcherRig) {
	if r.Provoke == nil {
		return
	}
	var full atomic.Bool
	full.Store(true)
	end := watching(t, r, func(context.Context, drivers.Event) error {
		if full.Load() {
			return errors.New("the disk takes nothing")
		}
		return nil
	})
	defer end()
	if r.provoke(t, 1) {
		t.Error("taken, although it was not stored")
	}
	full.Store(false)
	if !r.provoke(t, 2) {
		t.Error("not taken any more after one failure")
	}
}

func watcherEnds(t *testing.T, r WatcherRig) {
	if r.Provoke == nil {
		watching(t, r, func(context.Context, drivers.Event) error { return nil })()
		return
	}
	entered := make(chan struct{}, 1)
	var inside atomic.Int64
	end := watching(t, r, func(ctx context.Context, _ drivers.Event) error {
		inside.Add(1)
		defer inside.Add(-1)
		entered <- struct{}{}
		<-ctx.Done() // a disk that hangs
		disk()
		return ctx.Err()
	})
	taken := make(chan bool, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), watcherPatience)
		defer cancel()
		taken <- r.Provoke(ctx, 1)
	}()
	select {
	case <-entered:
	case <-time.After(watcherPatience):
		t.Fatal("the event does not arrive")
	}
	end()
	if inside.Load() != 0 {
		t.Error("emit is still running after Watch has returned")
	}
	if <-taken {
		t.Error("taken, although Watch ended before it was stored")
	}
}

func watcherAgain(t *testing.T, r WatcherRig) {
	for n := 1; n <= 2; n++ {
		end := watching(t, r, func(context.Context, drivers.Event) error { return nil })
		if r.Provoke != nil && !r.provoke(t, n) {
			t.Errorf("watch %d: not taken", n)
		}
		end()
	}
}

func watcherHalt(t *testing.T, r WatcherRig) {
	halt := func(when string) {
		for range 2 {
			if err := r.Watcher.Halt(t.Context()); err != nil {
				t.Errorf("Halt %s: %v", when, err)
			}
		}
	}
	halt("before Watch")
	end := watching(t, r, func(context.Context, drivers.Event) error { return nil })
	halt("beside Watch")
	end()
	halt("after Watch")
}
