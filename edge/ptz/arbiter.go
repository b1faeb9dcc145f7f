// Package ptz decides who moves a dome and makes sure that it stops. Every frame
// to a dome goes through its Arbiter under a grant; a grant that moves has a lease,
// and when the lease runs out the dome is halted by a goroutine of its own that no
// queue, disk or network can hold up.
package ptz

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

// Post puts work into the dome's own goroutine; drop is called instead when the
// work is thrown away. station.Station is behind it.
type Post func(act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) error

// Config of an Arbiter.
type Config struct {
	Dome string
	Log  *slog.Logger
	Post Post
	// Halt brings the dome to rest past every queue (three stops on the wire).
	Halt func(ctx context.Context) error
	// Reserve tells the bus that a lease ends at a time, so that no query is in
	// flight then; a zero time takes it back.
	Reserve func(at time.Time, lease time.Duration)
	// Evidence of a frame that was sent without error: commanded, or acknowledged
	// where the dome answers.
	Evidence string
	// Changed is called, outside all locks, when the state has changed.
	Changed func()
}

// Act is one order (or local act) to the dome and the way back for its results.
type Act struct {
	ID     string
	Kid    string
	Seq    uint64
	Rank   int
	Issued time.Time
	// Role of the holder that others may see.
	Role string
	// Step tells a state before the terminal, End the terminal; both at most once per state.
	Step func(wire.Status)
	End  func(wire.Outcome)

	stop bool
}

// grant is the right to move the dome, held by one act.
type grant struct {
	act    Act
	ctx    context.Context
	cancel context.CancelCauseFunc
	lease  time.Duration
	until  time.Time        // the dead man's time; zero: nothing moves on a lease
	max    time.Time        // end of the session whatever comes; zero for a single move
	want   drivers.Velocity // what the holder wants now
	posted bool             // a job that will send want is in the mailbox or running
	sent   bool             // at least one velocity has been handed to the driver
	sess   *session
}

// Arbiter is the one door to a dome.
type Arbiter struct {
	c    Config
	wake chan struct{}

	mu        sync.Mutex
	g         *grant
	lastStop  time.Time         // issued of the latest stop, over all keys
	lastSeq   map[string]uint64 // per kid: highest seq of a motion or stop
	lastLapse time.Duration     // overrun of the latest lapse
	velocity  drivers.Velocity  // what the dome may be doing, until a halt has succeeded
	preset    int
	mustHalt  bool // a move failed half-way: halt, whatever else
	stopping  []ended
}

// ended is a grant that was taken away and whose dome is to be halted by Run, which
// reports its end then.
type ended struct {
	g     *grant
	cause error
}

// New makes the arbiter of one dome.
func New(c Config) *Arbiter {
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Reserve == nil {
		c.Reserve = func(time.Time, time.Duration) {}
	}
	return &Arbiter{c: c, wake: make(chan struct{}, 1), lastSeq: map[string]uint64{}}
}

// stale tells whether an order comes too late by its own key's order or by a stop
// of any key. Called with a.mu held.
func (a *Arbiter) stale(act Act) bool {
	return act.Kid != "" && (act.Seq < a.lastSeq[act.Kid] || !act.stop && !act.Issued.IsZero() && act.Issued.Before(a.lastStop))
}

// remember makes what is older than act stale. Called with a.mu held.
func (a *Arbiter) remember(act Act) {
	if act.Kid == "" {
		return
	}
	a.lastSeq[act.Kid] = max(act.Seq, a.lastSeq[act.Kid])
	if act.stop && act.Issued.After(a.lastStop) {
		a.lastStop = act.Issued
	}
}

// admit gives the dome to act or says why not. The one who had it is cut: by a
// later act of the same key, or by a higher rank; told reports his end, and is to be
// called without a.mu. Whoever takes over a dome that moves has to see to it: by a
// velocity of his own, or by a halt. Called with a.mu held.
func (a *Arbiter) admit(act Act) (g *grant, no wire.Outcome, told func()) {
	if a.stale(act) {
		return nil, wire.Refuse(wire.Stale, "a later order of this key, or a stop, came before it"), nil
	}
	told = func() {}
	if g := a.g; g != nil {
		if g.act.Kid != act.Kid && g.act.Rank >= act.Rank {
			return nil, wire.Refuse(wire.Held, "the dome is held by "+g.act.Role), nil
		}
		cause := wire.ByPriority()
		if g.act.Kid == act.Kid {
			cause = wire.BySupersede()
		}
		told = a.drop(g, cause)
	}
	a.remember(act)
	ctx, cancel := context.WithCancelCause(context.Background())
	a.g = &grant{act: act, ctx: ctx, cancel: cancel}
	return a.g, wire.Outcome{}, told
}

