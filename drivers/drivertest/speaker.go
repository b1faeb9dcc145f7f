package drivertest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// SpeakerRig is a Speaker on a device that plays along: it answers, speaks for a
// while, and reports its end.
type SpeakerRig struct {
	Speaker drivers.Speaker
	// Frames is all that was sent so far, oldest first.
	Frames func() []Sent
	// IsStop tells whether a frame silences the device.
	IsStop func(frame []byte) bool
	// Long is a text that the device says in several parts and more than 10 s.
	Long string
	// Mute makes the device answer nothing from now on; nil for a device that never
	// answers.
	Mute func()
	// Lose takes the port away; nil where there is none.
	Lose func()
	// Hold keeps everything from the wire until Release, as a busy wire does; nil
	// where there is none.
	Hold, Release func()
}

// cutWithin is how long the end of ctx, or Halt, may take to silence a speaker: the
// frame that is on the wire has to end (0.22 s for the longest at 9600 Bd).
const cutWithin = 500 * time.Millisecond

// SpeakerSuite is the contract of drivers.Speaker. Each point runs in a
// testing/synctest bubble of its own, with a rig of its own.
func SpeakerSuite(t *testing.T, rig func(t *testing.T) SpeakerRig) {
	for _, point := range []struct {
		name string
		run  func(*testing.T, SpeakerRig)
	}{
		{"says all parts in order", speakerSays},
		{"takes nil for said", speakerNilSaid},
		{"bad input sends nothing", speakerBadInput},
		{"a dead ctx sends nothing", speakerDeadContext},
		{"the end of ctx is a stop on the wire", speakerCut},
		{"can be used after a cut", speakerAgain},
		{"Halt is idempotent", speakerHalt},
		{"Halt beside Announce", speakerHaltBeside},
		{"Halt returns within ctx", speakerHaltBusy},
		{"a mute device is never done", speakerMute},
		{"a lost port is said", speakerLost},
	} {
		t.Run(strings.ReplaceAll(point.name, " ", "_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { point.run(t, rig(t)) })
		})
	}
}

func speakerSays(t *testing.T, r SpeakerRig) {
	var told []drivers.Progress
	ev, err := r.Speaker.Announce(t.Context(), r.long(), func(p drivers.Progress) { told = append(told, p) })
	if err != nil || ev < drivers.Commanded {
		t.Fatalf("%s, %v", ev, err)
	}
	if r.Mute != nil && ev < drivers.Acknowledged {
		t.Errorf("evidence %s from a device that answers", ev)
	}
	if len(told) < 2 {
		t.Fatalf("told %v of a text in several parts", told)
	}
	for i, p := range told {
		if p.Part != i+1 || p.Parts != len(told) {
			t.Errorf("progress %d is part %d of %d, %d were told", i+1, p.Part, p.Parts, len(told))
		}
	}
}

func speakerNilSaid(t *testing.T, r SpeakerRig) {
	if ev, err := r.Speaker.Announce(t.Context(), r.long(), nil); err != nil || ev < drivers.Commanded {
		t.Errorf("%s, %v", ev, err)
	}
}

func speakerBadInput(t *testing.T, r SpeakerRig) {
	for name, a := range map[string]drivers.Announcement{
		"no text":      {Volume: 50},
		"blank text":   {Text: " \n\t", Volume: 50},
		"not UTF-8":    {Text: "好\xff", Volume: 50},
		"volume 101":   {Text: "好", Volume: 101},
		"volume -1":    {Text: "好", Volume: -1},
		"unknown tone": {Text: "好", Volume: 50, Chime: "no such tone"},
	} {
		ev, err := r.Speaker.Announce(t.Context(), a, nil)
		if ev != drivers.None || fault.Of(err) != fault.BadInput {
			t.Errorf("%s: %s, %v; want none, %s", name, ev, err, fault.BadInput)
		}
		if sent := r.Frames(); len(sent) != 0 {
			t.Errorf("%s: sent % X", name, sent[0].Bytes)
		}
	}
}

func speakerDeadContext(t *testing.T, r SpeakerRig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ev, err := r.Speaker.Announce(ctx, r.long(), nil)
	if ev != drivers.None || !errors.Is(err, context.Canceled) || len(r.Frames()) != 0 {
		t.Errorf("%s, %v, %d frames", ev, err, len(r.Frames()))
	}
}

