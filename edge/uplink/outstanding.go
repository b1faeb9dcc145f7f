package uplink

import (
	"slices"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// Ack says whose word counts that a record has arrived.
type Ack string

// The values of Ack (contract, topic ack).
const (
	// ByBroker: the broker's PUBACK.
	ByBroker Ack = "broker"
	// ByPlatform: the platform's own acknowledgement. A PUBACK frees only the window, and
	// what the platform does not acknowledge within a minute is sent again.
	ByPlatform Ack = "platform"
)

const (
	// againAfter is the wait for the platform's word.
	againAfter = time.Minute
	// mostOutstanding bounds what waits for it; the last tenth is for results and alarms.
	mostOutstanding = 1000
	mostOrdinary    = mostOutstanding / 10 * 9
)

// outstanding is what the broker has and the platform has not acknowledged yet. It
// outlives sessions: a new one does not send all of it again at once.
type outstanding struct {
	sent  map[journal.ID]due
	order []journal.ID // by the time of sending; what is not in sent is over
}

// due is one record that waits for its acknowledgement.
type due struct {
	at         time.Time
	historical bool
}

func (o *outstanding) add(id journal.ID, now time.Time, historical bool) {
	if o.sent == nil {
		o.sent = map[journal.ID]due{}
	}
	if _, again := o.sent[id]; again {
		o.order = slices.DeleteFunc(o.order, func(x journal.ID) bool { return x == id })
	}
	o.sent[id] = due{now, historical}
	o.order = append(o.order, id)
}

// has tells whether a record waits and is not to be sent again yet.
func (o *outstanding) has(id journal.ID, now time.Time) bool {
	d, ok := o.sent[id]
	return ok && now.Sub(d.at) < againAfter
}

// done forgets what the platform has acknowledged.
func (o *outstanding) done(run wire.Run, class journal.Class, ranges []journal.Range) {
	for id := range o.sent {
		if id.Run == run && id.Class == class && slices.ContainsFunc(ranges, func(r journal.Range) bool { return r.First <= id.Seq && id.Seq <= r.Last }) {
			delete(o.sent, id)
		}
	}
	o.trim()
}

func (o *outstanding) forget(id journal.ID) {
	delete(o.sent, id)
	o.trim()
}

// trim keeps the oldest that waits in front.
func (o *outstanding) trim() {
	for len(o.order) > 0 {
		if _, waits := o.sent[o.order[0]]; waits {
			return
		}
		o.order = o.order[1:]
	}
}

// overdue is the oldest record that has waited for a minute.
func (o *outstanding) overdue(now time.Time) (journal.ID, due, bool) {
	if len(o.order) == 0 {
		return journal.ID{}, due{}, false
	}
	d := o.sent[o.order[0]]
	return o.order[0], d, now.Sub(d.at) >= againAfter
}

// next is how long until something is overdue, 0 for never.
func (o *outstanding) next(now time.Time) time.Duration {
	if len(o.order) == 0 {
		return 0
	}
	return max(againAfter-now.Sub(o.sent[o.order[0]].at), time.Millisecond)
}

// full tells whether no more may wait, besides so many that are on their way.
func (o *outstanding) full(urgent bool, flying int) bool {
	if urgent {
		return len(o.sent)+flying >= mostOutstanding
	}
	return len(o.sent)+flying >= mostOrdinary
}
