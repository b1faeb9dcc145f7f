package ttschip_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// TestCutNow: the end of ctx is a stop on the wire before Announce returns, and
// nothing after it.
func TestCutNow(t *testing.T) {
	for _, after := range []time.Duration{0, 30 * time.Millisecond, 100 * time.Millisecond, 5 * time.Second, 13 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t)
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			ev, _, took, err := s.say(ctx, two)
			frames := s.frames()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after %s: %v", after, err)
			}
			if after == 0 {
				if ev != drivers.None || len(frames) != 0 {
					t.Errorf("a dead ctx: %s, sent %q", ev, frames)
				}
				return
			}
			// One frame may be on the wire (≤ 0.22 s), then comes the stop.
			if took > after+300*time.Millisecond || frames[len(frames)-1] != "stop" || s.chip.stops != 1 {
				t.Errorf("after %s: returned after %s, sent %q, %d stops", after, took, frames, s.chip.stops)
			}
			sent := len(frames)
			time.Sleep(time.Minute)
			if s.chip.speaking != 0 || len(s.frames()) != sent {
				t.Errorf("after %s: speaking %d, %d frames after the end", after, s.chip.speaking, len(s.frames())-sent)
			}
		})
	}
}

// TestCutCause: the owner's own reason comes back with the error.
func TestCutCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		reason := errors.New("preempted")
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { time.Sleep(time.Second); cancel(reason) }()
		_, _, _, err := s.say(ctx, two)
		if !errors.Is(err, reason) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// TestHaltBeside: Halt silences the chip and ends the running announcement.
func TestHaltBeside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		ended := make(chan error)
		go func() {
			ev, err := s.Announce(t.Context(), two, nil)
			if ev != drivers.Acknowledged {
				t.Errorf("evidence %s", ev)
			}
			ended <- err
		}()
		time.Sleep(5 * time.Second)
		halted := time.Now()
		if err := s.Halt(t.Context()); err != nil {
			t.Error(err)
		}
		if s.chip.speaking != 0 {
			t.Error("still speaking after Halt")
		}
		if err := <-ended; !errors.Is(err, context.Canceled) || time.Since(halted) > 300*time.Millisecond {
			t.Errorf("ended after %s with %v", time.Since(halted), err)
		}
		for _, f := range s.wire.Frames() {
			if f.Urgent != (f.Bytes[3] == 0x02) {
				t.Errorf("% X: urgent %t", f.Bytes, f.Urgent)
			}
		}
		if err := s.Halt(t.Context()); err != nil {
			t.Errorf("second Halt: %v", err)
		}
		if ev, _, _, err := s.say(t.Context(), drivers.Announcement{Text: "好", Volume: 50}); ev != drivers.Acknowledged || err != nil {
			t.Errorf("after Halt: %s, %v", ev, err)
		}
	})
}

// TestHaltOfAMuteChip: three stops, then the truth.
func TestHaltOfAMuteChip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.chip.mute = true
		if err := s.Halt(t.Context()); fault.Of(err) != fault.NoReply {
			t.Error(err)
		}
		equal(t, "sent", s.frames(), []string{"stop", "stop", "stop"})
	})
}
