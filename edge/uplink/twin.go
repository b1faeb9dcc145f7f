package uplink

import (
	"time"

	"fuqiao/edged/edge/wire"
)

const (
	// twinWithin is the time in which two presences of a stranger make a twin.
	twinWithin = time.Minute
	// twinSeen is how long a twin that was seen is taken to be there still.
	twinSeen = 10 * time.Minute
	// While it is, the wait before the next attempt is at least a random part of
	// twinLeast, which doubles up to twinMost: two boxes with one name that both come
	// back at once throw each other out for ever.
	twinLeast = time.Minute
	twinMost  = 10 * time.Minute
)

// condTwin is raised while another box works under this gateway's name.
const condTwin = "uplink.twin"

// twin watches for another box with this gateway's name and certificate: its presence
// comes on our own topic with a run that was never one of ours. What the broker had
// retained does not count, for it may be older than any list of runs.
type twin struct {
	seen   time.Time // the last presence of a stranger, zero for never
	raised bool
	wait   time.Duration
}

// stranger takes a presence that came on our own topic. True says that it is the second
// of a stranger within a minute.
func (t *twin) stranger(now time.Time) (found bool) {
	found = !t.seen.IsZero() && now.Sub(t.seen) <= twinWithin
	t.seen = now
	return found
}

// here tells whether a twin is to be reckoned with.
func (t *twin) here(now time.Time) bool {
	return t.raised && now.Sub(t.seen) < twinSeen
}

// hold is the least wait before the next attempt, 0 without a twin; random gives
// 0 ≤ x < 1.
func (t *twin) hold(now time.Time, random func() float64) time.Duration {
	if !t.here(now) {
		t.wait = 0
		return 0
	}
	t.wait = min(max(2*t.wait, twinLeast), twinMost)
	return t.wait/2 + time.Duration(random()*float64(t.wait)/2)
}

// meet looks at a presence on our own topic for a twin.
func (l *link) meet(m private) {
	var p wire.Presence
	if m.Retained || len(m.Payload) == 0 || wire.Unmarshal(m.Payload, &p) != nil || l.u.c.Ours == nil || l.u.c.Ours(p.Run) {
		return
	}
	now := time.Now()
	t := &l.u.twin
	if !t.stranger(now) || t.raised {
		return
	}
	t.raised = true
	l.u.c.Notice(condTwin, "run "+string(p.Run), true)
	l.u.c.Log.Error("another box works under this gateway's name", "its_run", p.Run)
	if l.u.c.Twin != nil {
		l.u.c.Twin(p.Run)
	}
}

// checkTwin takes the condition back when the twin has been silent for long enough.
func (l *link) checkTwin(now time.Time) {
	if t := &l.u.twin; t.raised && !t.here(now) {
		*t = twin{}
		l.u.c.Notice(condTwin, "", false)
	}
}

// twinIn is how long until checkTwin has something to do, 0 for never.
func (l *link) twinIn(now time.Time) time.Duration {
	if t := &l.u.twin; t.raised {
		return max(twinSeen-now.Sub(t.seen), time.Millisecond)
	}
	return 0
}