// drop takes the grant away; told reports its end, and is to be called without a.mu.
// Called with a.mu held.
func (a *Arbiter) drop(g *grant, cause error) (told func()) {
	g.cancel(cause)
	if a.g == g {
		a.g = nil
		a.c.Reserve(time.Time{}, 0)
	}
	out := a.ending(g, cause)
	return func() { g.act.End(out) }
}

// ending is the outcome of a grant that was taken away. A move that ran until its
// lease ended, or until its own key replaced it, was carried out.
func (a *Arbiter) ending(g *grant, cause error) wire.Outcome {
	out := wire.Failure(cause, a.c.Evidence)
	out.Detail = ""
	var lapsed lapse
	switch {
	case errors.As(cause, &lapsed) && g.sess != nil:
		out = wire.Outcome{Status: wire.Cancelled, Reason: wire.Lapsed, Evidence: a.c.Evidence}
	case errors.As(cause, &lapsed):
		out = a.done()
	case out.Reason == wire.Superseded && g.sent:
		out = a.done()
		out.Reason = wire.Superseded
	case out.Reason == wire.Stopped && g.sess != nil:
		out = a.done()
	}
	if g.sess != nil {
		r := g.sess.report()
		r.OverrunMS = lapsed.overrun.Milliseconds()
		out.Session = &r
	}
	return out
}

// done is the best outcome that this dome's evidence allows.
func (a *Arbiter) done() wire.Outcome {
	out := wire.Outcome{Status: wire.DoneUnverified, Evidence: a.c.Evidence}
	if a.c.Evidence != drivers.Commanded.String() {
		out.Status = wire.Done
	}
	return out
}

// lapse is the cause of a grant whose lease ran out.
type lapse struct{ overrun time.Duration }

func (lapse) Error() string { return "the lease ran out" }

// Move turns the dome for lease, then stops it: the dead man's contract for a single order.
func (a *Arbiter) Move(act Act, v drivers.Velocity, lease time.Duration) {
	a.mu.Lock()
	g, no, told := a.admit(act)
	if g == nil {
		a.mu.Unlock()
		act.End(no)
		return
	}
	g.lease = lease
	a.hold(g)
	a.mu.Unlock()
	told()
	act.Step(wire.Accepted)
	a.drive(g, v)
}

// hold renews g's lease. Called with a.mu held.
func (a *Arbiter) hold(g *grant) {
	g.until = time.Now().Add(g.lease)
	if !g.max.IsZero() && g.max.Before(g.until) {
		g.until = g.max
	}
	a.c.Reserve(g.until, g.lease)
	a.kick()
}

func (a *Arbiter) kick() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// drive puts a velocity on the wire under g. Only the latest one matters: while an
// earlier one waits for its turn, it is replaced. A move whose grant is gone when its
// turn comes is not sent: its context has ended, and the bus refuses it.
func (a *Arbiter) drive(g *grant, v drivers.Velocity) {
	a.mu.Lock()
	g.want = v
	posted := g.posted
	g.posted = true
	a.mu.Unlock()
	if posted {
		return
	}
	failed := func(err error) { a.fail(g, err) }
	err := a.c.Post(g.act.ID, g.act.Rank, g.lease, func(ctx context.Context, d drivers.Device) {
		both, end := supervise.Join(g.ctx, ctx)
		defer end()
		for {
			v, more := a.next(g)
			if !more {
				return
			}
			if err := d.(drivers.Dome).Move(both, v); err != nil {
				if g.ctx.Err() == nil {
					failed(why(ctx, err))
				}
				return
			}
			g.act.Step(wire.Running)
			a.c.Changed()
		}
	}, failed)
	if err != nil {
		failed(err)
	}
}

// next takes the velocity that is wanted now; more is false when the latest is on
// the wire already, or the grant is gone.
func (a *Arbiter) next(g *grant) (v drivers.Velocity, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.g != g || g.sent && g.want == a.velocity {
		g.posted = false
		return v, false
	}
	g.sent = true
	a.velocity, a.preset = g.want, 0
	return g.want, true
}

// why is err, or the cause for which the house cut the act.
func why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// fail ends g with err. The frame may have reached the dome all the same, so the
// dead man's watch halts it now, and goes on until that succeeds.
func (a *Arbiter) fail(g *grant, err error) {
	a.mu.Lock()
	if a.g == g {
		a.mustHalt = true
	}
	a.mu.Unlock()
	a.finish(g, wire.Failure(err, drivers.None.String()))
}

// finish ends g with an outcome unless it has ended already.
func (a *Arbiter) finish(g *grant, out wire.Outcome) {
	a.mu.Lock()
	mine := a.g == g
	if mine {
		a.g = nil
		g.cancel(nil)
		a.c.Reserve(time.Time{}, 0)
		a.kick()
	}
	a.mu.Unlock()
	if !mine {
		return
	}
	if g.sess != nil {
		r := g.sess.report()
		out.Session = &r
	}
	g.act.End(out)
	a.c.Changed()
}
