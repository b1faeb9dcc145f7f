package uplink

import (
	"context"
	"time"

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
		l.w.push(flight{it, r})
	}
	l.u.count(func(s *Stats) { s.InFlight = len(l.w.flights) })
	return nil
}

// pick takes the most urgent message, if it fits: what opens the session; steps of
// orders; live results and alarms; states and telemetry, which are bounded by time;
// other live records; and in what the backlog may use of the window, its results and
// alarms, then the rest. A message that does not fit is waited for, never overtaken
// by a lesser one.
func (l *link) pick(which lanes, now time.Time) (item, bool) {
	if len(l.first) > 0 {
		if !l.w.fits(size(l.first[0].msg), false) {
			return item{}, false
		}
		return shift(&l.first)
	}
	if !l.w.fits(0, false) {
		return item{}, false
	}
	if m, ok := l.u.takeStep(); ok {
		return item{msg: m}, true
	}
	if it, found, ok := l.record(true, false, now); found {
		return it, ok
	}
	if which == pickLast {
		return item{}, false
	}
	if m, ok := l.u.nextState(now); ok {
		return item{msg: m}, true
	}
	if m, ok := l.u.takePack(); ok {
		return item{msg: m}, true
	}
	for _, lane := range [...]struct{ urgent, historical bool }{{false, false}, {true, true}, {false, true}} {
		if it, found, ok := l.record(lane.urgent, lane.historical, now); found {
			return it, ok
		}
	}
	return item{}, false
}

// record takes the next record of a lane; found and not ok: it does not fit yet.
func (l *link) record(urgent, historical bool, now time.Time) (it item, found, ok bool) {
	s := l.p.peek(urgent, historical, now)
	if s == nil {
		return item{}, false, false
	}
	rec := s.cursor(historical).buf[0]
	topic := l.u.topics.Of(l.u.c.Gateway, s.feed.Channel)
	if !l.w.fits(size(mqtt.Message{Topic: topic, Payload: rec.Data}), historical) {
		return item{}, true, false
	}
	return l.p.take(s, historical, topic), true, true
}
