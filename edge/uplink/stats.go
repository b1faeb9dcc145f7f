package uplink

import "time"

// Stats are the uplink's books of this run.
type Stats struct {
	Connected bool
	// Session is the number of the current or last session, counted from 1 with every
	// attempt; Attempts counts those, Sessions those that were accepted.
	Session, Sessions uint64
	// Since is how long it has been connected, or not.
	Since time.Duration
	// Broker is the address of the session, or of the last one.
	Broker string
	// Verified: in this session, or the last one, what we publish has come back to us.
	Verified bool
	// Reason is why there is no session, in English; empty while there is one.
	Reason string
	// RTT is from hand-over to PUBACK of the last acknowledged message.
	RTT time.Duration
	// BytesIn and BytesOut are at the socket, TLS included, over all sessions.
	BytesIn, BytesOut int64
	// Records and Historical are journal records acknowledged by the broker, live and
	// from the backlog; Resent those that a lost session left open.
	Records, Historical, Resent uint64
	// InFlight waits for PUBACK; the others wait for their receivers or for a place.
	InFlight, QueuedOrders, QueuedStops, QueuedFrames, QueuedUp int
	// DroppedOrders and DroppedStops found a full queue (at QoS 1 the broker delivers
	// them again), DroppedFrames were overtaken, the others are of Publish: too many
	// waiting, or no session.
	DroppedOrders, DroppedStops, DroppedFrames, DroppedSteps, DroppedPacks, DroppedOffline uint64
	// Stray came on topics that are none of ours, or retained where nothing may be.
	Stray uint64
	// Acks counts the platform's own acknowledgements, BadAcks those that could not be
	// read; Outstanding waits for one.
	Acks, BadAcks uint64
	Outstanding   int
	// Rate is what the path to the broker is known to carry, in bytes per second; 0 where
	// nothing is known yet.
	Rate float64
}

// Stats are the books now.
func (u *Uplink) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.st
	s.Since = time.Since(u.changed)
	s.QueuedOrders, s.QueuedStops, s.QueuedFrames = len(u.orders), len(u.stops), len(u.frames)
	s.QueuedUp = len(u.steps) + len(u.packs)
	if u.session != nil {
		now := u.session.Stats()
		s.BytesIn += now.BytesIn
		s.BytesOut += now.BytesOut
	}
	return s
}

// count changes the books.
func (u *Uplink) count(change func(*Stats)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.st)
}

// arrived books what the broker has acknowledged.
func (s *Stats) arrived(done []flight) {
	for _, f := range done {
		switch {
		case f.rec.Seq == 0:
		case f.historical:
			s.Historical++
		default:
			s.Records++
		}
	}
}
