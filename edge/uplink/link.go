package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// errReopen ends a session whose receivers have caught up with a full queue.
const errReopen = reopen("the queues are empty again")

// errChanged ends a session whose configuration has changed.
const errChanged = reopen("the configuration has changed")

type reopen string

func (r reopen) Error() string { return string(r) }

const (
	presenceEvery = 5 * time.Second
	// lookEvery is how often a full queue is looked at.
	lookEvery = 20 * time.Millisecond
	idle      = time.Minute
)

// link is the life of one session. All of it runs on the goroutine of Uplink.Run.
type link struct {
	u     *Uplink
	s     *mqtt.Session
	id    Session
	began time.Time
	w     window
	p     *pump
	// first are the messages that open a session, and what could not be handed over.
	first  []item
	told   presence
	loop   loopTest
	back   returning
	warned bool // of orders that found a full queue
}

// presence is what was last said of ourselves, and what the broker says we said.
type presence struct {
	last  []byte
	at    time.Time
	echo  []byte
	heard bool
}

func newLink(u *Uplink, s *mqtt.Session, id Session) *link {
	l := &link{u: u, s: s, id: id, began: time.Now()}
	l.p = newPump(u.c.Journal, u.c.Run, u.c.Feeds, func(c journal.Class, err error) {
		u.c.Log.Error("journal not readable", "class", fmt.Sprint(c), "error", err)
	})
	l.p.wrap = u.c.Wrap
	l.p.skip = func(id journal.ID, now time.Time) bool {
		return u.waits.has(id, now) || u.moving != nil && u.moving.id == id
	}
	if u.moving != nil {
		u.moving.again()
	}
	l.w.rate = u.learnt.again(time.Now())
	return l
}

// live opens the session, serves it to its end and returns why it ended.
func (l *link) live(ctx context.Context) error {
	err := l.open(ctx)
	if err == nil {
		err = l.serve(ctx)
	}
	switch {
	case ctx.Err() != nil && l.s.Err() == nil:
		l.farewell(ctx)
	case !seldom(err):
		l.s.Abort(err) // no goodbye: the will says that we are gone
	}
	_ = l.s.Close(context.WithoutCancel(ctx))
	done, open := l.w.sweep()
	l.arrived(done)
	l.u.learnt = l.w.rate
	l.u.count(func(s *Stats) {
		s.arrived(done)
		s.Resent += uint64(open)
	})
	return err
}

// open subscribes and lines up what a new session begins with.
func (l *link) open(ctx context.Context) error {
	wait, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	u := l.u
	if err := l.s.Subscribe(wait, filters(u.topics.Down(u.c.Gateway, nil))); err != nil {
		return err
	}
	own := len(u.topics.Down(u.c.Gateway, nil))
	if groups := filters(u.topics.Down(u.c.Gateway, u.c.Groups)[own:]); len(groups) > 0 {
		err := l.s.Subscribe(wait, groups)
		if err != nil && !errors.Is(err, fault.Refused) {
			return err
		}
		// Better a box without its groups than no box.
		u.refused(err)
	}
	if err := l.leaveGroups(wait); err != nil {
		return err
	}
	l.announce()
	l.watchFirst(time.Now())
	if u.c.Inventory != nil {
		index, parts := u.c.Inventory()
		for i, part := range parts {
			l.retain(u.topics.InventoryPart(u.c.Gateway, i+1), part)
		}
		l.retain(u.topics.Of(u.c.Gateway, wire.ChanInventory), index)
	}
	l.testLoop(time.Now())
	u.allDirty()
	u.up(l.id, l.s.SessionPresent())
	return nil
}

// leaveGroups ends subscriptions of groups that have left the configuration: the broker
// keeps them with the session.
func (l *link) leaveGroups(ctx context.Context) error {
	u := l.u
	if u.c.OldGroups == nil {
		return nil
	}
	own := len(u.topics.Down(u.c.Gateway, nil))
	gone := slices.DeleteFunc(u.c.OldGroups(), func(g string) bool { return slices.Contains(u.c.Groups, g) })
	if old := u.topics.Down(u.c.Gateway, gone)[own:]; len(old) > 0 {
		if err := l.s.Unsubscribe(ctx, old...); err != nil {
			return err
		}
	}
	if u.c.KeepGroups != nil {
		u.c.KeepGroups(u.c.Groups)
	}
	return nil
}

// filters gives each subscription the QoS of the contract.
func filters(topics []string) map[string]byte {
	f := map[string]byte{}
	for _, t := range topics {
		f[t] = 1
		if strings.HasSuffix(t, "/"+string(wire.ChanSession)+"/+") || strings.HasSuffix(t, "/"+string(wire.ChanTime)) {
			f[t] = 0
		}
	}
	return f
}

// announce lines up a presence.
func (l *link) announce() {
	l.u.announce.Store(false)
	l.told.last, l.told.at = l.u.c.Presence(l.id, wire.Online), time.Now()
	l.retain(l.u.topics.Of(l.u.c.Gateway, wire.ChanPresence), l.told.last)
}

// retain lines up a last-value message.
func (l *link) retain(topic string, payload []byte) {
	l.first = append(l.first, item{msg: mqtt.Message{Topic: topic, QoS: 1, Retained: true, Payload: payload}})
}

