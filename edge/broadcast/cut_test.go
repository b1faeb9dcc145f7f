package broadcast

import (
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// TestEmergencyCuts: an emergency does not wait for the end of a normal announcement,
// and the amplifier stays on between the two.
func TestEmergencyCuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		normal, emergency := request("horn-1", "一。二。三"), request("horn-1", "火警")
		normal.Repeat, emergency.Rank = 2, 3
		s.Say(normal.Request)
		<-time.After(6 * time.Second)
		s.Say(emergency.Request)
		outcome(t, <-normal.end, wire.Preempted, "", 1, 2)
		outcome(t, <-emergency.end, wire.Done, "", 1, 1)
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms say 一。 at 55", "1.2s say 二。 at 55", "2.2s say 三 at 55", "4.7s say 一。 at 55", "5.7s say 二。 at 55",
			"6s cut", "6s say 火警 at 55", "10s off")
	})
}

// TestCutByCause: a stop, a cancel, the limit and the end of the house each have their
// own status and reason, with what was said until then and what is known of it.
func TestCutByCause(t *testing.T) {
	for _, c := range []struct {
		name          string
		cause         error
		after         time.Duration
		status        wire.Status
		reason        wire.Reason
		said, planned int
	}{
		{"stop in the first sentence", wire.ByStop(), 500 * time.Millisecond, wire.Cancelled, wire.Stopped, 0, 2},
		{"stop in the second sentence", wire.ByStop(), 1500 * time.Millisecond, wire.Cancelled, wire.Stopped, 1, 2},
		{"stop in the pause", wire.ByStop(), 2500 * time.Millisecond, wire.Cancelled, wire.Stopped, 1, 2},
		{"cancel in the second round", wire.ByCancel(), 4 * time.Second, wire.Cancelled, "", 1, 2},
		{"supersede", wire.BySupersede(), time.Millisecond, wire.Cancelled, wire.Superseded, 0, 2},
		{"shutdown", wire.ByShutdown(), 4 * time.Second, wire.Cancelled, wire.Shutdown, 1, 2},
		{"limit", wire.ByLimit(), 4 * time.Second, wire.Partial, wire.Limit, 1, 2},
		{"limit in the first sentence", wire.ByLimit(), time.Millisecond, wire.Failed, wire.Limit, 0, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, newBook(), nil, "horn-1")
				r := request("horn-1", "一。二")
				r.Repeat = 2
				s.Say(r.Request)
				<-time.After(c.after)
				s.stop("horn-1", c.cause)
				out := <-r.end
				outcome(t, out, c.status, c.reason, c.said, c.planned)
				if out.Evidence != "acknowledged" {
					t.Errorf("evidence %q", out.Evidence)
				}
			})
		})
	}
}

// TestMaxSay: one announcement is not on air for ever.
func TestMaxSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newBook(), nil, "horn-1")
		r := request("horn-1", "一")
		r.Repeat = 100
		began := time.Now()
		outcome(t, s.say(r), wire.Partial, wire.Limit, 12, 100) // one each 2.5 s
		if time.Since(began) != 30*time.Second {
			t.Errorf("after %v", time.Since(began))
		}
	})
}

// TestCutWhileItWarmsUp: nothing was said, and the cause is told, not the amplifier.
func TestCutWhileItWarmsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		r := request("horn-1", "一")
		s.Say(r.Request)
		<-time.After(100 * time.Millisecond)
		s.stop("horn-1", wire.ByStop())
		outcome(t, <-r.end, wire.Cancelled, wire.Stopped, 0, 0)
		<-time.After(time.Hour)
		b.is(t, "0s on", "3.1s off")
	})
}

// TestAmplifierLost: what is being said ends when the amplifier is taken away.
func TestAmplifierLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		r := request("horn-1", "一。二")
		s.Say(r.Request)
		<-time.After(1500 * time.Millisecond)
		if err := a.Halt(t.Context()); err != nil {
			t.Error(err)
		}
		outcome(t, <-r.end, wire.Cancelled, wire.Stopped, 1, 2)
		synctest.Wait()
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms say 一。 at 55", "1.2s say 二 at 55", "1.5s off", "1.5s cut")
	})
}

// TestPartial: a fault after something was said tells how much, in repetitions or, within
// the first one, in sentences; a fault before that is a failure.
func TestPartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newBook(), nil, "horn-1")
		h := s.horns["horn-1"]
		h.fail = map[string]error{"三": fault.Reset, "坏": fault.PortLost, "不": fault.Refused}
		out := s.say(request("horn-1", "一。二。三。四"))
		outcome(t, out, wire.Partial, wire.DeviceReset, 2, 4)
		if out.Evidence != "acknowledged" {
			t.Errorf("evidence %q", out.Evidence)
		}
		out = s.say(request("horn-1", "坏。二"))
		outcome(t, out, wire.Failed, wire.PortLost, 0, 1)
		if out.Evidence != "none" {
			t.Errorf("evidence %q", out.Evidence)
		}
		r := request("horn-1", "一。二")
		r.Repeat = 3
		s.Say(r.Request)
		<-time.After(3 * time.Second) // in the pause
		h.mu.Lock()
		h.fail["一"] = fault.NoReply
		h.mu.Unlock()
		out = <-r.end
		outcome(t, out, wire.Partial, wire.NoReply, 1, 3)
		if out.Evidence != "acknowledged" {
			t.Errorf("what the first round was worth: %q", out.Evidence)
		}
	})
}

// TestPromise50_HungSpeaker: a speaker that does not come back holds its amplifier no
// longer than until it is given up, and what it said is over with that.
func TestPromise50_HungSpeaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		s.horns["horn-1"].deaf = make(chan struct{})
		r := request("horn-1", "一")
		s.Say(r.Request)
		<-time.After(10 * time.Second)
		m := s.boxes["horn-1"]
		m.now.drop(wire.ByHang()) // as the station does
		outcome(t, <-r.end, wire.Failed, wire.Internal, 0, 0)
		if now, ok := s.Speaking("horn-1"); ok {
			t.Errorf("still speaking: %+v", now)
		}
		<-time.After(10 * time.Second)
		b.is(t, "0s on", "200ms say 一 at 55", "13s off")
		close(s.horns["horn-1"].deaf)
		synctest.Wait()
		<-time.After(time.Second)
		if len(r.end) != 0 {
			t.Error("a second end")
		}
	})
}

// TestZeroSpeaker: a speaker whose evidence is nothing is not believed.
func TestZeroSpeaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newBook(), nil, "horn-1")
		s.horns["horn-1"].evidence = drivers.None
		outcome(t, s.say(request("horn-1", "一")), wire.DoneUnverified, "", 1, 1)
	})
}
