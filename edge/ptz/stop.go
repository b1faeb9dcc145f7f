package ptz

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// haltTime bounds one halt: three frames at 1200 baud and their gaps are far below it.
const haltTime = 3 * time.Second

// Waits between attempts to stop a dome whose stop failed.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
)

func doPreset(ctx context.Context, d drivers.Device, n int, do string) error {
	switch do {
	case "goto":
		return d.(drivers.Dome).GotoPreset(ctx, n)
	case "set", "clear":
		store, ok := d.(drivers.PresetStore)
		if !ok {
			return fmt.Errorf("preset %d: %w: this dome stores no presets", n, fault.Unsupported)
		}
		if do == "set" {
			return store.SetPreset(ctx, n)
		}
		return store.ClearPreset(ctx, n)
	}
	return fmt.Errorf("preset: do %q: %w; allowed: set, clear", do, fault.BadInput)
}

// Stop takes the dome from whoever holds it and halts it. It passes every queue and
// returns when the stops are on the wire.
func (a *Arbiter) Stop(ctx context.Context, act Act) {
	a.mu.Lock()
	if a.stale(act, true) {
		a.mu.Unlock()
		act.End(wire.Refuse(wire.Stale, "a later order of this key came before it"))
		return
	}
	if g := a.g; g != nil {
		if g.act.Rank > act.Rank {
			a.mu.Unlock()
			act.End(wire.Refuse(wire.Held, "the holder's priority is above this key's highest"))
			return
		}
		a.drop(g, wire.ByStop())
	}
	a.mu.Unlock()
	a.halt(ctx, act.End)
}

// halt sends the stops and tells end how it went.
func (a *Arbiter) halt(ctx context.Context, end func(wire.Outcome)) {
	err := a.c.Halt(ctx)
	a.mu.Lock()
	if a.g == nil {
		a.velocity = drivers.Velocity{}
	}
	a.mu.Unlock()
	a.c.Changed()
	if err != nil {
		a.mu.Lock()
		a.mustHalt = true
		a.mu.Unlock()
		a.kick()
		end(wire.Failure(err, drivers.None.String()))
		return
	}
	end(a.done())
}

// Release gives the dome back if act's key holds it; what moves is stopped.
func (a *Arbiter) Release(ctx context.Context, act Act) {
	a.mu.Lock()
	g := a.g
	if g == nil || g.act.Kid != act.Kid {
		a.mu.Unlock()
		act.End(wire.Refuse(wire.NoSession, "this key does not hold the dome"))
		return
	}
	a.drop(g, wire.ByStop())
	a.mu.Unlock()
	a.halt(ctx, act.End)
}

// Cancel ends the grant of an act that match picks, for the cause given, halts the
// dome, and tells whether there was one.
func (a *Arbiter) Cancel(ctx context.Context, match func(act string) bool, cause error) bool {
	a.mu.Lock()
	g := a.g
	if g == nil || !match(g.act.ID) {
		a.mu.Unlock()
		return false
	}
	a.drop(g, cause)
	a.mu.Unlock()
	a.halt(ctx, func(wire.Outcome) {})
	return true
}

// Run is the dead man's watch: when the lease of the grant runs out, the grant is
// dropped and the dome halted. It is the only thing that this goroutine does. A halt
// that failed is tried again until it succeeds or somebody else has taken the dome:
// a dome that may still turn is not left alone.
func (a *Arbiter) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	wait := firstRetry
	for {
		g, left, must := a.due()
		switch {
		case g != nil && left <= 0:
			a.lapse(ctx, g)
			wait = firstRetry
			continue
		case must && a.again(ctx):
			continue
		case must:
			left = min(left, wait)
			wait = min(2*wait, lastRetry)
		}
		timer.Reset(left)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-a.wake:
		}
	}
}

// due returns the grant whose lease is running, the time that is left of it, and
// whether a halt is owed.
func (a *Arbiter) due() (*grant, time.Duration, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.g == nil || a.g.until.IsZero() {
		return nil, time.Hour, a.mustHalt
	}
	return a.g, time.Until(a.g.until), a.mustHalt
}

// again pays an owed halt and tells whether that is settled.
func (a *Arbiter) again(ctx context.Context) bool {
	a.mu.Lock()
	if a.g != nil { // taken since: its own lease guards it
		a.mustHalt = false
	}
	must := a.mustHalt
	a.mu.Unlock()
	if !must {
		return true
	}
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
	defer cancel()
	if err := a.c.Halt(one); err != nil {
		return false
	}
	a.mu.Lock()
	a.mustHalt = false
	a.mu.Unlock()
	a.c.Log.Info("dome stopped after all", "device", a.c.Dome)
	return true
}

// lapse ends g. The grant's context ends before the first stop is asked for, so
// that a move that still waits for the wire is refused by the bus; the terminal
// result follows the stops, for it says how late they were.
func (a *Arbiter) lapse(ctx context.Context, g *grant) {
	a.mu.Lock()
	if a.g != g || time.Until(g.until) > 0 {
		a.mu.Unlock()
		return
	}
	a.g = nil
	g.cancel(lapse{})
	due := g.until
	a.velocity = drivers.Velocity{}
	a.mu.Unlock()
	a.c.Reserve(time.Time{}, 0)
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
	defer cancel()
	err := a.c.Halt(one)
	over := time.Since(due)
	if err != nil {
		a.c.Log.Error("dome not stopped when its lease ran out", "device", a.c.Dome, "act", g.act.ID, "error", err)
		a.mu.Lock()
		a.mustHalt = true
		a.mu.Unlock()
		g.act.End(wire.Failure(err, drivers.None.String()))
		return
	}
	a.mu.Lock()
	a.lastLapse = over
	a.mu.Unlock()
	g.act.End(a.ending(g, lapse{overrun: over}))
	a.c.Log.Info("lease ran out, dome stopped", "device", a.c.Dome, "act", g.act.ID, "overrun", over)
	a.c.Changed()
}

// End drops whatever is held, without a halt (the caller halts): shutdown.
func (a *Arbiter) End(cause error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.g != nil {
		a.drop(a.g, cause)
	}
}
