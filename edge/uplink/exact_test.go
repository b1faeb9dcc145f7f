package uplink

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

// Records are produced while the link breaks at random moments: every one arrives,
// each copy of it under the same identity, and what the journal was told to forget is
// exactly what the broker had.
func TestNothingLostOverBreaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var deaf atomic.Bool // a break that surely finds something unacknowledged
		s.noAck = func(string) bool { return deaf.Load() }
		r := newRig(s, nil).run(t.Context())
		defer r.end()
		time.Sleep(time.Second)
		dice := rand.New(rand.NewPCG(1, 2))
		made := map[string]int{}
		n := 0
		produce := func(run wire.Run, count int) {
			for range count {
				c := testFeeds()[dice.IntN(4)].Class
				id := r.j.add(run, c, fmt.Sprintf(`{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", dice.IntN(3000))))
				made[fmt.Sprintf("%s/%s/%d", id.Run, id.Class, id.Seq)] = n
				n++
			}
		}
		r.s.away(true)
		produce(oldRun, 200)
		produce(testRun, 200)
		time.Sleep(time.Minute)
		r.s.away(false)
		for range 60 {
			produce(testRun, dice.IntN(20))
			time.Sleep(time.Duration(dice.IntN(3000)) * time.Millisecond)
			if dice.IntN(3) == 0 {
				r.s.cut()
			}
		}
		deaf.Store(true)
		produce(testRun, 10)
		time.Sleep(5 * time.Second)
		deaf.Store(false)
		r.s.cut()
		for i := 0; i < 600 && r.j.open() > 0; i++ {
			time.Sleep(time.Second)
		}
		if left := r.j.open(); left != 0 {
			t.Fatalf("%d records never arrived", left)
		}
		got := map[string]int{}
		for _, rec := range r.s.records(t) {
			if want, ok := made[rec.ID]; !ok || want != rec.N {
				t.Fatalf("%s carries record %d, it is %d", rec.ID, rec.N, want)
			}
			got[rec.ID]++
		}
		if len(got) != len(made) {
			t.Errorf("%d of %d records seen", len(got), len(made))
		}
		st := r.Stats()
		if int(st.Records+st.Historical) != len(made) {
			t.Errorf("%d live + %d late acknowledged, %d made", st.Records, st.Historical, len(made))
		}
		if st.Resent == 0 || st.Session < 10 {
			t.Errorf("the breaks did not bite: %+v", st)
		}
	})
}

// A record that the broker does not acknowledge is not forgotten: after a minute the
// session is given up and the record is sent again.
func TestNoPubackEndsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var deaf atomic.Bool
		deaf.Store(true)
		s.noAck = func(topic string) bool { return deaf.Load() && strings.HasSuffix(topic, "/event") }
		r := newRig(s, nil).run(t.Context())
		time.Sleep(time.Second)
		r.j.add(testRun, "alarm", `{"n":1}`)
		time.Sleep(59 * time.Second)
		if !r.Online() {
			t.Error("given up too early")
		}
		time.Sleep(10 * time.Second)
		if st := r.Stats(); st.Session < 2 || r.j.open() != 1 {
			t.Errorf("%+v, %d open", st, r.j.open())
		}
		deaf.Store(false)
		r.s.cut()
		time.Sleep(10 * time.Second)
		if r.j.open() != 0 {
			t.Error("not sent again")
		}
		r.end()
	})
}

// A journal that cannot be read is asked again and holds nothing else up.
func TestJournalNotReadable(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		r.j.mu.Lock()
		r.j.fail = errors.New("EIO")
		r.j.mu.Unlock()
		r.j.add(testRun, "alarm", `{"n":1}`)
		if err := r.SetState("dome", []byte("x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if r.s.retained("fuqiao/v1/gw-1/state/dome") != "x" {
			t.Error("the state was held up")
		}
		r.j.mu.Lock()
		r.j.fail = nil
		r.j.mu.Unlock()
		time.Sleep(2 * time.Second)
		if r.j.open() != 0 {
			t.Error("not read again")
		}
	})
}

// Steps and telemetry live in RAM: sent while connected, bounded, dropped and counted
// otherwise.
func TestOutbox(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		if err := r.Publish(wire.ChanResult, []byte(`{"status":"running"}`)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := r.s.on("fuqiao/v1/gw-1/result"); len(got) != 1 {
			t.Errorf("%q", got)
		}
		if rtt := r.Stats().RTT; rtt < 0 || rtt > time.Second {
			t.Errorf("round trip %v", rtt)
		}
		r.s.away(true)
		time.Sleep(time.Second)
		if err := r.Publish(wire.ChanResult, []byte(`{}`)); err == nil || r.Stats().DroppedOffline != 1 {
			t.Errorf("%v, %+v", err, r.Stats())
		}
		if err := r.Publish(wire.ChanEvent, make([]byte, maxUp+1)); err == nil {
			t.Error("too large a message was taken")
		}
		r.s.away(false)
		time.Sleep(5 * time.Second)
		if got := r.s.on("fuqiao/v1/gw-1/result"); len(got) != 1 {
			t.Errorf("a dropped step was sent: %q", got)
		}
	})
	full := newRig(&street{}, nil)
	full.up(Session{}, false)
	for range maxSteps + 3 {
		_ = full.Publish(wire.ChanResult, nil)
	}
	for i := range maxPacks + 3 {
		if err := full.Publish(wire.ChanTelemetry, fmt.Append(nil, i)); err != nil {
			t.Error(err)
		}
	}
	if st := full.Stats(); st.DroppedSteps != 3 || st.DroppedPacks != 3 || st.QueuedUp != maxSteps+maxPacks {
		t.Errorf("%+v", st)
	}
	if m, _ := full.takePack(); string(m.Payload) != "3" {
		t.Errorf("the oldest pack is %s", m.Payload)
	}
}