// speakerCut ends ctx at many moments; some of them fall into a frame.
func speakerCut(t *testing.T, r SpeakerRig) {
	for after := 20 * time.Millisecond; after < 10*time.Second; after += after / 2 {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		began := time.Now()
		ev, err := r.Speaker.Announce(ctx, r.long(), nil)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ev == drivers.None {
			t.Errorf("ctx ended after %s: %s, %v", after, ev, err)
		}
		if took := time.Since(began) - after; took > cutWithin {
			t.Errorf("returned %s after the end of ctx", took)
		}
		r.endsInStop(t)
	}
}

func speakerAgain(t *testing.T, r SpeakerRig) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := r.Speaker.Announce(ctx, r.long(), nil); err == nil {
		t.Error("no error from a cut announcement")
	}
	if ev, err := r.Speaker.Announce(t.Context(), r.long(), nil); err != nil || ev < drivers.Commanded {
		t.Errorf("after a cut: %s, %v", ev, err)
	}
}

func speakerHalt(t *testing.T, r SpeakerRig) {
	for i := range 3 {
		if err := r.Speaker.Halt(t.Context()); err != nil {
			t.Errorf("Halt %d: %v", i+1, err)
		}
		if sent := r.Frames(); len(sent) <= i {
			t.Fatalf("Halt %d sent nothing", i+1)
		}
		r.endsInStop(t)
	}
}

func speakerHaltBeside(t *testing.T, r SpeakerRig) {
	type outcome struct {
		ev  drivers.Evidence
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		ev, err := r.Speaker.Announce(t.Context(), r.long(), nil)
		ended <- outcome{ev, err}
	}()
	<-time.After(4 * time.Second) // virtual
	began := time.Now()
	if err := r.Speaker.Halt(t.Context()); err != nil {
		t.Errorf("Halt: %v", err)
	}
	out := <-ended
	if out.err == nil || out.ev == drivers.None {
		t.Errorf("the announcement ended with %s, %v", out.ev, out.err)
	}
	if took := time.Since(began); took > cutWithin {
		t.Errorf("it took %s", took)
	}
	r.endsInStop(t)
}

func speakerHaltBusy(t *testing.T, r SpeakerRig) {
	if r.Hold == nil {
		return
	}
	r.Hold()
	defer r.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := r.Speaker.Halt(ctx); err == nil {
		t.Error("no error, although nothing reached the wire")
	}
	if took := time.Since(began); took > 250*time.Millisecond {
		t.Errorf("returned after %s with a ctx of 200 ms", took)
	}
}

func speakerMute(t *testing.T, r SpeakerRig) {
	if r.Mute == nil {
		return
	}
	r.Mute()
	ev, err := r.Speaker.Announce(t.Context(), r.long(), nil)
	if ev != drivers.Commanded || fault.Of(err) != fault.NoReply {
		t.Errorf("%s, %v; want %s, %s", ev, err, drivers.Commanded, fault.NoReply)
	}
}

func speakerLost(t *testing.T, r SpeakerRig) {
	if r.Lose == nil {
		return
	}
	r.Lose()
	ev, err := r.Speaker.Announce(t.Context(), r.long(), nil)
	if ev != drivers.None || fault.Of(err) != fault.PortLost {
		t.Errorf("%s, %v; want none, %s", ev, err, fault.PortLost)
	}
}

func (r SpeakerRig) long() drivers.Announcement {
	return drivers.Announcement{Text: r.Long, Volume: 50}
}

// endsInStop checks that the last word on the wire is an urgent stop and stays it.
func (r SpeakerRig) endsInStop(t *testing.T) {
	t.Helper()
	sent := r.Frames()
	if len(sent) == 0 {
		t.Error("nothing was sent")
		return
	}
	if last := sent[len(sent)-1]; !r.IsStop(last.Bytes) || !last.Urgent {
		t.Errorf("the last frame is % X (urgent: %t), not an urgent stop", last.Bytes, last.Urgent)
	}
	<-time.After(time.Minute) // virtual
	if more := len(r.Frames()) - len(sent); more > 0 {
		t.Errorf("%d frames after the stop", more)
	}
}
