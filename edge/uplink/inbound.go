package uplink

import (
	"bytes"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// Inbound is a message that came from the platform.
type Inbound struct {
	Topic string
	// Payload is the receiver's own. Of one that is larger than a downward message
	// may be, it holds the first wire.MaxCommand + 1 bytes.
	Payload   []byte
	QoS       byte
	Retained  bool
	Duplicate bool
	// At is when it arrived, by the monotonic clock.
	At time.Time
	// Ack acknowledges it to the broker; it never blocks.
	Ack func()
}

// Sizes of the queues towards the receivers.
const (
	queueOrders  = 64
	queueStops   = 64
	queueFrames  = 256
	queuePrivate = 64
)

// private is a message for the uplink itself.
type private struct {
	channel wire.Channel
	Inbound
}

// Orders are commands of this gateway and its groups, in the order of arrival.
func (u *Uplink) Orders() <-chan Inbound { return u.orders }

// Stops are stops of this gateway and its groups.
func (u *Uplink) Stops() <-chan Inbound { return u.stops }

// Frames are session frames. When the receiver is slow the oldest are dropped: in a
// session only the newest counts.
func (u *Uplink) Frames() <-chan Inbound { return u.frames }

// receive sorts a message into its queue. It runs on the transport's goroutine and
// never waits.
func (u *Uplink) receive(m mqtt.Message) {
	t, err := u.topics.Parse(m.Topic)
	if err != nil || t.Gateway != u.c.Gateway && !(*u.groups.Load())[t.Group] {
		u.count(func(s *Stats) { s.Stray++ })
		m.Ack() // nobody here will ever want it
		return
	}
	in := Inbound{Topic: m.Topic, Payload: bytes.Clone(m.Payload[:min(len(m.Payload), wire.MaxCommand+1)]),
		QoS: m.QoS, Retained: m.Retained, Duplicate: m.Duplicate, At: time.Now(), Ack: m.Ack}
	switch t.Channel {
	case wire.ChanCommand:
		u.offer(u.orders, in, func(s *Stats) { s.DroppedOrders++ })
	case wire.ChanStop:
		u.offer(u.stops, in, func(s *Stats) { s.DroppedStops++ })
	case wire.ChanSession:
		if in.Retained { // a retained frame is a replay by construction
			u.count(func(s *Stats) { s.Stray++ })
			return
		}
		u.frame(in)
	case wire.ChanPresence, wire.ChanTime, wire.ChanAck, wire.ChanLoop:
		select {
		case u.private <- private{t.Channel, in}:
		default:
			u.count(func(s *Stats) { s.Stray++ })
		}
		m.Ack()
	default:
		u.count(func(s *Stats) { s.Stray++ })
		m.Ack()
	}
}

// offer puts a message into a queue. One that does not fit stays unacknowledged, and
// the session is opened anew when the queues are empty: the broker delivers it again.
func (u *Uplink) offer(q chan Inbound, in Inbound, dropped func(*Stats)) {
	select {
	case q <- in:
	default:
		u.count(dropped)
		if in.QoS > 0 {
			u.overflow.Store(true)
			u.stir()
		}
	}
}

// frame puts a session frame into its queue and, where that is full, the oldest out.
func (u *Uplink) frame(in Inbound) {
	for {
		select {
		case u.frames <- in:
			return
		default:
		}
		select {
		case <-u.frames:
			u.count(func(s *Stats) { s.DroppedFrames++ })
		default:
		}
	}
}
