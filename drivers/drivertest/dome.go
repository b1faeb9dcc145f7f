package drivertest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// DomeRig is a Dome on a scripted wire whose device plays along.
type DomeRig struct {
	Dome drivers.Dome
	Wire *Wire
	// IsStop tells whether a frame stops the dome.
	IsStop func(frame []byte) bool
	// Preset is a number that the dome has, NoPresets are some that it must refuse.
	Preset    int
	NoPresets []int
	// Mute makes the device answer nothing from now on; nil for one that never does.
	Mute func()
}

// haltWithin is how long Halt may take on a free wire, an answer that does not come
// included: edged -safe has 2 s for everything.
const haltWithin = time.Second

// DomeSuite is the contract of drivers.Dome and, where the dome has it, of
// drivers.PresetStore. Each point runs in a testing/synctest bubble of its own, with
// a rig of its own.
func DomeSuite(t *testing.T, rig func(t *testing.T) DomeRig) {
	for _, point := range []struct {
		name string
		run  func(*testing.T, DomeRig)
	}{
		{"a move is one frame that is not urgent", domeMoves},
		{"every direction has its own frame", domeDirections},
		{"the slowest motion is no stop", domeSlowest},
		{"a move of zero is one urgent stop", domeZero},
		{"bad input sends nothing", domeBadInput},
		{"a preset is one frame", domePreset},
		{"Halt is three urgent stops and idempotent", domeHalt},
		{"no motion follows a Halt", domeHaltBeside},
		{"a stop overtakes a waiting motion", domeStopBeside},
		{"Halt beside everything", domeCrowd},
		{"Halt returns within ctx", domeHaltBusy},
		{"a mute device is stopped all the same", domeMute},
		{"a dead ctx sends nothing", domeDeadContext},
		{"the end of ctx ends a waiting call", domeWaiting},
		{"a lost port and a full queue are said", domeClasses},
	} {
		t.Run(strings.ReplaceAll(point.name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { point.run(t, rig(t)) })
		})
	}
}

// calls are all that make the dome do something, by name.
func (r DomeRig) calls() map[string]func(context.Context) error {
	all := map[string]func(context.Context) error{
		"Move":       func(ctx context.Context) error { return r.Dome.Move(ctx, drivers.Velocity{Pan: 0.5}) },
		"stop":       func(ctx context.Context) error { return r.Dome.Move(ctx, drivers.Velocity{}) },
		"GotoPreset": func(ctx context.Context) error { return r.Dome.GotoPreset(ctx, r.Preset) },
		"Halt":       r.Dome.Halt,
	}
	if p, ok := r.Dome.(drivers.PresetStore); ok {
		all["SetPreset"] = func(ctx context.Context) error { return p.SetPreset(ctx, r.Preset) }
		all["ClearPreset"] = func(ctx context.Context) error { return p.ClearPreset(ctx, r.Preset) }
	}
	return all
}

// stops tells of each frame so far whether it is a stop.
func (r DomeRig) stops() (all []bool) {
	for _, f := range r.Wire.Sent() {
		all = append(all, r.IsStop(f))
	}
	return all
}

func domeMoves(t *testing.T, r DomeRig) {
	if err := r.Dome.Move(t.Context(), drivers.Velocity{Pan: 0.5, Tilt: -0.5}); err != nil {
		t.Fatal(err)
	}
	f := r.Wire.Frames()
	if len(f) != 1 || f[0].Urgent || r.IsStop(f[0].Bytes) {
		t.Errorf("sent %+v", f)
	}
}

func domeDirections(t *testing.T, r DomeRig) {
	seen := map[string]drivers.Velocity{}
	for _, v := range []drivers.Velocity{
		{Pan: 1}, {Pan: -1}, {Tilt: 1}, {Tilt: -1}, {Zoom: 1}, {Zoom: -1},
		{Pan: 1, Tilt: 1}, {Pan: -1, Tilt: 1}, {Pan: 1, Tilt: -1}, {Pan: -1, Tilt: -1, Zoom: 1},
		{Pan: 0.2}, {Pan: 0.6}, {Tilt: 0.2}, {Tilt: 0.6},
	} {
		r.Wire.Forget()
		if err := r.Dome.Move(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("% X", slices.Concat(r.Wire.Sent()...))
		if other, twice := seen[key]; twice {
			t.Errorf("%+v and %+v are both %s", other, v, key)
		}
		seen[key] = v
	}
}

func domeSlowest(t *testing.T, r DomeRig) {
	for _, v := range []drivers.Velocity{{Pan: 1e-9}, {Tilt: -1e-9}, {Pan: -math.SmallestNonzeroFloat64}, {Zoom: 1e-9}} {
		if err := r.Dome.Move(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Contains(r.stops(), true) {
		t.Errorf("a motion that is not zero stops: % X", r.Wire.Sent())
	}
}

func domeZero(t *testing.T, r DomeRig) {
	for _, v := range []drivers.Velocity{{}, {Pan: math.Copysign(0, -1)}} {
		r.Wire.Forget()
		if err := r.Dome.Move(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		f := r.Wire.Frames()
		if len(f) != 1 || !f[0].Urgent || !r.IsStop(f[0].Bytes) {
			t.Errorf("sent %+v", f)
		}
	}
}

func domeBadInput(t *testing.T, r DomeRig) {
	check := func(what string, err error) {
		t.Helper()
		if fault.Of(err) != fault.BadInput {
			t.Errorf("%s: %v, want class %q", what, err, fault.BadInput)
		}
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1.0001, -1.0001, math.MaxFloat64} {
		for _, v := range []drivers.Velocity{{Pan: x}, {Tilt: x}, {Zoom: x}, {Pan: 0.5, Tilt: 0.5, Zoom: x}} {
			check(fmt.Sprintf("%+v", v), r.Dome.Move(t.Context(), v))
		}
	}
	for _, n := range append([]int{0, -1, math.MinInt, math.MaxInt, 256 + r.Preset}, r.NoPresets...) {
		check(fmt.Sprint("go to preset ", n), r.Dome.GotoPreset(t.Context(), n))
		if p, ok := r.Dome.(drivers.PresetStore); ok {
			check(fmt.Sprint("set preset ", n), p.SetPreset(t.Context(), n))
			check(fmt.Sprint("clear preset ", n), p.ClearPreset(t.Context(), n))
		}
	}
	if sent := r.Wire.Sent(); len(sent) > 0 {
		t.Errorf("sent % X", sent)
	}
}

func domePreset(t *testing.T, r DomeRig) {
	seen := map[string]string{}
	for name, call := range r.calls() {
		if !strings.HasSuffix(name, "Preset") {
			continue
		}
		r.Wire.Forget()
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f := r.Wire.Frames()
		if len(f) != 1 || f[0].Urgent || r.IsStop(f[0].Bytes) {
			t.Fatalf("%s sent %+v", name, f)
		}
		if other := seen[string(f[0].Bytes)]; other != "" {
			t.Errorf("%s and %s are the same frame", name, other)
		}
		seen[string(f[0].Bytes)] = name
	}
}
