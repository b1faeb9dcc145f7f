package main_test

import (
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/street"
)

// told waits for the log line that a condition has changed and returns when it was printed.
func told(t *testing.T, s *street.Street, skip int, msg, code string) time.Time {
	t.Helper()
	l, err := s.Service.WaitLine(within(t), skip, func(l process.Line) bool { return l.Msg() == msg && l.Fields["code"] == code })
	must(t, err)
	return l.At
}

// TestUnplugged: a speech chip's adapter is pulled in mid-sentence: told within 1 s, the
// announcement ends, its amplifier goes off, the dome on the other line is not touched;
// plugged in again it is back within 5 s by itself.
func TestUnplugged(t *testing.T) {
	s := live(t, street.Options{Speech: slow()})
	id := speaking(t, s, long)
	h := s.Horns[0]
	seen, pulled := len(s.Service.Lines()), time.Now()
	must(t, h.Wire.Unplug())
	if took := told(t, s, seen, "condition raised", "bus.port_lost").Sub(pulled); took > time.Second {
		t.Errorf("told after %v", took)
	}
	r, err := s.Platform.Await(within(t), id, "horn-1")
	if err != nil || r.Reason != wire.PortLost || r.Status != wire.Failed && r.Status != wire.Partial {
		t.Errorf("%+v %v", r, err)
	}
	must(t, s.Pins.WaitLevel(within(t), h.Relay, false))
	if r := send(t, s, preset(2)); r.Status != wire.DoneUnverified {
		t.Errorf("the dome beside it: %+v", r)
	}
	seen = len(s.Service.Lines())
	must(t, h.Wire.Replug())
	back := time.Now()
	if took := told(t, s, seen, "condition cleared", "bus.port_lost").Sub(back); took > 5*time.Second {
		t.Errorf("back after %v", took)
	}
	if r := send(t, s, say("好")); r.Status != wire.Done {
		t.Errorf("after the replug: %+v", r)
		explain(t, s, h, back)
	}
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("%d lives", n)
	}
}

// explain logs what has passed at a horn since a time, and what the daemon said.
func explain(t *testing.T, s *street.Street, h street.Horn, since time.Time) {
	t.Helper()
	for _, b := range h.Wire.Bytes() {
		if b.At.After(since) {
			t.Logf("%v %02X in direction %d", b.At.Sub(since), b.B, b.Dir)
		}
	}
	for _, e := range h.Wire.Ports() {
		t.Logf("%v port %s", e.At.Sub(since), e.What)
	}
	for _, l := range s.Service.Lines() {
		t.Logf("%v %s", l.At.Sub(since), l.Text)
	}
}

// TestStalledPort: a port that takes no bytes costs its own devices their orders and
// nobody else anything; when it takes bytes again it works.
func TestStalledPort(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Watchdog: time.Second})
	must(t, s.RS485.Stall(true))
	seen := len(s.Service.Lines())
	var r wire.Result
	// The kernel moves a full queue on behind the bench's back: a frame or two may still
	// find room.
	for n := 0; n < 5 && r.Status != wire.Failed; n++ {
		r = send(t, s, preset(5))
	}
	if r.Status != wire.Failed || r.Reason != wire.PortLost {
		t.Errorf("%+v", r)
	}
	told(t, s, seen, "condition raised", "bus.write_stalled")
	began := time.Now()
	if r := send(t, s, say("听得到")); r.Status != wire.Done || time.Since(began) > 3*time.Second {
		t.Errorf("the horn beside it: %+v after %v", r, time.Since(began))
	}
	must(t, s.RS485.Stall(false))
	soon(t, "the port", func() bool { return send(t, s, preset(6)).Status == wire.DoneUnverified })
	if n := len(s.Service.Lives()); n != 1 || stored(s, 6) != 1 {
		t.Errorf("%d lives, stored %d times", n, stored(s, 6))
	}
}

// onFor is how long a line was on, each time.
func onFor(s *street.Street, offset int) (all []time.Duration) {
	var on time.Time
	for _, e := range s.Pins.Edges() {
		switch {
		case e.Offset != offset:
		case e.Level:
			on = e.At
		case !on.IsZero():
			all, on = append(all, e.At.Sub(on)), time.Time{}
		}
	}
	return all
}

// TestPromise50_MaxOnIsTheLastGuard: an output that nobody switches off again is let go by
// the pin itself when its time is over, and that is told.
func TestPromise50_MaxOnIsTheLastGuard(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Horns: -1, Change: func(c string) string {
		return strings.Replace(c, "inputs:\n  cabinet-door: {chip: gpiochip0, line: DOOR, pull: up}", "outputs:\n  fan: {chip: gpiochip0, line: DOOR, max_on_s: 1, remote: true}", 1)
	}})
	r := send(t, s, wire.Order{Target: []string{"fan"}, Action: wire.OutputSet, Args: &wire.OutputArgs{On: true}})
	if r.Status != wire.Done && r.Status != wire.DoneUnverified {
		t.Fatalf("%+v", r)
	}
	line, err := s.Pins.Offset("DOOR")
	must(t, err)
	soon(t, "the guard", func() bool { return len(onFor(s, line)) == 1 })
	if d := onFor(s, line)[0]; d < 950*time.Millisecond || d > 1300*time.Millisecond {
		t.Errorf("on for %v", d)
	}
	soon(t, "the condition", func() bool { return raised(t, s, "pin.max_on") })
}

// TestChipPulled: the chip of the outputs goes away in mid-sentence: that is told, all
// others go on, and when it is back the amplifier can be switched off.
func TestChipPulled(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Speech: slow()})
	id := speaking(t, s, long)
	s.Pins.Remove()
	soon(t, "the condition", func() bool { return raised(t, s, "pin.chip_lost") })
	if r := send(t, s, preset(2)); r.Status != wire.DoneUnverified {
		t.Errorf("the dome: %+v", r)
	}
	s.Pins.Insert()
	soon(t, "the condition's end", func() bool { return !raised(t, s, "pin.chip_lost") })
	stop, err := s.Platform.Stop(within(t))
	must(t, err)
	if _, err := s.Platform.Await(within(t), stop, "horn-1"); err != nil {
		t.Error(err)
	}
	if r, err := s.Platform.Await(within(t), id, "horn-1"); err != nil {
		t.Errorf("%+v %v", r, err)
	}
	must(t, s.Pins.WaitLevel(within(t), s.Horns[0].Relay, false))
	if r := send(t, s, say("好")); r.Status != wire.Done {
		t.Errorf("afterwards: %+v", r)
	}
}
