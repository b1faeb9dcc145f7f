package ptz

import (
	"context"
	"errors"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// haltTime bounds one halt: three frames at 1200 baud and their gaps are far below it.
const haltTime = 3 * time.Second

// Waits between attempts to stop a dome whose stop failed.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// Run is the dead man's watch: when the lease of the grant runs out, the grant is
// dropped and the dome halted. It is the only thing that this goroutine does. A halt
// that failed is tried again until it succeeds or somebody else has taken the dome:
// a dome that may still turn is not left alone.
func (a *Arbiter) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	wait := firstRetry
	for {
		over, left, must := a.due()
		switch {
		case over != nil:
			a.over(ctx, *over)
			wait = firstRetry
			continue
		case must && a.again(ctx):
			continue
		case must:
			left = min(left, wait)
			wait = min(2*wait, lastRetry)
		}
		timer.Reset(left)
		select {
		case <-ctx.Done():
			a.leave()
			return nil
		case <-timer.C:
		case <-a.wake:
		}
	}
}

// due returns the grant that is over and wants a halt, if there is one, the time that
// is left of the running lease, and whether a halt is owed. A grant whose lease has run
// out is taken away here, before the first stop is asked for, so that a move that still
// waits for the wire is refused by the bus.
func (a *Arbiter) due() (over *ended, left time.Duration, must bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.g; g != nil && !g.until.IsZero() {
		if left = time.Until(g.until); left > 0 {
			return a.oldest(), left, a.mustHalt
		}
		a.endWithHalt(g, lapse{})
	}
	return a.oldest(), time.Hour, a.mustHalt
}

// oldest takes the first grant that wants a halt. Called with a.mu held.
func (a *Arbiter) oldest() *ended {
	if len(a.stopping) == 0 {
		return nil
	}
	e := a.stopping[0]
	a.stopping = a.stopping[1:]
	return &e
}

// over halts the dome of a grant that has ended. The terminal result follows the
// stops, for it says how late they were.
func (a *Arbiter) over(ctx context.Context, e ended) {
	a.mu.Lock()
	if a.g == nil {
		a.c.Reserve(time.Time{}, 0)
	}
	a.mu.Unlock()
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
	defer cancel()
	err := a.rest(one)
	late := time.Since(e.g.until)
	if err != nil {
		a.c.Log.Error("dome not stopped at the end of its grant", "device", a.c.Dome, "act", e.g.act.ID, "why", e.cause, "error", err)
		e.g.act.End(wire.Failure(err, drivers.None.String()))
		a.c.Changed()
		return
	}
	var lapsed lapse
	if errors.As(e.cause, &lapsed) {
		a.mu.Lock()
		a.lastLapse = late
		a.mu.Unlock()
		e.cause = lapse{overrun: late}
		a.c.Log.Info("lease ran out, dome stopped", "device", a.c.Dome, "act", e.g.act.ID, "overrun", late)
	}
	e.g.act.End(a.ending(e.g, e.cause))
	a.c.Changed()
}

// leave: the house is closing, and halts the dome itself; what has ended is told so.
func (a *Arbiter) leave() {
	a.mu.Lock()
	left := a.stopping
	a.stopping = nil
	a.mu.Unlock()
	for _, e := range left {
		e.g.act.End(a.ending(e.g, e.cause))
	}
}

// again pays an owed halt and tells whether that is settled.
func (a *Arbiter) again(ctx context.Context) bool {
	a.mu.Lock()
	if a.g != nil { // taken since: whoever has it sees to it that it stops
		a.mustHalt = false
	}
	must := a.mustHalt
	a.mu.Unlock()
	if !must {
		return true
	}
	one, cancel := context.WithTimeout(context.WithoutCancel(ctx), haltTime)
	defer cancel()
	if a.rest(one) != nil {
		return false
	}
	a.c.Log.Info("dome stopped after all", "device", a.c.Dome)
	a.c.Changed()
	return true
}
