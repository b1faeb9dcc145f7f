package uplink

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// path is a link with a queue: what enters leaves at its rate, and the acknowledgement is
// back after a round trip.
type path struct {
	perSecond float64
	rtt       time.Duration
	stall     func(at time.Duration) time.Duration // until when nothing passes, 0 = it does

	free time.Duration // when the last byte has left the queue
}

// pass is when the acknowledgement of bytes that enter at now is back.
func (p *path) pass(now time.Duration, bytes int) time.Duration {
	p.free = max(p.free, now)
	if p.stall != nil {
		p.free = max(p.free, p.stall(p.free))
	}
	p.free += time.Duration(float64(bytes) / p.perSecond * float64(time.Second))
	return p.free + p.rtt
}

// drain keeps a window full of messages of size bytes over a path for a time, and returns
// what arrived and the longest wait in the queue, both over the last half.
func drain(w *window, p *path, from, until time.Duration, size int) (bytes int, worst time.Duration) {
	zero := time.Unix(0, 0)
	type flying struct {
		back time.Duration
		s    sent
	}
	var way []flying
	inside := 0
	for now := from; now < until; {
		for inside == 0 || len(way) < maxFlight && inside+size <= w.rate.window() {
			s := w.rate.leave(zero.Add(now), len(way) == 0)
			back := p.pass(now, size)
			if now > from+(until-from)/2 {
				worst = max(worst, back-p.rtt-now)
			}
			way, inside = append(way, flying{back, s}), inside+size
		}
		f := way[0]
		way, inside, now = way[1:], inside-size, f.back
		w.rate.arrive(zero.Add(now), f.s, size)
		if now > from+(until-from)/2 {
			bytes += size
		}
	}
	return bytes, worst
}

// TestRateIsLearnt: over a path of any speed the window fills it, and what stands in its
// queue passes in the time that an alarm may be kept waiting; a path that becomes slower
// is noticed.
func TestRateIsLearnt(t *testing.T) {
	const mbit = 1e6 / 8
	for _, c := range []struct {
		name string
		rate float64
		rtt  time.Duration
		size int
		fill float64
		wait time.Duration
	}{
		{"4G downhill", 20 * mbit, 60 * time.Millisecond, 8 << 10, 0.9, 350 * time.Millisecond},
		{"4G uphill", 1 * mbit, 60 * time.Millisecond, 4 << 10, 0.9, 350 * time.Millisecond},
		{"2G", 0.1 * mbit, 300 * time.Millisecond, 2 << 10, 0.9, 1400 * time.Millisecond},
		{"satellite", 1 * mbit, 600 * time.Millisecond, 8 << 10, 0.7, time.Second},
		{"street", 100 * mbit, 2 * time.Millisecond, 8 << 10, 0.9, 50 * time.Millisecond},
	} {
		var w window
		p := &path{perSecond: c.rate, rtt: c.rtt}
		bytes, worst := drain(&w, p, 0, 20*time.Second, c.size)
		if got := float64(bytes) / 10 / c.rate; got < c.fill || worst > c.wait {
			t.Errorf("%s: %.0f %% of the path is used, %v in its queue, window %d", c.name, 100*got, worst, w.rate.window())
		}
	}
	var w window
	drain(&w, &path{perSecond: 20 * mbit, rtt: 60 * time.Millisecond}, 0, 10*time.Second, 8<<10)
	if got := w.rate.window(); got != mostFlightBytes {
		t.Errorf("20 Mbit/s: window %d", got)
	}
	_, worst := drain(&w, &path{perSecond: 1 * mbit, rtt: 60 * time.Millisecond}, 10*time.Second, 26*time.Second, 8<<10)
	if got := w.rate.window(); got > 48<<10 || worst > 400*time.Millisecond {
		t.Errorf("1 Mbit/s after 20: window %d, %v in the queue", got, worst)
	}
	if again := w.rate.again(time.Unix(26, 0)); again.window() > w.rate.window() || again.window() < leastFlightBytes {
		t.Errorf("a new session begins with %d", again.window())
	}
}

// TestStalls: the waits of a lossy link (a lost segment is sent again after 0.2–1.5 s) do
// not make the window forget what the path carries, nor believe in more.
func TestStalls(t *testing.T) {
	const mbit = 1e6 / 8
	var w window
	p := &path{perSecond: 1 * mbit, rtt: 60 * time.Millisecond, stall: func(at time.Duration) time.Duration {
		if in := at % (5 * time.Second); in < 1200*time.Millisecond {
			return at - in + 1200*time.Millisecond
		}
		return 0
	}}
	bytes, _ := drain(&w, p, 0, 60*time.Second, 4<<10)
	carries := 30 * mbit * 3.8 / 5
	if got := float64(bytes) / carries; got < 0.85 || w.rate.window() > 80<<10 {
		t.Errorf("%.0f %% of what the path lets pass is used, window %d", 100*got, w.rate.window())
	}
}

// TestIdleSamplesAreSmall: a line that had nothing to carry does not make the window small.
func TestIdleSamplesAreSmall(t *testing.T) {
	var w window
	now := time.Unix(0, 0)
	w.rate.sample(now, 1e6)
	for range 20 {
		now = now.Add(300 * time.Millisecond)
		s := w.rate.leave(now, true)
		w.rate.arrive(now.Add(50*time.Millisecond), s, 100)
	}
	if got := w.rate.window(); got != leastFlightBytes {
		t.Errorf("window %d: what was known is too old by now", got)
	}
	// and it is learnt anew with the first messages that fill it
	if bytes, _ := drain(&w, &path{perSecond: 1e6, rtt: 20 * time.Millisecond}, time.Minute, time.Minute+4*time.Second, 8<<10); bytes < 1.7e6 {
		t.Errorf("%d bytes in 2 s of 1 MB/s", bytes)
	}
}

// TestCeiling: what is not urgent waits for the ceiling and fills it; what is urgent does
// not wait, but counts.
func TestCeiling(t *testing.T) {
	inBubble(t, func(c *Config) { c.Ceiling = 10_000 }, func(t *testing.T, r *rig) {
		time.Sleep(10 * time.Second) // what opened the session is paid for
		before := len(r.s.records(t))
		for i := range 400 {
			r.j.add(testRun, "event", pad(i, 1000))
		}
		time.Sleep(20 * time.Second)
		r.j.add(testRun, "alarm", pad(1000, 1000))
		time.Sleep(100 * time.Millisecond)
		got := r.s.records(t)[before:]
		if last := got[len(got)-1]; last.N != 1000 {
			t.Errorf("the alarm waits for the ceiling, %d is the last that came", last.N)
		}
		if n := len(got) * 1000; n < 170_000 || n > 230_000 {
			t.Errorf("%d bytes in 20 s of 10 kB/s", n)
		}
	})
}

// pad is record i with about n bytes.
func pad(i, n int) string { return fmt.Sprintf(`{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", n)) }
