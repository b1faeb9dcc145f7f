package uplink

import (
	"io"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
)

// Media is a picture or clip that is ready to be sent.
type Media struct {
	// SHA256 is of the content in hex, Size its length in bytes; with a Size of 0 only the
	// manifest is sent.
	SHA256, MIME string
	Size         int64
	Data         io.ReaderAt
	// Manifest makes the message that goes before the parts.
	Manifest func(partBytes, parts int) []byte
	// Close lets Data go; Done is called when all of it has arrived. Both may be nil.
	Close, Done func() error
}

const (
	// leastPart and mostPart bound the size of a part, which is what the path carries in
	// the time that an alarm may wait.
	leastPart = 4 << 10
	mostPart  = 64 << 10
)

// transfer is a picture or clip on its way: its manifest and then its parts, one at a
// time. It outlives its session: the next one goes on behind the last part that arrived.
type transfer struct {
	m          Media
	id         journal.ID
	historical bool
	partBytes  int
	parts      int
	announced  bool // the manifest is on its way or there
	next       int  // the part that is to be sent, or is on its way
	flying     bool
}

// again makes what was on its way in a session that is over be sent once more.
func (t *transfer) again() {
	t.flying = false
	t.announced = t.announced && t.next > 1
}

// number is that of the next message, 0 for the manifest; false while a part is on its way.
func (t *transfer) number() (n int, ok bool) {
	if !t.announced {
		return 0, true
	}
	return t.next, !t.flying && t.next <= t.parts
}

// partSize is how large parts are on a path that carries so much.
func partSize(r *rate) int {
	n := int(r.perSecond() * horizon.Seconds())
	return min(max(n&^1023, leastPart), mostPart)
}

// message makes a message of a transfer.
func (t *transfer) message(u *Uplink, n int) (mqtt.Message, error) {
	if n == 0 {
		return mqtt.Message{Topic: u.topics.Media(u.c.Gateway, t.m.SHA256, 0), QoS: 1, Payload: t.m.Manifest(t.partBytes, t.parts)}, nil
	}
	at := int64(n-1) * int64(t.partBytes)
	b := make([]byte, min(int64(t.partBytes), t.m.Size-at))
	if n, err := t.m.Data.ReadAt(b, at); n < len(b) {
		return mqtt.Message{}, err
	}
	return mqtt.Message{Topic: u.topics.Media(u.c.Gateway, t.m.SHA256, n), QoS: 1, Payload: b}, nil
}

// begin makes a record of class media the transfer under way.
func (l *link) begin(rec journal.Record, historical bool) bool {
	m, err := l.u.c.Media(rec, historical)
	if err != nil {
		l.p.failed(rec.ID.Class, err)
		return false
	}
	size := partSize(&l.w.rate)
	l.u.moving = &transfer{m: m, id: rec.ID, historical: historical, next: 1, partBytes: size, parts: int((m.Size + int64(size) - 1) / int64(size))}
	return true
}

// media takes the next message of a transfer, or begins one; found and not ok: it does
// not fit yet. While a part is on its way there is nothing.
func (l *link) media(historical bool, now time.Time) (it item, found, ok bool) {
	if l.u.moving == nil {
		s := l.p.peek(mediaFeed, historical, now)
		if s == nil || l.u.c.Ack == ByPlatform && l.u.waits.full(false, len(l.w.flights)) {
			return item{}, false, false
		}
		c := s.cursor(historical)
		begun := l.begin(c.buf[0], historical)
		c.drop() // what cannot be opened holds nothing up; the next session tries it again
		if !begun {
			return item{}, false, false
		}
	}
	return l.part(historical)
}

// part takes the next message of the transfer under way.
func (l *link) part(historical bool) (it item, found, ok bool) {
	t := l.u.moving
	n, ready := t.number()
	if !ready || t.historical != historical {
		return item{}, false, false
	}
	m, err := t.message(l.u, n)
	if err != nil { // the disk: the next session reads it again
		l.p.failed(journal.Media, err)
		l.u.stopMoving()
		return item{}, false, false
	}
	if !l.w.fits(size(m), backlog) {
		return item{}, true, false
	}
	if n == 0 {
		t.announced = true
	} else {
		t.flying = true
	}
	it = item{msg: m, part: t, number: n, historical: historical, lane: backlog}
	if n == t.parts { // only its last message is the record's
		it.rec = t.id
	}
	return it, true, true
}

// moved says that a message of a transfer has arrived.
func (l *link) moved(t *transfer, number int) {
	if number > 0 {
		t.flying = false
		t.next = number + 1
	}
	if number < t.parts {
		return
	}
	if l.u.moving == t {
		l.u.moving = nil
	}
	l.u.c.closeMedia(t.m)
	if t.m.Done == nil {
		return
	}
	if l.u.c.Ack == ByPlatform {
		l.u.done[t.id] = t.m.Done
	} else if err := t.m.Done(); err != nil {
		l.u.c.Log.Warn("a file that has arrived cannot be removed", "error", err)
	}
}

// finished ends the files that the platform has acknowledged.
func (u *Uplink) finished(acked func(journal.ID) bool) {
	for id, done := range u.done {
		if !acked(id) {
			continue
		}
		delete(u.done, id)
		if err := done(); err != nil {
			u.c.Log.Warn("a file that has arrived cannot be removed", "error", err)
		}
	}
}

// stopMoving gives a transfer up; its record is read again in the next session.
func (u *Uplink) stopMoving() {
	if u.moving != nil {
		u.c.closeMedia(u.moving.m)
		u.moving = nil
	}
}

func (c *Config) closeMedia(m Media) {
	if m.Close == nil {
		return
	}
	if err := m.Close(); err != nil {
		c.Log.Warn("a file of media was not closed", "error", err)
	}
}
