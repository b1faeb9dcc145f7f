package ptz

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

// presetTime bounds one call, store or clear of a preset.
const presetTime = 5 * time.Second

// Goto calls a preset. The dome turns by itself and stops by itself; there is no lease.
func (a *Arbiter) Goto(act Act, preset int) {
	a.presetAct(act, preset, "goto")
}

// Preset stores ("set") or clears ("clear") a preset at the present pose. It moves
// nothing, so it takes the dome from nobody of its own key: whoever holds the stick may
// store what he has found, and several are stored one after another.
func (a *Arbiter) Preset(act Act, preset int, do string) {
	a.mu.Lock()
	if g := a.g; g != nil && g.act.Kid != act.Kid || a.stale(act) {
		a.mu.Unlock()
		a.presetAct(act, preset, do)
		return
	}
	a.remember(act)
	a.mu.Unlock()
	act.Step(wire.Accepted)
	failed := func(cause error) { act.End(wire.Failure(cause, drivers.None.String())) }
	err := a.c.Post(act.ID, act.Rank, presetTime, func(ctx context.Context, d drivers.Device) {
		if err := doPreset(ctx, d, preset, do); err != nil {
			failed(why(ctx, err))
			return
		}
		act.End(a.done())
	}, failed)
	if err != nil {
		failed(err)
	}
}

func (a *Arbiter) presetAct(act Act, preset int, do string) {
	a.mu.Lock()
	g, no, told := a.admit(act)
	if g == nil {
		a.mu.Unlock()
		act.End(no)
		return
	}
	a.mu.Unlock()
	told()
	act.Step(wire.Accepted)
	err := a.c.Post(act.ID, act.Rank, presetTime, func(ctx context.Context, d drivers.Device) {
		both, end := supervise.Join(g.ctx, ctx)
		defer end()
		err := a.still(both)
		if err == nil {
			err = doPreset(both, d, preset, do)
		}
		if err != nil {
			a.failPreset(g, why(ctx, err))
			return
		}
		if do == "goto" {
			a.mu.Lock()
			a.preset = preset
			a.mu.Unlock()
		}
		a.finish(g, a.done())
	}, func(cause error) { a.failPreset(g, cause) })
	if err != nil {
		a.failPreset(g, err)
	}
}

// still halts a dome that an earlier grant has left moving: nobody watches over that
// motion any more.
func (a *Arbiter) still(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	a.mu.Lock()
	moving := !a.velocity.Zero()
	a.mu.Unlock()
	if !moving {
		return nil
	}
	return a.rest(ctx)
}

// failPreset ends g with err; a dome that may still move for an earlier grant is halted.
func (a *Arbiter) failPreset(g *grant, err error) {
	a.mu.Lock()
	moving := !a.velocity.Zero()
	a.mu.Unlock()
	if moving {
		a.fail(g, err)
		return
	}
	a.finish(g, wire.Failure(err, drivers.None.String()))
}

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
