package uplink

import (
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// Journal is what the pump needs of edge/journal.
type Journal interface {
	// Next reads synced, unacknowledged records of a class that follow after, oldest
	// first.
	Next(c journal.Class, after journal.ID, limit, maxBytes int) ([]journal.Record, error)
	// Grown signals that something was synced since it was last asked.
	Grown() <-chan struct{}
	// Ack says that records have arrived.
	Ack(run wire.Run, c journal.Class, ranges ...journal.Range)
	// Stats say, of each class, which number comes next and how old the oldest is.
	Stats() journal.Stats
}

// Feed says where the records of a class go, and whether they are results or alarms,
// which go first. Those of wire.ChanMedia go in parts.
type Feed struct {
	Class   journal.Class
	Channel wire.Channel
	Urgent  bool
}

// kind is how a feed is treated.
type kind uint8

const (
	ordinaryFeed kind = iota
	urgentFeed
	mediaFeed
)

func (f Feed) kind() kind {
	switch {
	case f.Channel == wire.ChanMedia:
		return mediaFeed
	case f.Urgent:
		return urgentFeed
	}
	return ordinaryFeed
}

const (
	// ahead is how much of a class is read at once.
	ahead      = 16
	aheadBytes = 32 << 10
	// readAgain is the wait after a journal that could not be read.
	readAgain = time.Second
)

// cursor walks through the records of one class.
type cursor struct {
	after journal.ID
	buf   []journal.Record
	dry   bool // nothing more until the journal has grown
	over  bool // nothing more at all
	retry time.Time
}

// source is one class with its two cursors: what is produced while this session
// lives, and what was there before.
type source struct {
	feed       Feed
	live, back cursor
	head       journal.Seq // the newest of this run when the session began
	// born is when the oldest record of the class was written, by the monotonic
	// clock, as of the last reading of the backlog.
	born time.Time
}

// pump reads the journal for one session. A new session begins a new pump: what was
// not acknowledged is read again, with the same identities.
type pump struct {
	j       Journal
	run     wire.Run
	sources []*source
	failed  func(journal.Class, error)
	wrap    func(journal.Record, bool) []byte
	// skip tells that a record is on its way already.
	skip func(id journal.ID, now time.Time) bool
}

// newPump marks where live begins.
func newPump(j Journal, run wire.Run, feeds []Feed, failed func(journal.Class, error)) *pump {
	p := &pump{j: j, run: run, failed: failed, skip: func(journal.ID, time.Time) bool { return false }}
	begun := j.Stats()
	for _, f := range feeds {
		s := &source{feed: f, head: max(begun.Classes[f.Class].Next, 1) - 1}
		s.live.after = journal.ID{Run: run, Class: f.Class, Seq: s.head}
		s.back.after = journal.ID{Class: f.Class}
		p.sources = append(p.sources, s)
	}
	return p
}

// grown makes the cursors look again.
func (p *pump) grown() {
	for _, s := range p.sources {
		s.live.dry, s.back.dry = false, false
	}
}

// cursor is one of a source's two.
func (s *source) cursor(historical bool) *cursor {
	if historical {
		return &s.back
	}
	return &s.live
}

// peek returns the source of the next record of a lane, nil for none; the record is
// the first in its cursor's buffer until take. Of what is live the classes go in the
// order of the feeds, of the backlog the one whose oldest record is the oldest (as of
// its last reading: a record carries no time that could be compared).
func (p *pump) peek(k kind, historical bool, now time.Time) *source {
	var best *source
	for _, s := range p.sources {
		if s.feed.kind() != k || !p.load(s, historical, now) {
			continue
		}
		if !historical {
			return s
		}
		if best == nil || s.born.Before(best.born) {
			best = s
		}
	}
	return best
}

// load fills a cursor's buffer and tells whether there is something in it.
func (p *pump) load(s *source, historical bool, now time.Time) bool {
	c := s.cursor(historical)
	for p.read(s, c, historical, now) {
		for len(c.buf) > 0 && p.skip(c.buf[0].ID, now) {
			c.drop()
		}
		if len(c.buf) > 0 {
			return true
		}
	}
	return false
}

// read fills an empty buffer.
func (p *pump) read(s *source, c *cursor, historical bool, now time.Time) bool {
	if len(c.buf) > 0 {
		return true
	}
	if c.over || c.dry || now.Before(c.retry) {
		return false
	}
	recs, err := p.j.Next(s.feed.Class, c.after, ahead, aheadBytes)
	if err != nil {
		c.retry = now.Add(readAgain)
		p.failed(s.feed.Class, err)
		return false
	}
	if historical {
		for i, r := range recs {
			if r.ID.Run == p.run && r.ID.Seq > s.head { // from here on it is live
				recs, c.over = recs[:i], true
				break
			}
		}
		s.born = now.Add(-p.j.Stats().Classes[s.feed.Class].Oldest)
	}
	c.buf, c.dry = recs, len(recs) == 0
	return len(recs) > 0
}

// take consumes what peek returned and makes the message of it.
func (p *pump) take(s *source, historical bool, topic string, in lane) item {
	c := s.cursor(historical)
	rec := c.buf[0]
	c.drop()
	return p.item(rec, historical, topic, in)
}

// drop passes over the first record of the buffer.
func (c *cursor) drop() {
	c.after = c.buf[0].ID
	c.buf[0] = journal.Record{} // let go of its data
	c.buf = c.buf[1:]
}

// item makes the message of a record.
func (p *pump) item(rec journal.Record, historical bool, topic string, in lane) item {
	return item{rec: rec.ID, historical: historical, lane: in,
		msg: mqtt.Message{Topic: topic, QoS: 1, Payload: p.wrap(rec, historical)}}
}

// retryIn is how long until a cursor that failed is to be asked again, 0 for none.
func (p *pump) retryIn(now time.Time) time.Duration {
	var soonest time.Duration
	for _, s := range p.sources {
		for _, c := range []*cursor{&s.live, &s.back} {
			if left := c.retry.Sub(now); left > 0 && (soonest == 0 || left < soonest) {
				soonest = left
			}
		}
	}
	return soonest
}

// ack tells the journal which of the flights' records have arrived, in as few ranges
// as possible.
func (p *pump) ack(done []flight) {
	type class struct {
		run   wire.Run
		class journal.Class
	}
	ranges := map[class][]journal.Range{}
	for _, f := range done {
		if f.rec.Seq == 0 {
			continue
		}
		k := class{f.rec.Run, f.rec.Class}
		list := ranges[k]
		if n := len(list); n > 0 && list[n-1].Last+1 == f.rec.Seq {
			list[n-1].Last = f.rec.Seq
		} else {
			ranges[k] = append(list, journal.Range{First: f.rec.Seq, Last: f.rec.Seq})
		}
	}
	for k, r := range ranges {
		p.j.Ack(k.run, k.class, r...)
	}
}
