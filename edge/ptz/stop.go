package ptz

import (
	"context"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// Stop takes the dome from whoever holds it and halts it. It passes every queue and
// returns when the stops are on the wire.
func (a *Arbiter) Stop(ctx context.Context, act Act) {
	if halt := a.Seize(act); halt != nil {
		halt(ctx)
	}
}

// Seize is the part of Stop that is done at once, in RAM: the dome is taken from
// whoever holds it. halt then puts the stops on the wire and ends act; it is nil where
// act is refused and has ended.
func (a *Arbiter) Seize(act Act) (halt func(context.Context)) {
	act.stop = true
	a.mu.Lock()
	if a.stale(act) {
		a.mu.Unlock()
		act.End(wire.Refuse(wire.Stale, "a later order of this key came before it"))
		return nil
	}
	g := a.g
	if g != nil && g.act.Rank > act.Rank {
		a.mu.Unlock()
		act.End(wire.Refuse(wire.Held, "the holder's priority is above this key's highest"))
		return nil
	}
	a.remember(act)
	return a.takeAway(g, wire.ByStop(), act.End)
}

// takeAway ends the grant g, if there is one, and gives up a.mu, which is held. The
// function that it returns halts the dome.
func (a *Arbiter) takeAway(g *grant, cause error, end func(wire.Outcome)) (halt func(context.Context)) {
	told := func() {}
	if g != nil {
		told = a.drop(g, cause)
	}
	a.mu.Unlock()
	told()
	return func(ctx context.Context) { a.halt(ctx, end) }
}

// halt sends the stops and tells end how it went.
func (a *Arbiter) halt(ctx context.Context, end func(wire.Outcome)) {
	err := a.rest(ctx)
	a.c.Changed()
	if err != nil {
		a.kick()
		end(wire.Failure(err, drivers.None.String()))
		return
	}
	end(a.done())
}

// rest brings the dome to rest. Where that fails Run is to try again: whoever calls
// this from elsewhere kicks it.
func (a *Arbiter) rest(ctx context.Context) error {
	err := a.c.Halt(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
		a.mustHalt = true
	case a.g == nil || !a.g.sent:
		a.mustHalt, a.velocity = false, drivers.Velocity{}
	}
	return err
}

// Release gives the dome back if act's key holds it, by the session named or, where
// none is, by any grant; what moves is stopped.
func (a *Arbiter) Release(act Act, sid string) (halt func(context.Context)) {
	a.mu.Lock()
	g := a.g
	switch {
	case a.stale(act):
		a.mu.Unlock()
		act.End(wire.Refuse(wire.Stale, "a later order of this key, or a stop, came before it"))
		return nil
	case g == nil || g.act.Kid != act.Kid || sid != "" && (g.sess == nil || g.sess.id != sid):
		a.mu.Unlock()
		act.End(wire.Refuse(wire.NoSession, "this key does not hold the dome, or not by this session"))
		return nil
	}
	a.remember(act)
	return a.takeAway(g, wire.ByStop(), act.End)
}

// Cancel ends the grant of an act that match picks, for the cause given, and returns
// what halts the dome; nil where there was none.
func (a *Arbiter) Cancel(match func(act string) bool, cause error) (halt func(context.Context)) {
	a.mu.Lock()
	g := a.g
	if g == nil || !match(g.act.ID) {
		a.mu.Unlock()
		return nil
	}
	return a.takeAway(g, cause, func(wire.Outcome) {})
}

// endWithHalt takes g away and leaves halt and report to Run. Called with a.mu held.
func (a *Arbiter) endWithHalt(g *grant, cause error) {
	g.cancel(cause)
	a.g = nil
	a.stopping = append(a.stopping, ended{g, cause})
	a.kick()
}

// End drops whatever is held, without a halt (the caller halts): shutdown.
func (a *Arbiter) End(cause error) {
	a.mu.Lock()
	told := func() {}
	if a.g != nil {
		told = a.drop(a.g, cause)
	}
	a.mu.Unlock()
	told()
}