// serve is the loop of a session.
func (l *link) serve(ctx context.Context) error {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		grown := l.u.c.Journal.Grown()
		if err := l.fill(ctx, pickAll); err != nil {
			return err
		}
		timer.Reset(l.due(time.Now()))
		select {
		case <-ctx.Done():
			return nil
		case <-l.s.Done():
			return l.s.Err()
		case <-l.w.done():
		case <-grown:
			l.p.grown()
		case <-l.u.wake:
		case m := <-l.u.private:
			l.hear(m)
		case err := <-l.back.reply:
			if l.foundFirst(err, time.Now()) {
				return errReturn
			}
		case c := <-l.u.change:
			l.u.take(c)
			return errChanged
		case <-timer.C:
		}
		if err := l.settle(); err != nil {
			return err
		}
		if err := l.check(time.Now()); err != nil {
			return err
		}
		l.checkFirst(ctx, time.Now())
	}
}

// check does what is due by time and says when the session is to end.
func (l *link) check(now time.Time) error {
	if l.u.overflow.Load() {
		if !l.warned {
			l.warned = true
			l.u.c.Notice(condDropped, "orders found a full queue; the broker delivers them again", true)
		}
		if len(l.u.orders) == 0 && len(l.u.stops) == 0 && now.Sub(l.began) >= reopenEvery {
			return errReopen
		}
	}
	if len(l.w.flights) > 0 && now.Sub(l.w.flights[0].receipt.Sent) >= ackIn {
		return fmt.Errorf("no PUBACK for %v: %w", ackIn, fault.NoReply)
	}
	l.checkLoop(now)
	l.checkTwin(now)
	if l.presenceStale() && now.Sub(l.told.at) >= presenceEvery {
		l.announce()
	}
	return nil
}

// presenceStale tells whether presence is to be published again.
func (l *link) presenceStale() bool {
	return l.u.announce.Load() || l.told.heard && !bytes.Equal(l.told.echo, l.told.last)
}

// due is how long nothing has to be done unless something happens.
func (l *link) due(now time.Time) time.Duration {
	next := idle
	sooner := func(d time.Duration) {
		if d > 0 {
			next = min(next, d)
		}
	}
	if l.u.overflow.Load() {
		sooner(lookEvery)
	}
	if l.presenceStale() {
		sooner(max(presenceEvery-now.Sub(l.told.at), time.Millisecond))
	}
	if len(l.w.flights) > 0 {
		sooner(max(ackIn-now.Sub(l.w.flights[0].receipt.Sent), time.Millisecond))
	}
	sooner(l.loopIn(now))
	sooner(l.twinIn(now))
	sooner(l.firstIn(now))
	sooner(l.u.waits.next(now))
	sooner(l.u.dearFor(now))
	sooner(l.u.stateIn(now))
	sooner(l.p.retryIn(now))
	return next
}

// hear takes a message that is meant for the uplink itself.
func (l *link) hear(m private) {
	switch m.channel {
	case wire.ChanPresence:
		l.told.echo, l.told.heard = m.Payload, true
		l.meet(m)
	case wire.ChanLoop:
		if !m.Retained {
			l.looped(m.Payload)
		}
	case wire.ChanTime:
		if !m.Retained && l.u.c.Beacon != nil {
			l.u.c.Beacon(m.Payload, m.At)
		}
	case wire.ChanAck:
		if !m.Retained {
			l.acknowledged(m.Payload)
		}
	}
}

// settle takes what has been acknowledged out of the window. The error is of a
// publication that the library has given up: the session is of no use any more.
func (l *link) settle() error {
	var done []flight
	var lost error
	for {
		f, delivered, known := l.w.pop()
		if !known {
			break
		}
		if !delivered {
			lost = fmt.Errorf("publication to %s was given up: %w", f.msg.Topic, fault.NoReply)
			break
		}
		done = append(done, f)
		if f.rec.Seq == 0 {
			l.u.forget(f.msg.Topic)
		}
	}
	if len(done) > 0 {
		l.arrived(done)
		rtt := time.Since(done[len(done)-1].receipt.Sent)
		l.u.count(func(s *Stats) {
			s.arrived(done)
			s.RTT, s.InFlight = rtt, len(l.w.flights)
			s.Rate, s.Outstanding = l.w.rate.perSecond(), len(l.u.waits.sent)
		})
	}
	return lost
}

// arrived says so of what the broker has: it is done with, or waits for the platform.
func (l *link) arrived(done []flight) {
	for _, f := range done {
		if f.part != nil {
			l.moved(f.part, f.number)
		}
	}
	if l.u.c.Ack != ByPlatform {
		l.p.ack(done)
		return
	}
	for _, f := range done {
		if f.rec.Seq != 0 {
			l.u.waits.add(f.rec, time.Now(), f.historical)
		}
	}
}

// acknowledged takes the platform's word for what it has stored.
func (l *link) acknowledged(payload []byte) {
	a, err := wire.DecodeAck(payload)
	if err != nil {
		l.u.count(func(s *Stats) { s.BadAcks++ })
		l.u.c.Log.Warn("acknowledgement not readable", "error", err)
		return
	}
	l.u.count(func(s *Stats) { s.Acks++ })
	if l.u.c.Ack != ByPlatform {
		return
	}
	ranges := make([]journal.Range, 0, len(a.Ranges))
	for _, r := range a.Ranges {
		ranges = append(ranges, journal.Range{First: journal.Seq(r[0]), Last: journal.Seq(r[1])})
	}
	class := journal.Class(a.Class)
	l.u.c.Journal.Ack(a.Run, class, ranges...)
	l.u.waits.done(a.Run, class, ranges)
	l.u.finished(func(id journal.ID) bool {
		return id.Run == a.Run && id.Class == class && slices.ContainsFunc(ranges, func(r journal.Range) bool { return r.First <= id.Seq && id.Seq <= r.Last })
	})
	l.u.count(func(s *Stats) { s.Outstanding = len(l.u.waits.sent) })
}
