package drivertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

func domeHalt(t *testing.T, r DomeRig) {
	if err := r.Dome.Move(t.Context(), drivers.Velocity{Pan: 1}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.Wire.Forget()
		began := time.Now()
		if err := r.Dome.Halt(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > haltWithin {
			t.Errorf("took %v", took)
		}
		f := r.Wire.Frames()
		if len(f) != 3 {
			t.Fatalf("%d frames, want 3", len(f))
		}
		for _, one := range f {
			if !one.Urgent || !r.IsStop(one.Bytes) {
				t.Errorf("sent %+v", one)
			}
		}
	}
}

// after puts the wire out of reach, starts motions, does stop, and frees the wire:
// nothing but stops may have come out.
func (r DomeRig) after(t *testing.T, stop func(context.Context) error) {
	t.Helper()
	r.Wire.Hold()
	var waiting []chan error
	for _, name := range []string{"Move", "GotoPreset", "Move"} {
		waiting = append(waiting, beside(t.Context(), r.calls()[name]))
	}
	synctest.Wait()
	stopped := beside(t.Context(), stop)
	synctest.Wait()
	r.Wire.Release()
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	for _, end := range waiting {
		if err := <-end; err == nil {
			t.Error("a motion that was taken back ends without an error")
		}
	}
	if all := r.stops(); len(all) == 0 || slices.Contains(all, false) {
		t.Errorf("on the wire: % X", r.Wire.Sent())
	}
	// The dome obeys again.
	if err := r.calls()["Move"](t.Context()); err != nil {
		t.Error(err)
	}
}

func domeHaltBeside(t *testing.T, r DomeRig) { r.after(t, r.Dome.Halt) }
func domeStopBeside(t *testing.T, r DomeRig) { r.after(t, r.calls()["stop"]) }

// beside runs call in a goroutine of its own and returns the channel of its end.
func beside(ctx context.Context, call func(context.Context) error) chan error {
	done := make(chan error, 1)
	go func() { done <- call(ctx) }()
	return done
}

func domeCrowd(t *testing.T, r DomeRig) {
	var ends []chan error
	for range 20 {
		for _, call := range r.calls() {
			ends = append(ends, beside(t.Context(), call))
		}
	}
	for _, end := range ends {
		if err := <-end; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	r.Wire.Forget()
	if err := r.Dome.Halt(t.Context()); err != nil || len(r.Wire.Sent()) != 3 {
		t.Errorf("%v, %d frames", err, len(r.Wire.Sent()))
	}
}

func domeHaltBusy(t *testing.T, r DomeRig) {
	r.Wire.Hold()
	defer r.Wire.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := r.Dome.Halt(ctx)
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 300*time.Millisecond {
		t.Errorf("%v after %v", err, took)
	}
}

func domeMute(t *testing.T, r DomeRig) {
	if r.Mute == nil {
		return
	}
	r.Mute()
	began := time.Now()
	err := r.Dome.Halt(t.Context())
	if took := time.Since(began); took > haltWithin {
		t.Errorf("took %v", took)
	}
	if fault.Of(err) != fault.NoReply {
		t.Errorf("Halt of a mute dome: %v, want class %q", err, fault.NoReply)
	}
	if all := r.stops(); len(all) != 3 || slices.Contains(all, false) {
		t.Errorf("sent % X", r.Wire.Sent())
	}
	if err := r.calls()["Move"](t.Context()); fault.Of(err) != fault.NoReply {
		t.Errorf("Move of a mute dome: %v, want class %q", err, fault.NoReply)
	}
}

func domeDeadContext(t *testing.T, r DomeRig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range r.calls() {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sent := r.Wire.Sent(); len(sent) > 0 {
		t.Errorf("sent % X", sent)
	}
}

func domeWaiting(t *testing.T, r DomeRig) {
	for name, call := range r.calls() {
		r.Wire.Hold()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began := time.Now()
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
		cancel()
		r.Wire.Release()
	}
	synctest.Wait()
	if sent := r.Wire.Sent(); len(sent) > 0 {
		t.Errorf("sent % X", sent)
	}
}

func domeClasses(t *testing.T, r DomeRig) {
	check := func(class fault.Class) {
		t.Helper()
		for name, call := range r.calls() {
			err := call(t.Context())
			if fault.Of(err) != class || !strings.Contains(err.Error(), " ") {
				t.Errorf("%s: %v, want class %q and the device's name", name, err, class)
			}
		}
	}
	r.Wire.Lose()
	check(fault.PortLost)
	r.Wire.Restore()
	r.Wire.Fill(true)
	check(fault.Full)
	r.Wire.Fill(false)
	if err := r.Dome.Halt(t.Context()); err != nil {
		t.Error(err)
	}
}
