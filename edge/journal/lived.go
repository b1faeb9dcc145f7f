package journal

import "time"

const (
	// leastTTL is the shortest time for which a class can be asked to keep its records.
	leastTTL = time.Hour
	// lookTTL is how often age is looked at.
	lookTTL = time.Minute
)

// ages tells whether any class gives up what is old.
func (j *Journal) ages() bool {
	for _, s := range j.share {
		if s.TTL > 0 {
			return true
		}
	}
	return false
}

// live lets the journal's own clock go on: it counts the time in which the wall clock is
// trusted, by the monotonic one. So a clock that steps by ten years, a box that lay in a
// store, or one that never knows the time makes nothing old.
func (j *Journal) live(now time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if since := now - j.livedAt; j.o.Trusted != nil && j.o.Trusted() && j.livedAt > 0 {
		j.lived += since
	}
	j.livedAt = now
}

// expire gives up what is too old, and returns the time until it wants to look again.
func (j *Journal) expire(now time.Duration) (time.Duration, error) {
	if !j.ages() {
		return time.Hour, nil
	}
	if wait := j.livedAt + lookTTL - now; j.livedAt > 0 && wait > 0 {
		return wait, nil
	}
	j.live(now)
	for rank := range ranks {
		ttl := j.share[rank].TTL
		if ttl == 0 {
			continue
		}
		if s := j.current().streams[rank].tailOf(); s != nil && !s.sealed && s.last >= s.head.first && j.lived-s.begun > ttl/8 {
			j.seal(s, false) // or it would be kept for as long as it is not full
		}
		for {
			st, s := j.old(rank, ttl)
			if s == nil {
				break
			}
			if err := j.drop(st, s, reasonExpired); err != nil {
				return retryEvery, err
			}
		}
	}
	return lookTTL, nil
}

// old is the oldest sealed segment of a class that has been sealed for longer than ttl.
func (j *Journal) old(rank int, ttl time.Duration) (st *stream, s *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.eachSegment(func(t *stream, g *segment) {
		if s == nil && t.rank == rank && g.sealed && g.pins == 0 && j.lived-g.full > ttl {
			st, s = t, g
		}
	})
	return st, s
}
