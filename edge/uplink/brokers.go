package uplink

import (
	"context"
	"errors"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
)

const (
	// shortSession: a broker that throws us out again so soon is as good as none, and the
	// next address is tried.
	shortSession = 10 * time.Second
	// probeFirst is how soon the first address is looked for while another one serves;
	// the wait doubles to probeMost after each return that came to nothing.
	probeFirst = 5 * time.Minute
	probeMost  = time.Hour
	// probeAgain: it has to be there twice, so long apart.
	probeAgain = time.Minute
	probeWait  = 15 * time.Second
)

// errReturn ends a session with another broker when the first one is back.
const errReturn = reopen("the first broker is back")

// order is the walk through the addresses of the brokers: from the first on, each once,
// and then a wait; a session that lasted begins it anew.
type order struct {
	at    int           // the address that is tried next, or serves
	probe time.Duration // the present wait between looks for the first, 0 = probeFirst
}

// broker is the address that is tried next.
func (u *Uplink) broker() string {
	if u.order.at == 0 || u.order.at > len(u.c.Fallback) {
		return u.c.Broker
	}
	return u.c.Fallback[u.order.at-1]
}

// failed goes on to the next address; true says that all have been tried.
func (u *Uplink) failed() (round bool) {
	if u.order.at++; u.order.at > len(u.c.Fallback) {
		u.order.at = 0
		return true
	}
	return false
}

// returning watches, during a session with another broker, whether the first is back.
type returning struct {
	look  time.Time // of the next look; zero: this is the first
	found bool      // it was there at the last one
	reply chan error
}

// watchFirst begins to look for the first broker.
func (l *link) watchFirst(now time.Time) {
	if l.u.order.at == 0 {
		return
	}
	l.u.order.probe = min(max(l.u.order.probe, probeFirst), probeMost)
	half := l.u.order.probe / 2
	l.back = returning{look: now.Add(half + time.Duration(l.u.c.Random()*float64(half)*2)), reply: make(chan error, 1)}
}

// checkFirst looks when it is time. The look is a connection without CONNECT: it does not
// disturb the session that serves.
func (l *link) checkFirst(ctx context.Context, now time.Time) {
	if l.back.look.IsZero() || now.Before(l.back.look) {
		return
	}
	l.back.look = now.Add(probeWait + probeAgain) // unless the answer says otherwise
	o := l.u.options(l.u.c.Broker)
	if l.u.c.TLS != nil {
		cfg, err := l.u.c.TLS()
		if err != nil {
			return
		}
		o.TLS = cfg
	}
	reply := l.back.reply
	l.u.c.Go("look for the first broker", func(life context.Context) error {
		wait, cancel := context.WithTimeout(life, probeWait)
		defer cancel()
		select {
		case reply <- mqtt.Reach(wait, o):
		case <-ctx.Done():
		}
		return nil
	})
}

// found takes the answer of a look; true says that the session is to end for the return.
func (l *link) foundFirst(err error, now time.Time) bool {
	if err != nil {
		l.back.found, l.back.look = false, now.Add(l.u.order.probe)
		return false
	}
	if !l.back.found {
		l.back.found, l.back.look = true, now.Add(probeAgain)
		return false
	}
	l.u.order.probe = min(2*l.u.order.probe, probeMost) // if it comes to nothing
	return true
}

// firstIn is how long until the next look, 0 for never.
func (l *link) firstIn(now time.Time) time.Duration {
	if l.back.look.IsZero() {
		return 0
	}
	return max(l.back.look.Sub(now), time.Millisecond)
}

// seldom tells whether err ends a session that is to be followed by another at once.
func seldom(err error) bool {
	return errors.Is(err, errReopen) || errors.Is(err, errChanged) || errors.Is(err, errReturn)
}
