package uplink

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

// ack is the platform's word for records of one class.
func (s *street) ack(t *testing.T, class string, ranges ...[2]uint64) {
	t.Helper()
	raw, err := json.Marshal(wire.Ack{Run: testRun, Class: class, Ranges: ranges})
	if err != nil {
		t.Fatal(err)
	}
	s.say(t, "fuqiao/v1/gw-1/ack", string(raw), false, 1)
}

// times is how often each record came.
func (s *street) times(t *testing.T) map[int]int {
	t.Helper()
	n := map[int]int{}
	for _, r := range s.records(t) {
		n[r.N]++
	}
	return n
}

// TestPromise68_PlatformNeverAcks: where the platform's own word counts, a PUBACK does not
// make a record be forgotten. What is not acknowledged stays on disk, is sent again every
// minute and not sooner, also over broken sessions, never more than 1,000 at a time; the
// age of the backlog shows it; and the platform's word ends it.
func TestPromise68_PlatformNeverAcks(t *testing.T) {
	inBubble(t, func(c *Config) { c.Ack = ByPlatform }, func(t *testing.T, r *rig) {
		for i := 1; i <= 1500; i++ {
			r.j.add(testRun, "event", fmt.Sprintf(`{"n":%d}`, i))
		}
		time.Sleep(20 * time.Second)
		if st := r.Stats(); st.Outstanding != mostOrdinary || len(r.s.times(t)) != mostOrdinary || r.j.open() != 1500 {
			t.Fatalf("%d outstanding, %d sent, %d kept", st.Outstanding, len(r.s.times(t)), r.j.open())
		}
		r.j.add(testRun, "alarm", `{"n":9999}`)
		time.Sleep(time.Second)
		if r.s.times(t)[9999] != 1 {
			t.Error("an alarm waits behind what is not acknowledged")
		}
		r.s.cut()
		time.Sleep(20 * time.Second)
		for n, times := range r.s.times(t) {
			if times != 1 {
				t.Fatalf("record %d was sent %d times within its minute", n, times)
			}
		}
		time.Sleep(time.Minute)
		if n := r.s.times(t); n[1] != 2 || n[mostOrdinary] != 2 || n[9999] != 2 || n[1000] != 0 || r.Stats().Resent < mostOrdinary {
			t.Fatalf("after a minute: %d %d %d %d, %+v", n[1], n[mostOrdinary], n[9999], n[1000], r.Stats())
		}
		if old := r.j.Stats().Classes["event"].Oldest; old == 0 || r.j.open() != 1501 {
			t.Errorf("the oldest is %v old, %d are open", old, r.j.open())
		}
		r.s.ack(t, "event", [2]uint64{1, mostOrdinary})
		r.s.ack(t, "alarm", [2]uint64{1, 1 << 60})
		time.Sleep(10 * time.Second)
		if n := r.s.times(t); n[1500] != 1 || r.j.open() != 1500-mostOrdinary {
			t.Fatalf("the rest was sent %d times, %d are open", n[1500], r.j.open())
		}
		r.s.ack(t, "event", [2]uint64{mostOrdinary + 1, 1500})
		time.Sleep(2 * time.Minute)
		if n := r.s.times(t); r.j.open() != 0 || r.Stats().Outstanding != 0 || n[1500] != 1 {
			t.Errorf("%d open, %d outstanding, the last was sent %d times", r.j.open(), r.Stats().Outstanding, n[1500])
		}
	})
}

// TestAckBeforePuback: the platform's word may come before the broker's; then nothing is
// sent again.
func TestAckBeforePuback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.noAck = func(topic string) bool { return strings.HasSuffix(topic, "/event") }
		r := newRig(s, func(c *Config) { c.Ack = ByPlatform }).run(t.Context())
		time.Sleep(time.Second)
		r.j.add(testRun, "event", `{"n":1}`)
		time.Sleep(time.Second)
		r.s.ack(t, "event", [2]uint64{1, 1})
		time.Sleep(time.Second)
		if r.j.open() != 0 {
			t.Error("the platform's word does not count")
		}
		time.Sleep(3 * time.Minute) // the session is given up meanwhile
		if n := r.s.times(t)[1]; n != 1 {
			t.Errorf("sent %d times", n)
		}
		r.end()
	})
}
