package command

import (
	"context"
	"errors"
	"slices"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// finished is a terminal on its way to disk.
type finished struct {
	a *act
	r wire.Result
}

// finish queues a terminal. The list is bounded by the orders that the queues before
// it admit; it never blocks, for it is called from the stop path and the dead man's watch.
func (d *Desk) finish(a *act, out wire.Outcome) {
	d.mu.Lock()
	d.done = append(d.done, finished{a, a.result(out)})
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
}

// Results carries terminals to the ledger and the journal until ctx ends, and then
// what is left. A terminal is first written into the ledger's entry, then appended
// to the journal, then the entry is marked: a crash in between appends it again,
// equal by construction.
func (d *Desk) Results(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			d.drain(last)
			d.mark()
			return nil
		case <-d.more:
			d.drain(ctx)
		}
	}
}

func (d *Desk) drain(ctx context.Context) {
	for {
		d.mu.Lock()
		batch := d.done
		d.done = nil
		d.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		d.settle(ctx, batch)
	}
}

// settle writes a batch: one sync of the ledger for all, then the journal.
func (d *Desk) settle(ctx context.Context, batch []finished) {
	durable := false
	for _, f := range batch {
		if f.a.o.DryRun {
			continue
		}
		raw, err := wire.Marshal(f.r)
		if err == nil {
			err = d.c.Ledger.Close(f.a.o, f.a.device, raw)
		}
		if err != nil {
			d.log(f.a.o, f.a.device).Error("terminal not written to the ledger", "error", err)
		}
		durable = durable || f.a.once
	}
	if durable {
		if err := d.c.Ledger.Sync(ctx); err != nil {
			d.c.Log.Error("ledger not synced", "error", err)
		}
	}
	d.mark()
	for _, f := range batch {
		held, on := d.append(ctx, f.r)
		switch {
		case on && held == nil && f.a.once:
			d.c.Ledger.Journalled(f.a.o, f.a.device)
		case held != nil && f.a.once && len(d.unmarked) < mostUnmarked:
			d.unmarked = append(d.unmarked, unmarked{f.a, held})
		}
	}
}

// mostUnmarked bounds the list below; what is not on it is journalled again at the next
// start, which is the same record once more.
const mostUnmarked = 1024

// unmarked is a terminal that the journal had in memory alone: the ledger keeps it open,
// so that a crash does not lose it.
type unmarked struct {
	a    *act
	held *journal.Held
}

// mark closes what has reached the disk, or the platform, since.
func (d *Desk) mark() {
	d.unmarked = slices.DeleteFunc(d.unmarked, func(u unmarked) bool {
		if u.held.Still() {
			return false
		}
		d.c.Ledger.Journalled(u.a.o, u.a.device)
		return true
	})
}

// append journals one terminal. What the journal has in memory alone it delivers too;
// what it does not take at all the platform is told from RAM, if it is there.
func (d *Desk) append(ctx context.Context, r wire.Result) (held *journal.Held, taken bool) {
	rec, err := wire.NewRecord(wire.TypeResult, r.Device, r.Time, r.MonoMS, r)
	if err == nil {
		err = d.c.Keep(ctx, rec)
	}
	if errors.As(err, &held) {
		d.c.Log.Warn("terminal in memory only", "act", r.Act, "device", r.Device, "status", r.Status)
		return held, true
	}
	if err != nil {
		d.c.Log.Error("terminal not journalled", "act", r.Act, "device", r.Device, "status", r.Status, "error", err)
		d.c.Publish(r)
		return nil, false
	}
	return nil, true
}

// Recover deals with what earlier runs left behind, before new orders are taken: a
// stored terminal is journalled again; an order that surely had not begun goes back
// into its queue; of all else nobody knows whether it was done, and it is never done
// again.
func (d *Desk) Recover() {
	for _, e := range d.c.Ledger.Recover() {
		a := &act{d: d, o: e.Order, device: e.Device, once: true}
		_, ours := d.c.Directory.Entry(e.Device)
		switch {
		case e.Terminal != nil:
			d.rejournal(a, e.Terminal)
		case e.Queued && ours && len(d.waiting) < cap(d.waiting):
			d.log(e.Order, e.Device).Info("order goes back into its queue")
			d.waiting <- waiting{o: e.Order, ack: func() {}, since: time.Now(), resume: a}
		default:
			a.End(wire.Outcome{Status: wire.Unknown, Reason: wire.Crash, Detail: "cut by the end of an earlier run; it is not done again"})
		}
	}
}

// rejournal appends a terminal that a crash may have kept from the journal.
func (d *Desk) rejournal(a *act, terminal []byte) {
	var r wire.Result
	if err := wire.Unmarshal(terminal, &r); err != nil {
		a.End(wire.Outcome{Status: wire.Unknown, Reason: wire.Crash, Detail: "its stored terminal cannot be read"})
		return
	}
	a.ended = true
	d.mu.Lock()
	d.done = append(d.done, finished{a, r})
	d.mu.Unlock()
	select {
	case d.more <- struct{}{}:
	default:
	}
}
