package clock

import (
	"testing"
	"time"
)

// box is a machine whose clocks the test turns.
type box struct {
	wall   time.Time
	boot   time.Duration
	synced bool
	err    time.Duration
}

func (b *box) clock(floor time.Time) *Clock {
	return New(Sources{
		Wall: func() time.Time { return b.wall }, Boot: func() time.Duration { return b.boot },
		Kernel: func() (bool, time.Duration) { return b.synced, b.err }, Floor: floor,
	})
}

// pass lets time pass, on both clocks.
func (b *box) pass(d time.Duration) { b.wall, b.boot = b.wall.Add(d), b.boot+d }

func noon() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }

func check(t *testing.T, c *Clock, q Quality, source string, at time.Time, err time.Duration) {
	t.Helper()
	r := c.Now()
	if r.Quality != q || r.Source != source || !r.Time.Equal(at) || r.Error.Round(time.Millisecond) != err.Round(time.Millisecond) || r.Known() != (q != Unknown) {
		t.Errorf("%+v, want %s by %s at %v ± %v", r, q, source, at, err)
	}
}

// TestKernel: a disciplined clock is trusted while its error is at most a second; when
// nobody disciplines it any more the error grows by 100 ppm, for seven days.
func TestKernel(t *testing.T) {
	b := &box{wall: noon(), synced: true, err: 3 * time.Millisecond}
	c := b.clock(noon().Add(-time.Hour))
	check(t, c, Trusted, "kernel", noon(), 3*time.Millisecond)
	b.err = 2 * time.Second
	check(t, c, Holdover, "kernel", noon(), 2*time.Second)
	b.err = 3 * time.Millisecond
	c.Now()
	b.synced = false
	b.pass(24 * time.Hour)
	check(t, c, Holdover, "kernel", noon().Add(24*time.Hour), 3*time.Millisecond+8640*time.Millisecond)
	b.pass(6 * 24 * time.Hour)
	check(t, c, Holdover, "kernel", noon().Add(7*24*time.Hour), 3*time.Millisecond+7*8640*time.Millisecond)
	b.pass(time.Second)
	if r := c.Now(); r.Quality != Unknown {
		t.Errorf("after more than seven days: %+v", r)
	}
}

// TestFloor: a box that boots in 1970 knows it, also when its kernel calls that
// disciplined; the time shown is never below the floor.
func TestFloor(t *testing.T) {
	b := &box{wall: time.Unix(0, 0), synced: true}
	c := b.clock(noon())
	check(t, c, Unknown, "floor", noon(), 0)
	if !c.TLS().Equal(noon()) {
		t.Errorf("certificates are judged at %v", c.TLS())
	}
	b.synced, b.wall = false, noon().Add(time.Hour)
	check(t, c, Unknown, "kernel", noon().Add(time.Hour), 0)
	if !c.TLS().Equal(noon().Add(time.Hour)) {
		t.Errorf("certificates are judged at %v", c.TLS())
	}
}

// TestBeacon: one answer to the latest nonce, within 10 s, not below the floor; its error
// is half the round trip.
func TestBeacon(t *testing.T) {
	b := &box{wall: time.Unix(0, 0)}
	c := b.clock(noon())
	take := func(nonce string, at time.Time) bool { return c.Beacon(nonce, at) }
	if take("", noon()) || take("n1", noon()) {
		t.Error("nobody has asked")
	}
	c.Ask("n1")
	c.Ask("n2")
	b.pass(2 * time.Second)
	if take("n1", noon()) || take("n2", noon().Add(-time.Second)) {
		t.Error("an old nonce, or a time below the floor, was taken")
	}
	if !take("n2", noon().Add(time.Minute)) || take("n2", noon().Add(time.Minute)) {
		t.Error("the right answer counts once")
	}
	check(t, c, Trusted, "beacon", noon().Add(time.Minute+time.Second), time.Second)
	b.pass(time.Second)
	check(t, c, Holdover, "beacon", noon().Add(time.Minute+2*time.Second), time.Second)
	c.Ask("n3")
	b.pass(11 * time.Second)
	if take("n3", noon().Add(2*time.Minute)) {
		t.Error("an answer after 11 s was taken")
	}
	c.Ask("n4")
	b.pass(20 * time.Millisecond)
	if !take("n4", noon().Add(3*time.Minute)) {
		t.Error("a quick answer was not taken")
	}
	b.pass(time.Hour)
	check(t, c, Trusted, "beacon", noon().Add(3*time.Minute+time.Hour+10*time.Millisecond), 10*time.Millisecond+360*time.Millisecond)
}

// TestStep: the wall clock may jump by ten years; what was told once goes on by the clock
// that never jumps.
func TestStep(t *testing.T) {
	for _, jump := range []time.Duration{10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		b := &box{wall: noon()}
		c := b.clock(noon().Add(-time.Hour))
		c.Ask("n")
		if !c.Beacon("n", noon()) {
			t.Fatal("not taken")
		}
		b.pass(time.Minute)
		b.wall = b.wall.Add(jump)
		check(t, c, Trusted, "beacon", noon().Add(time.Minute), 6*time.Millisecond)
	}
}

// TestSystem: the real sources answer.
func TestSystem(t *testing.T) {
	s := System(noon())
	before := s.Boot()
	if s.Wall().IsZero() || before <= 0 || s.Boot() < before || !s.Floor.Equal(noon()) {
		t.Errorf("wall %v, boot %v", s.Wall(), before)
	}
	if synced, e := s.Kernel(); synced && e <= 0 {
		t.Errorf("synchronised to within %v", e)
	}
}
