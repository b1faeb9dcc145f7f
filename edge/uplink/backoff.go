package uplink

import "time"

const (
	// defaultCap is the least cap of a wait (promises row 13).
	defaultCap = 5 * time.Second
	// longestCap is the greatest.
	longestCap = time.Minute
	// goodSession is how long a session must have lasted to count as one: a link that
	// flaps does not bring the cap down again and again.
	goodSession = time.Minute
)

// Cap is the upper end of the wait before the next attempt to connect, of which the
// wait itself is a random part, evenly spread from 0: min(60 s, max(least, since)),
// where since is the time since the last session of at least 60 s ended.
//
// A street whose broker was away for a moment is back in seconds; the longer it was
// away, the wider its return is spread. A least below 5 s is for a broker that has one
// street alone, such as a demo's: it stays the cap.
func Cap(least, since time.Duration) time.Duration {
	switch {
	case least <= 0:
		least = defaultCap
	case least < defaultCap:
		return least
	}
	return min(longestCap, max(least, since))
}

// wait is a random part of Cap; random gives 0 ≤ x < 1.
func wait(least, since time.Duration, random func() float64) time.Duration {
	return time.Duration(random() * float64(Cap(least, since)))
}
