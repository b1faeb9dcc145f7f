package main_test

import (
	"encoding/json"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/street"
)

// TestPromise37_NoTime: a box without a clock and without anybody who tells it the time
// connects and stops; an order that could expire waits 15 s and is refused; an event is kept
// without a time. When the platform gives it the time the order of then is done, and by
// gateway.clock every event of the dark time gets its wall time within a second.
func TestPromise37_NoTime(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Hooks: []kernel.Hook{kernel.NewClock()}, Platform: platform.Options{NoBeacon: true}})
	at := time.Now()
	if code, err := s.Camera.Event(within(t), "dark", "motion"); code != 202 || err != nil {
		t.Fatal(code, err)
	}
	id, err := s.Platform.Stop(within(t))
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, "dome-1"); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("a stop without the time: %+v %v", r, err)
	}
	began := time.Now()
	id, err = s.Platform.Send(within(t), say("几点了"))
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, ""); err != nil || r.Status != wire.Rejected || r.Reason != wire.ClockReason || time.Since(began) < 14*time.Second || time.Since(began) > 20*time.Second {
		t.Errorf("an order without the time: %+v %v after %v", r, err, time.Since(began))
	}
	if heard(s, "几点了") != 0 {
		t.Error("it was said")
	}
	s.Platform.Beacons(true)
	if r := send(t, s, say("现在几点")); r.Status != wire.Done {
		t.Errorf("an order that waits for the time: %+v", r)
	}
	var clock wire.ClockEvent
	soon(t, "gateway.clock", func() bool {
		for _, e := range events(s, wire.TypeClock) {
			must(t, json.Unmarshal(e.Data, &clock))
			return true
		}
		return false
	})
	for _, e := range events(s, wire.TypeCamera) {
		if !e.Time.IsZero() {
			t.Errorf("an event of the dark time has a time: %v", e.Time)
		}
		var mono int64
		must(t, json.Unmarshal([]byte(e.MonoMS), &mono))
		if wall := clock.Time.Add(time.Duration(mono-clock.MonoMS) * time.Millisecond); wall.Sub(at).Abs() > time.Second || e.Run != clock.Run {
			t.Errorf("the event was at %v, and by gateway.clock at %v", at, wall)
		}
	}
}
