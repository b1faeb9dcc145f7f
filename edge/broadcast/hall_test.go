package broadcast

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// outcome checks an end: status, reason, and how much of it was said.
func outcome(t *testing.T, got wire.Outcome, status wire.Status, reason wire.Reason, said, planned int) {
	t.Helper()
	if got.Status != status || got.Reason != reason || got.Said != said || got.Planned != planned {
		t.Errorf("%+v, want %s %s %d/%d", got, status, reason, said, planned)
	}
}

// TestSayOnce: the amplifier is warm before the first byte and off a tail after the last.
func TestSayOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		r := request("horn-1", "请勿占道。谢谢。")
		out := s.say(r)
		outcome(t, out, wire.Done, "", 1, 1)
		if out.Evidence != "acknowledged" || !slices.Equal(r.steps, []wire.Status{wire.Running}) {
			t.Errorf("%+v, steps %v", out, r.steps)
		}
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms say 请勿占道。 at 55", "1.2s say 谢谢 at 55", "5.2s off")
		if len(r.end) != 0 {
			t.Error("a second end")
		}
	})
}

// TestRepeatAndChime: repetitions with a pause, the chime before the first alone, and
// the amplifier on throughout.
func TestRepeatAndChime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a}, "horn-1")
		r := request("horn-1", "一")
		r.Repeat, r.Chime = 3, "ding"
		outcome(t, s.say(r), wire.Done, "", 3, 3)
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms chime ding", "200ms say 一 at 55", "2.7s say 一 at 55", "5.2s say 一 at 55", "9.2s off")
	})
}

// TestSharedAmplifier: two speakers talk at the same time over one amplifier.
func TestSharedAmplifier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-1": a, "horn-2": a}, "horn-1", "horn-2")
		one, two := request("horn-1", "一"), request("horn-2", "二。三。")
		s.Say(one.Request)
		synctest.Wait()
		<-time.After(500 * time.Millisecond)
		s.Say(two.Request)
		outcome(t, <-one.end, wire.Done, "", 1, 1)
		outcome(t, <-two.end, wire.Done, "", 1, 1)
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms say 一 at 55", "500ms say 二。 at 55", "1.5s say 三 at 55", "5.5s off")
	})
}

// TestVolume: the order's own, else what speaker.volume said last, else the speaker's.
func TestVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := newStage(t, b, nil, "horn-1", "horn-2")
		loud := 90
		own := request("horn-1", "一")
		own.Volume = &loud
		s.say(own)
		s.say(request("horn-1", "二"))
		s.SetVolume("horn-1", 20)
		s.say(request("horn-1", "三"))
		s.say(request("horn-2", "四"))
		b.is(t, "0s say 一 at 90", "1s say 二 at 55", "2s say 三 at 20", "3s say 四 at 55")
		s.c.OwnVolume = nil
		s.say(request("horn-2", "五"))
		b.is(t, "4s say 五 at 70")
	})
}

// TestQueue: what comes while another speaks waits, the more important first, is told
// so, and is begun on disk before its first byte.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := newStage(t, b, nil, "horn-1")
		first := request("horn-1", "一")
		s.Say(first.Request)
		synctest.Wait()
		low, high := request("horn-1", "低"), request("horn-1", "高")
		low.Rank = 0
		for _, r := range []*ask{low, high} {
			r.Queued = func() { b.note("queued %s", r.Text) }
			r.Begin = func(context.Context) error { b.note("begin %s", r.Text); return nil }
			s.Say(r.Request)
		}
		if now, ok := s.Speaking("horn-1"); !ok || now.Act != "cmd:k:一" || now.Part != 1 || now.Round != 1 {
			t.Errorf("%+v, %t", now, ok)
		}
		<-low.end
		b.is(t, "0s say 一 at 55", "0s queued 低", "0s queued 高", "1s begin 高", "1s say 高 at 55", "2s begin 低", "2s say 低 at 55")
		if want := []wire.Status{wire.Queued, wire.Running}; !slices.Equal(low.steps, want) || !slices.Equal(first.steps, want[1:]) {
			t.Errorf("%v, %v", low.steps, first.steps)
		}
		if _, ok := s.Speaking("horn-1"); ok {
			t.Error("still speaking")
		}
	})
}

// TestNotBegun: every way in which an announcement ends without a sound.
func TestNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, relay, _ := amp(t, b)
		s := newStage(t, b, map[string]*Amplifier{"horn-2": a}, "horn-1", "horn-2")
		s.horns["horn-1"].cannot = "😀🚨"
		late := request("horn-1", "一")
		late.Expired = func() bool { return true }
		outcome(t, s.say(late), wire.Expired, "", 0, 0)

		slow := request("horn-2", "一") // it expires while the amplifier warms up
		warm := time.Now().Add(100 * time.Millisecond)
		slow.Expired = func() bool { return time.Now().After(warm) }
		outcome(t, s.say(slow), wire.Expired, "", 0, 0)
		<-time.After(time.Minute)
		b.is(t, "0s on", "3.2s off")

		refused := request("horn-1", "一")
		refused.Begin = func(context.Context) error { return errors.New("no sync within 250ms") }
		outcome(t, s.say(refused), wire.Rejected, wire.Storage, 0, 0)

		out := s.say(request("horn-1", "😀，🚨！"))
		outcome(t, out, wire.Rejected, wire.CannotSay, 0, 0)
		if out.Lost != "😀🚨" {
			t.Errorf("lost %q", out.Lost)
		}
		relay.at(func() { relay.failOn = fault.PortLost })
		outcome(t, s.say(request("horn-2", "一")), wire.Failed, wire.PortLost, 0, 0)
		s.full = true
		outcome(t, s.say(request("horn-1", "一")), wire.Rejected, wire.Busy, 0, 0)
		b.is(t, "1m0.2s key failed")
	})
}

// TestLost: characters that a speaker leaves out are told, each once, with what was said.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		s := newStage(t, b, nil, "horn-1")
		s.horns["horn-1"].cannot = "😀🚨"
		r := request("horn-1", "火警🚨。快走😀。🚨")
		r.Repeat = 2
		if out := s.say(r); out.Status != wire.Done || out.Lost != "🚨😀" {
			t.Errorf("%+v", out)
		}
	})
}

// TestEvidence: an answer makes it done, bytes alone done_unverified.
func TestEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newBook(), nil, "horn-1")
		for e, want := range map[drivers.Evidence]wire.Status{
			drivers.Commanded: wire.DoneUnverified, drivers.Acknowledged: wire.Done, drivers.Heard: wire.Done,
		} {
			s.horns["horn-1"].evidence = e
			if out := s.say(request("horn-1", "一")); out.Status != want || out.Evidence != e.String() {
				t.Errorf("%s: %+v", e, out)
			}
		}
	})
}
