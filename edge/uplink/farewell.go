package uplink

import (
	"context"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// offlineIn bounds the wait for the PUBACK of the last presence.
const offlineIn = 500 * time.Millisecond

// farewell sends the results that the end of the daemon has produced, waits for what
// is in flight, and says that the gateway is off. paho would drop all of it at
// DISCONNECT. It takes Config.Drain and offlineIn at most.
func (l *link) farewell(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	drain, cancel := context.WithTimeout(ctx, l.u.c.Drain)
	defer cancel()
	l.p.grown()
	for {
		grown := l.u.c.Journal.Grown()
		// First make room, then fill it: an empty window means that nothing is left.
		if l.settle() != nil || l.fill(drain, pickLast) != nil {
			return // the session is over: the will says the rest
		}
		if len(l.w.flights) == 0 {
			break
		}
		select {
		case <-drain.Done():
		case <-l.s.Done():
			return
		case <-l.w.done():
			continue
		case <-grown:
			l.p.grown()
			continue
		}
		break
	}
	last, stop := context.WithTimeout(ctx, offlineIn)
	defer stop()
	err := l.s.Published(last, mqtt.Message{Topic: l.u.topics.Of(l.u.c.Gateway, wire.ChanPresence), QoS: 1, Retained: true,
		Payload: l.u.c.Presence(l.id, wire.Offline)})
	if err != nil {
		l.u.c.Log.Warn("offline presence not acknowledged", "error", err)
		l.s.Abort(err) // so that the broker publishes the will
	}
}
