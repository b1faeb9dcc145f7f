package drivertest

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// OutputRig is an Output whose level can be seen from outside.
type OutputRig struct {
	Output drivers.Output
	// On is the level as the world sees it, active-low taken into account.
	On func() bool
	// Edges counts the changes of the level so far.
	Edges func() int
	// Safe is the level that Halt has to leave.
	Safe bool
	// Lose takes the hardware away; nil where there is none.
	Lose func()
}

// OutputSuite is the contract of drivers.Output. Each point runs in a testing/synctest
// bubble of its own, with a rig of its own.
func OutputSuite(t *testing.T, rig func(t *testing.T) OutputRig) {
	for _, point := range []struct {
		name string
		run  func(*testing.T, OutputRig)
	}{
		{"begins at its safe level", outputBegins},
		{"switches both ways", outputSwitches},
		{"what is set already makes no edge", outputIdempotent},
		{"a dead ctx switches nothing", outputDeadContext},
		{"Halt is the safe level, and idempotent", outputHalt},
		{"Halt is never too late", outputLateHalt},
		{"lost hardware is said", outputLost},
	} {
		t.Run(strings.ReplaceAll(point.name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { point.run(t, rig(t)) })
		})
	}
}

func outputBegins(t *testing.T, r OutputRig) {
	if r.On() != r.Safe {
		t.Errorf("on is %v before anything was set; safe is %v", r.On(), r.Safe)
	}
}

func (r OutputRig) set(t *testing.T, on bool) {
	t.Helper()
	if err := r.Output.Set(t.Context(), on); err != nil {
		t.Fatal(err)
	}
	if r.On() != on {
		t.Fatalf("set to %v, and it is %v", on, r.On())
	}
}

func outputSwitches(t *testing.T, r OutputRig) {
	for _, on := range []bool{!r.Safe, r.Safe, !r.Safe, r.Safe} {
		before := r.Edges()
		r.set(t, on)
		if n := r.Edges() - before; n != 1 {
			t.Errorf("%d edges for one switching", n)
		}
	}
}

func outputIdempotent(t *testing.T, r OutputRig) {
	for _, on := range []bool{r.Safe, !r.Safe} {
		r.set(t, on)
		before := r.Edges()
		r.set(t, on)
		if n := r.Edges() - before; n != 0 {
			t.Errorf("%d edges when it was %v already", n, on)
		}
	}
}

// outputDeadContext: what nobody wants any more is not switched, however often it is
// tried (a select picks at random).
func outputDeadContext(t *testing.T, r OutputRig) {
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	for range 64 {
		if err := r.Output.Set(dead, !r.Safe); err == nil {
			t.Fatal("switched for a ctx that had ended")
		}
	}
	if r.Edges() != 0 {
		t.Errorf("%d edges", r.Edges())
	}
}

func outputHalt(t *testing.T, r OutputRig) {
	r.set(t, !r.Safe)
	for range 2 {
		if err := r.Output.Halt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if r.On() != r.Safe {
			t.Fatal("Halt has not set the safe level")
		}
	}
	if n := r.Edges(); n != 2 {
		t.Errorf("%d edges for one Set and two Halts", n)
	}
}

func outputLateHalt(t *testing.T, r OutputRig) {
	r.set(t, !r.Safe)
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Output.Halt(dead); err != nil || r.On() != r.Safe {
		t.Errorf("with a ctx that had ended: %v, on %v", err, r.On())
	}
}

func outputLost(t *testing.T, r OutputRig) {
	if r.Lose == nil {
		return
	}
	r.Lose()
	if err := r.Output.Set(t.Context(), !r.Safe); fault.Of(err) != fault.PortLost {
		t.Errorf("set on lost hardware: %v, want %s", err, fault.PortLost)
	}
}
