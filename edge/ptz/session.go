package ptz

import (
	"context"
	"crypto/ed25519"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// session is a held stick: frames signed by a key made for it keep the lease alive.
type session struct {
	id     string
	pub    ed25519.PublicKey
	last   uint64 // counter of the latest valid frame
	rep    wire.SessionReport
	seen   time.Time
	target drivers.Velocity
}

func (s *session) report() wire.SessionReport {
	r := s.rep
	r.ID = s.id
	return r
}

// Acquire opens a session: the dome is held for lease, renewed by each valid frame,
// for at most longest. A dome that still moves for somebody else is stopped.
func (a *Arbiter) Acquire(act Act, sid string, pub ed25519.PublicKey, lease, longest time.Duration) {
	a.mu.Lock()
	g, no, told := a.admit(act)
	if g == nil {
		a.mu.Unlock()
		act.End(no)
		return
	}
	now := time.Now()
	g.sess = &session{id: sid, pub: pub, seen: now}
	g.lease, g.max = lease, now.Add(longest)
	a.hold(g)
	moving := !a.velocity.Zero()
	a.mu.Unlock()
	told()
	act.Step(wire.Accepted)
	act.Step(wire.Running)
	if moving {
		a.drive(g, drivers.Velocity{})
	}
	a.c.Changed()
}

// Session is the id of the session that holds the dome, empty for none.
func (a *Arbiter) Session() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.g == nil || a.g.sess == nil {
		return ""
	}
	return a.g.sess.id
}

// Frame takes one frame of session sid, raw from the wire. scope is the gateway's
// or group's name that the signature covers. A frame that does not verify, or whose
// counter is not higher, is counted and dropped; it never renews a lease. Frames of
// other sessions are not this dome's and return false. It waits for no wire: a stop
// is put on it by Run.
func (a *Arbiter) Frame(_ context.Context, scope, sid string, raw []byte) (mine bool) {
	a.mu.Lock()
	g := a.g
	if g == nil || g.sess == nil || g.sess.id != sid {
		a.mu.Unlock()
		return false
	}
	f, err := wire.OpenFrame(raw, scope, sid, g.sess.pub)
	if err != nil || f.Counter <= g.sess.last {
		g.sess.rep.Bad++
		a.mu.Unlock()
		return true
	}
	g.sess.count(f.Counter)
	a.hold(g)
	v, drive := g.sess.target, false
	switch f.Kind {
	case wire.FrameMove:
		m, err := f.Move()
		if err == nil {
			v = drivers.Velocity{Pan: m.Pan, Tilt: m.Tilt, Zoom: m.Zoom}
			drive = v != g.sess.target
			g.sess.target = v
		}
	case wire.FrameStop:
		a.endWithHalt(g, wire.ByStop())
		a.mu.Unlock()
		return true
	}
	a.mu.Unlock()
	if drive {
		a.drive(g, v)
	}
	return true
}

// count keeps the session's books.
func (s *session) count(counter uint64) {
	now := time.Now()
	s.rep.Frames++
	if s.last > 0 && counter > s.last+1 {
		s.rep.Lost += counter - s.last - 1
	}
	s.rep.GapMS = max(s.rep.GapMS, now.Sub(s.seen).Milliseconds())
	s.last, s.seen = counter, now
}

// State is what others may know of the dome's grant.
type State struct {
	Moving      bool
	Velocity    drivers.Velocity
	Holder      string // role, empty: free
	RemainingMS int64
	Preset      int
	Session     string
	OverrunMS   int64 // of the latest lapse
}

// State reads the present state.
func (a *Arbiter) State() State {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := State{Moving: !a.velocity.Zero(), Velocity: a.velocity, Preset: a.preset, OverrunMS: a.lastLapse.Milliseconds()}
	if g := a.g; g != nil {
		s.Holder = g.act.Role
		if !g.until.IsZero() {
			s.RemainingMS = max(0, time.Until(g.until).Milliseconds())
		}
		if g.sess != nil {
			s.Session = g.sess.id
		}
	}
	return s
}
