package uplink

import "time"

const (
	// horizon is how much of the learnt rate may be on its way: what an alarm waits
	// for in the queues of the link at most. A path whose round trip alone takes longer
	// than half of it gets two round trips, or it would stand still in between.
	horizon     = 250 * time.Millisecond
	mostHorizon = time.Second
	// leastFlightBytes and mostFlightBytes bound it.
	leastFlightBytes = 16 << 10
	mostFlightBytes  = 256 << 10
	// recent is how long the best sample counts: a link that has become slower is
	// noticed after twice this time at the latest.
	recent = 2 * time.Second
	// settled is how long the shortest round trip counts.
	settled = time.Minute
)

// sent is what a rate has to know of a message on its way.
type sent struct {
	at time.Time
	// before is how many bytes had arrived when it left, beforeAt when the last of them
	// did, and first when the message left that was acknowledged then.
	before          int64
	beforeAt, first time.Time
}

// rate learns from PUBACKs how many bytes per second the path to the broker carries.
// Each acknowledgement gives a sample: the bytes that arrived since its message left,
// over the longer of the times in which they were sent and acknowledged, for
// acknowledgements that come in a heap say nothing (as TCP's delivery rate does,
// draft-cheng-iccrg-delivery-rate-estimation-02, section 3). The best of the last
// seconds counts: a sample of a line that had nothing to carry is too small.
type rate struct {
	arrived   int64
	arrivedAt time.Time
	first     time.Time

	best  [2]float64 // bytes per second, of the present stretch and of the one before
	since time.Time  // when the present stretch began
	rtt   time.Duration
	rttAt time.Time
}

// leave notes a message that leaves now; idle tells that nothing else is on its way.
func (r *rate) leave(now time.Time, idle bool) sent {
	if idle {
		r.arrivedAt, r.first = now, now
	}
	return sent{at: now, before: r.arrived, beforeAt: r.arrivedAt, first: r.first}
}

// arrive takes the acknowledgement of a message of so many bytes.
func (r *rate) arrive(now time.Time, s sent, bytes int) {
	r.arrived += int64(bytes)
	r.arrivedAt, r.first = now, s.at
	took := now.Sub(s.beforeAt)
	if s.beforeAt.Equal(s.at) { // alone on its way: the path itself is no part of it
		took = max(took-r.rtt, took/4)
	}
	took = max(took, s.at.Sub(s.first), time.Millisecond)
	r.sample(now, float64(r.arrived-s.before)/took.Seconds())
	if rtt := now.Sub(s.at); r.rtt == 0 || rtt <= r.rtt || now.Sub(r.rttAt) > settled {
		r.rtt, r.rttAt = rtt, now
	}
}

func (r *rate) sample(now time.Time, v float64) {
	if now.Sub(r.since) > recent {
		r.best[1], r.best[0], r.since = r.best[0], 0, now
	}
	r.best[0] = max(r.best[0], v)
}

// again is what a new session begins with: half of what the last one knew, for the path
// may be another.
func (r *rate) again(now time.Time) rate {
	return rate{best: [2]float64{r.perSecond() / 2}, since: now}
}

// perSecond is what is known of the path in bytes per second, 0 for nothing yet.
func (r *rate) perSecond() float64 { return max(r.best[0], r.best[1]) }

// window is how many bytes may be on their way.
func (r *rate) window() int {
	h := min(max(horizon, 2*r.rtt), mostHorizon)
	return int(min(max(r.perSecond()*h.Seconds(), leastFlightBytes), mostFlightBytes))
}
