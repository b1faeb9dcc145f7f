// Package clock is the gateway's only source of wall time, and it says how good
// that time is. Three sources, in this order: the kernel's clock while it is
// synchronised (adjtimex), the platform's signed beacon, and a floor below which
// no time can lie. A box without a real-time clock boots in 1970 and knows it.
package clock

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Quality of a reading.
type Quality string

// The qualities of the contract.
const (
	// Trusted: from a live source, error at most a second.
	Trusted Quality = "trusted"
	// Holdover: trusted within the last 7 days of this boot; the error grows by
	// 100 ppm of the time since (8.6 s a day).
	Holdover Quality = "holdover"
	// Unknown: Time is the floor or the kernel's guess and must not be shown.
	Unknown Quality = "unknown"
)

const (
	drift       = 100e-6             // oscillator tolerance of cheap boards
	holdoverFor = 7 * 24 * time.Hour // contract.md, An order
	trustedErr  = time.Second        // what exact starts and countdowns need
	beaconFor   = 10 * time.Second   // a beacon counts only within this time of its nonce
)

// Reading is a time and how far it may be off.
type Reading struct {
	Time    time.Time
	Error   time.Duration
	Quality Quality
	Source  string // "kernel", "beacon" or "floor"
}

// Known tells whether the time may be acted upon.
func (r Reading) Known() bool { return r.Quality != Unknown }

// Sources are what a Clock reads; they are arguments so that tests can stand in.
type Sources struct {
	// Wall is the kernel's wall clock, right or not.
	Wall func() time.Time
	// Boot is time since boot, sleep included (CLOCK_BOOTTIME); it never steps.
	Boot func() time.Duration
	// Kernel tells whether the kernel's clock is synchronised, and its largest error.
	Kernel func() (synced bool, err time.Duration)
	// Floor is a time that has surely passed: build time, last persisted time,
	// NotBefore of our own certificate, whichever is newest.
	Floor time.Time
}

// System returns the sources of the real machine above floor.
func System(floor time.Time) Sources {
	return Sources{Wall: time.Now, Boot: boottime, Kernel: adjtimex, Floor: floor}
}

func boottime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// adjtimex: state TIME_ERROR (5) or the flag STA_UNSYNC (0x40) mean that nobody
// disciplines the clock (adjtimex(2)); Maxerror is in microseconds.
func adjtimex() (bool, time.Duration) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		return false, 0
	}
	return true, time.Duration(t.Maxerror) * time.Microsecond
}

// Clock answers what time it is.
type Clock struct {
	s Sources

	mu sync.Mutex
	// fix is the last good time: at boot time `at` it was `time` ± err.
	fixed bool
	fix   Reading
	at    time.Duration
	nonce string
	asked time.Duration
}

// New makes a clock.
func New(s Sources) *Clock { return &Clock{s: s} }

// Now reads the clock.
func (c *Clock) Now() Reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot, wall := c.s.Boot(), c.s.Wall()
	if synced, e := c.s.Kernel(); synced && !wall.Before(c.s.Floor) {
		r := Reading{Time: wall, Error: e, Quality: Trusted, Source: "kernel"}
		if e > trustedErr {
			r.Quality = Holdover
		}
		c.fixed, c.fix, c.at = true, r, boot
		return r
	}
	if c.fixed {
		age := boot - c.at
		r := c.fix
		r.Time = r.Time.Add(age)
		r.Error += time.Duration(float64(age) * drift)
		switch {
		case age <= holdoverFor && r.Error <= trustedErr && r.Source == "beacon":
			r.Quality = Trusted
			return r
		case age <= holdoverFor:
			r.Quality = Holdover
			return r
		}
	}
	r := Reading{Time: wall, Quality: Unknown, Source: "kernel"}
	if wall.Before(c.s.Floor) {
		r.Time, r.Source = c.s.Floor, "floor"
	}
	return r
}

// Ask begins a round: the nonce goes out with the presence, and only a beacon that
// carries it within 10 s is believed.
func (c *Clock) Ask(nonce string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nonce, c.asked = nonce, c.s.Boot()
}

// Beacon takes a verified beacon's time. It is refused when its nonce is not the
// latest, when it is late, or when it lies below the floor. The error is half the
// round trip: the signer stamped somewhere in between.
func (c *Clock) Beacon(nonce string, t time.Time) (ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	boot := c.s.Boot()
	trip := boot - c.asked
	if nonce == "" || nonce != c.nonce || trip > beaconFor || t.Before(c.s.Floor) {
		return false
	}
	c.nonce = "" // once
	c.fixed, c.at = true, boot
	c.fix = Reading{Time: t.Add(trip / 2), Error: trip / 2, Source: "beacon"}
	return true
}

// TLS is the time for judging certificates: never below the floor, so that a box
// that booted in 1970 can still connect and be told the time.
func (c *Clock) TLS() time.Time {
	r := c.Now()
	if r.Time.Before(c.s.Floor) {
		return c.s.Floor
	}
	return r.Time
}
