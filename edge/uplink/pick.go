package uplink

import (
	"context"
	"slices"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
)

// lanes says which messages may be picked.
type lanes int

const (
	pickAll lanes = iota
	// pickLast is for the goodbye: steps, and live results and alarms.
	pickLast
)

// fill hands over what fits into the window, the most urgent first.
func (l *link) fill(ctx context.Context, which lanes) error {
	for {
		it, ok := l.pick(which, time.Now())
		if !ok {
			break
		}
		r, err := l.s.Publish(ctx, it.msg)
		if err != nil {
			if ctx.Err() != nil { // the caller sees it too; whether it was sent is unknown
				l.first = append([]item{it}, l.first...)
				return nil //nolint:nilerr // see above
			}
			return err
		}
		l.w.push(flight{item: it, receipt: r})
		l.u.spend(time.Now(), size(it.msg))
	}
	l.u.count(func(s *Stats) { s.InFlight = len(l.w.flights) })
	return nil
}

// pick takes the most urgent message, if it fits: what opens the session; steps of
// orders; live results and alarms; states and telemetry, which are bounded by time;
// other live records; what the platform has not acknowledged in time; and in what the
// backlog may use of the window, its results and alarms, then the rest. A message that
// does not fit is waited for, never overtaken by a lesser one.
func (l *link) pick(which lanes, now time.Time) (item, bool) {
	if len(l.first) > 0 {
		if !l.w.fits(size(l.first[0].msg), urgent) {
			return item{}, false
		}
		return shift(&l.first)
	}
	if !l.w.fits(0, urgent) {
		return item{}, false
	}
	if m, ok := l.u.takeStep(); ok {
		return item{msg: m}, true
	}
	if it, found, ok := l.record(urgentFeed, false, now); found {
		return it, ok
	}
	if which == pickLast || !l.w.fits(0, ordinary) || l.u.dear(now) {
		return item{}, false
	}
	if m, ok := l.u.nextState(now); ok {
		return item{msg: m}, true
	}
	if m, ok := l.u.takePack(); ok {
		return item{msg: m, lane: ordinary}, true
	}
	if it, found, ok := l.record(ordinaryFeed, false, now); found {
		return it, ok
	}
	if it, found, ok := l.again(now); found {
		return it, ok
	}
	if it, found, ok := l.media(false, now); found {
		return it, ok
	}
	if it, found, ok := l.record(urgentFeed, true, now); found {
		return it, ok
	}
	return l.rest(now)
}

// rest takes from the backlog what is neither result nor alarm, the oldest first.
func (l *link) rest(now time.Time) (item, bool) {
	order := [...]func() (item, bool, bool){
		func() (item, bool, bool) { return l.record(ordinaryFeed, true, now) },
		func() (item, bool, bool) { return l.media(true, now) },
	}
	e, m := l.p.peek(ordinaryFeed, true, now), l.p.peek(mediaFeed, true, now)
	if e != nil && m != nil && m.born.Before(e.born) {
		order[0], order[1] = order[1], order[0]
	}
	for _, take := range order {
		if it, found, ok := take(); found {
			return it, ok
		}
	}
	return item{}, false
}

// again takes the oldest record that the platform has not acknowledged in time.
func (l *link) again(now time.Time) (it item, found, ok bool) {
	for {
		id, d, over := l.u.waits.overdue(now)
		if !over {
			return item{}, false, false
		}
		before := id
		before.Seq--
		recs, err := l.u.c.Journal.Next(id.Class, before, 1, 0)
		if err != nil || len(recs) == 0 || recs[0].ID != id { // given up since, or not readable: then its cursor meets it
			l.u.waits.forget(id)
			continue
		}
		if id.Class == journal.Media {
			if l.u.moving != nil || !l.begin(recs[0], d.historical) {
				return item{}, false, false
			}
			l.u.waits.forget(id)
			l.u.count(func(s *Stats) { s.Resent++ })
			return l.part(d.historical)
		}
		i := slices.IndexFunc(l.p.sources, func(s *source) bool { return s.feed.Class == id.Class })
		if i < 0 {
			l.u.waits.forget(id)
			continue
		}
		topic := l.u.topics.Of(l.u.c.Gateway, l.p.sources[i].feed.Channel)
		if !l.w.fits(size(mqtt.Message{Topic: topic, Payload: recs[0].Data}), backlog) {
			return item{}, true, false
		}
		l.u.waits.add(id, now, d.historical)
		l.u.count(func(s *Stats) { s.Resent++ })
		return l.p.item(recs[0], d.historical, topic, backlog), true, true
	}
}

// record takes the next record of a lane; found and not ok: it does not fit yet.
func (l *link) record(k kind, historical bool, now time.Time) (it item, found, ok bool) {
	s := l.p.peek(k, historical, now)
	if s == nil {
		return item{}, false, false
	}
	rec := s.cursor(historical).buf[0]
	topic := l.u.topics.Of(l.u.c.Gateway, s.feed.Channel)
	if l.u.c.Ack == ByPlatform && l.u.waits.full(k == urgentFeed, len(l.w.flights)) {
		return item{}, false, false
	}
	in := ordinary
	switch {
	case historical:
		in = backlog
	case k == urgentFeed:
		in = urgent
	}
	if !l.w.fits(size(mqtt.Message{Topic: topic, Payload: rec.Data}), in) {
		return item{}, true, false
	}
	return l.p.take(s, historical, topic, in), true, true
}
