package uplink

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

// presenceOf makes presences that can be read, and knows which runs are a box's own.
func presenceOf(run wire.Run, twins *sync.Map) func(*Config) {
	return func(c *Config) {
		c.Run = run
		c.Presence = func(id Session, state string) []byte {
			return fmt.Appendf(nil, `{"contract":1,"state":%q,"run":%q,"session":%d}`, state, run, id.Number)
		}
		c.Ours = func(r wire.Run) bool { return r == run || r == oldRun }
		c.Twin = func(r wire.Run) { twins.Store(r, true) }
		c.Random = nil
	}
}

// TestPromise30_Twin: two boxes with one name, one certificate and one broker throw each
// other out. At least one of them finds it out within a minute, says so, and does not fight:
// it tries again once in a minute at the most, and ever less often. When one of them goes
// the other serves, and takes its word back.
func TestPromise30_Twin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var seenByA, seenByB sync.Map
		const runB = wire.Run("00000000000000b1")
		a := newRig(s, presenceOf(testRun, &seenByA)).run(t.Context())
		time.Sleep(time.Minute)
		b := newRig(s, presenceOf(runB, &seenByB)).run(t.Context())
		time.Sleep(time.Minute)
		// Never are both connected: each sees of the other what the broker says when it goes.
		_, first := seenByA.Load(runB)
		_, second := seenByB.Load(testRun)
		_, raisedByA := a.n.get(condTwin)
		_, raisedByB := b.n.get(condTwin)
		if !first && !second || first != raisedByA || second != raisedByB {
			t.Errorf("seen by the first %v, by the second %v; raised %v and %v", first, second, raisedByA, raisedByB)
		}
		before := a.Stats().Session + b.Stats().Session
		time.Sleep(time.Hour)
		if n := a.Stats().Session + b.Stats().Session - before; n > 40 || n < 4 {
			t.Errorf("%d attempts of both in an hour", n)
		}
		b.stop()
		<-b.ended
		time.Sleep(time.Hour)
		if _, raised := a.n.get(condTwin); raised || !a.Online() {
			t.Errorf("an hour after the other has gone: raised %v, online %v", raised, a.Online())
		}
		before = a.Stats().Session
		a.s.cut()
		time.Sleep(10 * time.Second)
		if !a.Online() || a.Stats().Session == before {
			t.Error("the wait of the twin is still there")
		}
		a.end()
	})
}

// TestNoTwin: our own echo, our will, an earlier run of this box, what the broker had
// retained and one stranger's presence alone are no twin.
func TestNoTwin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var seen sync.Map
		s.say(t, "fuqiao/v1/gw-1/presence", `{"contract":1,"state":"online","run":"00000000000000c1","session":7}`, true, 1)
		r := newRig(s, presenceOf(testRun, &seen)).run(t.Context())
		for range 20 { // our own wills and echoes, again and again
			time.Sleep(5 * time.Second)
			r.s.cut()
		}
		for i := range 5 {
			s.say(t, "fuqiao/v1/gw-1/presence", fmt.Sprintf(`{"contract":1,"state":"offline","run":%q,"session":%d}`, oldRun, i), true, 1)
			time.Sleep(2 * time.Second)
		}
		for range 3 { // a stranger now and then: a tool of somebody's
			s.say(t, "fuqiao/v1/gw-1/presence", `{"contract":1,"state":"online","run":"00000000000000d1","session":1}`, true, 1)
			time.Sleep(2 * time.Minute)
		}
		s.say(t, "fuqiao/v1/gw-1/presence", `nonsense`, true, 1)
		time.Sleep(time.Minute)
		if detail, raised := r.n.get(condTwin); raised {
			t.Errorf("raised: %s", detail)
		}
		seen.Range(func(k, _ any) bool { t.Errorf("told of %v", k); return true })
		r.end()
	})
}
