package uplink

import "time"

// spend counts what was sent against the ceiling.
func (u *Uplink) spend(now time.Time, bytes int) {
	if u.ceiling == nil {
		return
	}
	for ; bytes > 0; bytes -= u.ceiling.Burst() { // it takes no more at once
		u.ceiling.ReserveN(now, min(bytes, u.ceiling.Burst()))
	}
}

// dear tells whether the ceiling holds up what is not urgent.
func (u *Uplink) dear(now time.Time) bool {
	return u.ceiling != nil && u.ceiling.TokensAt(now) < 0
}

// dearFor is how long it does so, 0 for not at all.
func (u *Uplink) dearFor(now time.Time) time.Duration {
	if !u.dear(now) {
		return 0
	}
	return max(time.Duration(-u.ceiling.TokensAt(now)/float64(u.ceiling.Limit())*float64(time.Second)), time.Millisecond)
}
