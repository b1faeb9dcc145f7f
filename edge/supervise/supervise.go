// Package supervise runs everything that lives long. It is the only place where
// a goroutine begins: a service is started on a floor, restarted with back-off
// when it fails or panics, stopped floor by floor from the top, and abandoned,
// with its stack in the log, when it does not come back.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// Service is something that runs until its ctx ends. A nil return means that its
// work is over; an error, or a panic, means that it is to be started again.
type Service interface {
	Run(ctx context.Context) error
}

// Forsaken is a Service that wants to know when it is given up: what waits for it
// has to be told, for it will not answer any more. Abandoned is called once, beside a
// Run that has not returned.
type Forsaken interface {
	Abandoned(why string)
}

// Func makes a function a Service.
type Func func(ctx context.Context) error

// Run calls f.
func (f Func) Run(ctx context.Context) error { return f(ctx) }

// Options of a Tree; zero values take the defaults of design.md.
type Options struct {
	Log *slog.Logger
	// Limit is how many abandoned goroutines end the tree (default 3).
	Limit int
	// FirstWait and LastWait bound the wait before a restart (100 ms, 10 s).
	// A service that ran for longer than LastWait starts anew at FirstWait.
	FirstWait, LastWait time.Duration
}

// Tree owns the goroutines of one life of the gateway.
type Tree struct {
	o Options

	mu        sync.Mutex
	units     []*Unit
	stopped   bool
	abandoned int
	failed    chan struct{}
}

// New makes an empty tree.
func New(o Options) *Tree {
	if o.Limit == 0 {
		o.Limit = 3
	}
	if o.FirstWait == 0 {
		o.FirstWait = 100 * time.Millisecond
	}
	if o.LastWait == 0 {
		o.LastWait = 10 * time.Second
	}
	return &Tree{o: o, failed: make(chan struct{})}
}

// Unit is one running service.
type Unit struct {
	tree   *Tree
	floor  int
	name   string
	s      Service
	cancel context.CancelFunc
	done   chan struct{}
	given  sync.Once
}

// Start runs s on a floor (higher floors stop first). The unit's context carries
// ctx's values and ends with ctx, with Unit.Stop or with Tree.Stop. After Stop
// nothing is started any more and the returned unit is done already.
func (t *Tree) Start(ctx context.Context, floor int, name string, s Service) *Unit {
	ctx, cancel := context.WithCancel(ctx)
	u := &Unit{tree: t, floor: floor, name: name, s: s, cancel: cancel, done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		t.o.Log.Warn("service not started: shutting down", "service", name)
		cancel()
		close(u.done)
		return u
	}
	t.units = append(t.units, u)
	go u.loop(ctx)
	return u
}

// loop restarts the service until its work or its context is over.
func (u *Unit) loop(ctx context.Context) {
	defer close(u.done)
	defer u.forget() // before done: whoever waits for it does not find it again
	defer u.cancel()
	wait := u.tree.o.FirstWait
	for {
		began := time.Now()
		err := once(ctx, u.s)
		if err == nil || ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				u.tree.o.Log.Warn("service ended with an error at its stop", "service", u.name, "error", err)
			}
			return
		}
		if time.Since(began) > u.tree.o.LastWait {
			wait = u.tree.o.FirstWait
		}
		u.tree.o.Log.Error("service failed, starting it again", "service", u.name, "error", err, "wait", wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = min(2*wait, u.tree.o.LastWait)
	}
}

// forget takes a finished unit out of the tree, so that short-lived ones do not pile up.
func (u *Unit) forget() {
	t := u.tree
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, v := range t.units {
		if v == u {
			t.units = append(t.units[:i], t.units[i+1:]...)
			return
		}
	}
}

// once runs s and turns a panic into an error that carries the stack.
func once(ctx context.Context, s Service) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return s.Run(ctx)
}

// Done is closed when the unit has ended.
func (u *Unit) Done() <-chan struct{} { return u.done }

// Stop cancels the unit and waits up to patience; one that does not come back is abandoned.
func (u *Unit) Stop(patience time.Duration) {
	u.cancel()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-u.done:
	case <-timer.C:
		u.Abandon("not back after its stop")
	}
}

// Abandon gives a unit up, once: its context is cancelled, all stacks are logged,
// nobody waits for it any more, and a Forsaken is told. When Limit units are
// abandoned, Failed is closed: a program that leaks goroutines is to halt its devices
// and start afresh.
func (u *Unit) Abandon(why string) { u.given.Do(func() { u.abandon(why) }) }

func (u *Unit) abandon(why string) {
	u.cancel()
	buf := make([]byte, 256<<10)
	buf = buf[:runtime.Stack(buf, true)]
	t := u.tree
	t.o.Log.Error("goroutine abandoned", "service", u.name, "why", why, "stacks", string(buf))
	u.forget()
	t.mu.Lock()
	t.abandoned++
	if t.abandoned == t.o.Limit {
		close(t.failed)
	}
	t.mu.Unlock()
	if f, ok := u.s.(Forsaken); ok {
		f.Abandoned(why)
	}
}

// Abandoned is how many units were given up so far.
func (t *Tree) Abandoned() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.abandoned
}

// Failed is closed when Options.Limit units have been abandoned.
func (t *Tree) Failed() <-chan struct{} { return t.failed }

// Stop ends the tree: floor by floor from the highest, each waited for up to
// patience, and refuses new services from now on. It may be called once.
func (t *Tree) Stop(patience time.Duration) {
	t.StopAbove(-1, patience)
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.StopAbove(-1, patience) // what was started between the two
}

// StopAbove ends all floors higher than floor and leaves the rest running: devices
// are halted while the buses below them are still up.
func (t *Tree) StopAbove(floor int, patience time.Duration) {
	for {
		t.mu.Lock()
		top := floor
		for _, u := range t.units {
			top = max(top, u.floor)
		}
		var level []*Unit
		for _, u := range t.units {
			if u.floor == top {
				level = append(level, u)
			}
		}
		t.mu.Unlock()
		if top == floor || len(level) == 0 {
			return
		}
		for _, u := range level {
			u.cancel()
		}
		limit := time.Now().Add(patience)
		for _, u := range level {
			u.Stop(max(time.Until(limit), time.Millisecond))
		}
	}
}
