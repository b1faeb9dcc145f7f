package command

import (
	"context"
	"errors"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/ledger"
	"fuqiao/edged/edge/wire"
)

// batchMost is how many intents share one sync of the ledger.
const batchMost = 16

// Intents gives once orders their one durable write and then lets them act, in the
// order in which they came. It is a goroutine of its own: a state order never waits
// behind it.
func (d *Desk) Intents(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-d.intents:
			batch := []intent{first}
			for len(batch) < batchMost && len(d.intents) > 0 {
				batch = append(batch, <-d.intents)
			}
			d.intend(ctx, batch)
		}
	}
}

// intend writes intents together, and acknowledges and begins each.
func (d *Desk) intend(ctx context.Context, batch []intent) {
	all := make([]ledger.Request, len(batch))
	for i, in := range batch {
		all[i] = ledger.Request{Order: in.o, Devices: in.ids}
	}
	errs := d.c.Ledger.Intents(ctx, all)
	if ctx.Err() != nil {
		return // shutting down; what is not acknowledged is delivered again
	}
	for i, in := range batch {
		in.ack()
		d.begin(ctx, in, errs[i])
	}
}

// begin lets an order act. Without a durable intent only an emergency does, from the
// RAM ledger, and its results say so; all else is refused: a crash could not tell any
// more whether it was done.
func (d *Desk) begin(ctx context.Context, in intent, err error) {
	reason := wire.Storage
	switch {
	case err == nil:
		d.act(in.o, in.ids, false)
		return
	case in.o.Priority == wire.Emergency:
		d.log(in.o, "").Warn("acting without a durable intent", "error", err)
		d.act(in.o, in.ids, true)
		return
	case fault.Of(err) == fault.Full:
		reason = wire.Busy
	}
	for _, id := range in.ids {
		(&act{d: d, o: in.o, device: id}).End(wire.Refuse(reason, err.Error()))
	}
}

// Clocks lets orders that wait for the clock go on when it is known, and refuses
// them after 15 s.
func (d *Desk) Clocks(ctx context.Context) error {
	var list []waiting
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var due <-chan time.Time
		if len(list) > 0 {
			due = tick.C
		}
		select {
		case <-ctx.Done():
			return nil
		case w := <-d.waiting:
			list = append(list, w)
		case <-due:
		}
		known := d.c.Clock.Now().Known()
		rest := list[:0]
		for _, w := range list {
			switch {
			case known:
				d.again(ctx, w)
			case time.Since(w.since) >= clockWait:
				d.giveUp(w, wire.Refuse(wire.ClockReason, "the clock is unknown and no time beacon came within 15 s"))
			default:
				rest = append(rest, w)
			}
		}
		list = rest
	}
}

// giveUp ends an order that waited.
func (d *Desk) giveUp(w waiting, out wire.Outcome) {
	if w.resume != nil {
		w.resume.End(out)
		return
	}
	d.refuse(w.o, out)
	w.ack()
}

// again looks at an order that has waited: its keys are judged by the time that is
// known now.
func (d *Desk) again(ctx context.Context, w waiting) {
	var no *authority.Rejection
	err := d.c.Authority.Recheck(w.o)
	switch {
	case errors.As(err, &no):
		d.giveUp(w, wire.Refuse(no.Reason, no.Detail))
	case err != nil:
		d.giveUp(w, wire.Refuse(wire.KeyRevoked, err.Error()))
	case w.resume == nil:
		d.timely(ctx, w.o, w.ack)
	case d.expired(w.o):
		w.resume.End(wire.Outcome{Status: wire.Expired})
	default:
		d.one(w.resume)
	}
}

// repeat answers a known order with its stored results, at most once per 10 s.
func (d *Desk) repeat(o *wire.Order) {
	if !d.seldom(o.Act()) {
		return
	}
	for _, stored := range d.c.Ledger.Stored(o) {
		var r wire.Result
		if err := wire.Unmarshal(stored, &r); err != nil {
			d.log(o, "").Error("stored result cannot be read", "error", err)
			continue
		}
		r.Repeat = true
		d.c.Publish(r)
	}
}

// seldom tells whether key has not been answered within 10 s: whoever sends the same
// bytes again and again gets no flood of answers, and fills no disk.
func (d *Desk) seldom(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.repeats[key]) < 10*time.Second {
		return false
	}
	if len(d.repeats) >= maxRepeats {
		clear(d.repeats)
	}
	d.repeats[key] = time.Now()
	return true
}
