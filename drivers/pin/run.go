package pin

import (
	"context"
	"fmt"
	"time"
)

// idle is how long Run sleeps when nothing is due.
const idle = time.Hour

// Run keeps the promises that need time: it lets go of outputs that were on for
// MaxOn, looks whether the chips are still there, and tries again for what is
// missing. Without it everything else works, but nothing is guarded. It returns
// nil when ctx ends and leaves the outputs as they are; Safe is the caller's.
// A chip that hangs inside the kernel hangs Run when Run itself talks to it: behind
// this guard stand the relay board's own timer and the hardware's pull.
func (b *Bank) Run(ctx context.Context) error {
	due := time.NewTimer(0)
	defer due.Stop()
	look := time.NewTicker(b.cfg.Retry)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-b.gone:
			return nil
		case <-due.C:
		case <-b.wake:
		case <-look.C:
			b.tend(ctx)
		}
		due.Reset(b.guard(ctx))
	}
}

// guard lets go of what is overdue and returns the time until the next is. An
// output that cannot be let go of now (its chip is gone, a call hangs) is tried
// again soon, and the others have their turn first.
func (b *Bank) guard(ctx context.Context) time.Duration {
	next := idle
	for _, o := range b.outs {
		left, armed := o.left()
		if !armed {
			continue
		}
		if left > 0 {
			next = min(next, left)
			continue
		}
		if err := o.trip(ctx); err != nil {
			if b.notice(maxOn, o.subject(), "cannot be switched off: "+err.Error(), true) {
				b.cfg.Log.Error("an output that is on for too long cannot be switched off", "output", o.spec.Name, "error", err)
			}
			next = min(next, turnWait)
		}
	}
	return next
}

// left is how long the output may still be on; false: it has no such limit now.
func (o *Output) left() (time.Duration, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.spec.MaxOn <= 0 || o.spec.Safe || !o.on {
		return 0, false
	}
	return o.spec.MaxOn - time.Since(o.since), true
}

// trip is the last guard: whatever its owner thinks, the output goes to safe.
func (o *Output) trip(ctx context.Context) error {
	if err := o.await(ctx); err != nil {
		return err
	}
	defer give(o.turn)
	// The owner may have switched while the turn was waited for.
	if left, armed := o.left(); !armed || left > 0 {
		return nil
	}
	if err := o.write(o.spec.Safe); err != nil {
		return err
	}
	o.mu.Lock()
	o.tripped = true
	o.mu.Unlock()
	o.bank.cfg.Log.Error("output was on for its longest time: switched off", "output", o.spec.Name, "max_on", o.spec.MaxOn)
	o.bank.notice(maxOn, o.subject(), fmt.Sprintf("%s was on for %v", o.subject(), o.spec.MaxOn), true)
	return nil
}

// tend looks whether the held chips still answer, and tries for what is missing.
func (b *Bank) tend(ctx context.Context) {
	missing := false
	seen := map[*group]bool{}
	for _, o := range b.outs {
		g, bit := o.held()
		if g == nil {
			missing = true
			continue
		}
		if seen[g] {
			continue
		}
		seen[g] = true
		if _, err := g.io.get(1 << bit); err != nil && lost(err) {
			b.lose(g, err)
			missing = true
		}
	}
	for _, i := range b.ins {
		if _, held := i.held(); !held || !i.answers() {
			missing = true
		}
	}
	if missing {
		if err := b.attempt(ctx); err != nil && ctx.Err() == nil {
			b.cfg.Log.Debug("lines are still missing", "error", err)
		}
	}
}
