package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// Intent writes down that o is about to be carried out on devices; o must have been
// admitted. It returns nil once that is on disk, at most 250 ms later; an error is
// ErrStorage (or Full where too many orders are unfinished, BadInput for one that no
// record can hold), and then the order must not act, unless it is an emergency. Should
// the intent become durable after that all the same, it is closed as refused, not left
// open. An order without devices (command.cancel) has one device, "".
func (l *Ledger) Intent(ctx context.Context, o *wire.Order, devices []string) error {
	return l.Intents(ctx, []Request{{o, devices}})[0]
}

// Request is one order that is to be written down.
type Request struct {
	Order   *wire.Order
	Devices []string
}

// Intents is Intent for several orders at once, with one sync for all; it answers each.
func (l *Ledger) Intents(ctx context.Context, all []Request) []error {
	errs, texts := make([]error, len(all)), make([]json.RawMessage, len(all))
	for i, r := range all {
		texts[i], errs[i] = l.text(r)
	}
	done, entries := make([]chan error, len(all)), make([]*entry, len(all))
	l.mu.Lock()
	var items []item
	for i, r := range all {
		if errs[i] == nil {
			entries[i], errs[i] = l.open(r, texts[i])
		}
		if errs[i] == nil {
			items = append(items, item{e: entries[i]})
			for _, a := range entries[i].also {
				items = append(items, item{e: a})
			}
		}
	}
	l.enqueue(true, items...)
	for i := range all {
		if errs[i] == nil {
			done[i] = l.promptly()
		}
	}
	l.mu.Unlock()
	soon, cancel := context.WithTimeout(ctx, intentTime)
	defer cancel()
	for i, r := range all {
		if errs[i] != nil {
			continue
		}
		if err := await(soon, done[i]); err != nil {
			errs[i] = l.unsure(r.Order, entries[i], done[i], err)
		}
	}
	return errs
}

// text is what stands in an intent's record.
func (l *Ledger) text(r Request) (json.RawMessage, error) {
	text, err := carry(r.Order)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w: %w", fault.BadInput, err)
	}
	if n := len(r.Devices); n == 0 || n > maxDevices || len(text)+64*n > l.o.geometry.maxBody()*3/4 {
		return nil, fmt.Errorf("ledger: order %s on %d devices does not fit a record (1–%d): %w", r.Order.ID, n, maxDevices, fault.BadInput)
	}
	return text, nil
}

// open makes an admitted order's entry an open one. The caller holds mu.
func (l *Ledger) open(r Request, text json.RawMessage) (*entry, error) {
	e := l.find(r.Order)
	if e == nil || e.order != nil || e.settled {
		return nil, fmt.Errorf("ledger: order %s has not been admitted, or has an intent: %w", r.Order.ID, fault.BadInput)
	}
	if l.opened > maxOpen {
		return nil, fmt.Errorf("ledger: too many orders are not finished: %w", fault.Full)
	}
	e.order = text
	for _, d := range r.Devices {
		e.slot(d)
	}
	l.weigh(e)
	return e, nil
}

// await waits for done, until ctx ends, 250 ms at most.
func await(ctx context.Context, done chan error) error {
	timer := time.NewTimer(intentTime)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%w: no sync in time", ErrStorage)
		}
		return fmt.Errorf("%w: %w", ErrStorage, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("%w: no sync within %v", ErrStorage, intentTime)
	}
}

// unsure settles an entry whose intent is not known to be durable. If its record has
// perhaps reached the disk, a settled one follows it. An emergency acts without
// ledger, and what is remembered of it is written as soon as the disk is back.
func (l *Ledger) unsure(o *wire.Order, e *entry, done chan error, why error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case err := <-done:
		if err == nil {
			return nil // it became durable at the last moment
		}
	default:
	}
	l.lighten(e)
	e.clear(l)
	for _, x := range append([]*entry{e}, e.also...) {
		x.dirty = false // an intent that is still in the queue is not written
		if x.gen != 0 || o.Priority == wire.Emergency {
			l.enqueue(false, item{e: x})
		}
	}
	l.retire(e)
	return why
}

// Queued notes, written behind, that o waits for this device. If a crash comes before
// that is on disk, the order ends as unknown, which is never wrong.
func (l *Ledger) Queued(o *wire.Order, device string) { l.advance(o, device, queued) }

// Begin writes down that an order which had to queue begins on this device. It
// returns nil once that is on disk, at most 250 ms later; otherwise ErrStorage.
// Orders without an entry (unledgered ones) begin at once.
func (l *Ledger) Begin(ctx context.Context, o *wire.Order, device string) error {
	l.mu.Lock()
	e := l.find(o)
	if e == nil || e.settled {
		l.mu.Unlock()
		return nil
	}
	s := e.slot(device)
	if s.state != queued {
		// open already means "may have begun"
		l.mu.Unlock()
		return nil
	}
	s.state = begun
	l.enqueue(true, item{s: s})
	done := l.promptly()
	l.mu.Unlock()
	return await(ctx, done)
}

// Close stores the terminal result of o on one device, written behind; Sync tells
// when it is on disk. Then it goes to the journal, and then Journalled is called. Of
// an order that has no entry on disk (a state order, a refused one) the result is
// kept in RAM, to answer repeats.
func (l *Ledger) Close(o *wire.Order, device string, terminal []byte) error {
	if len(terminal) > maxTerminal {
		return fmt.Errorf("ledger: terminal result of %d bytes, at most %d are kept: %w", len(terminal), maxTerminal, fault.BadInput)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(o)
	if e == nil {
		return nil
	}
	s := e.slot(device)
	if s.state >= closed {
		return nil // the first terminal counts
	}
	s.terminal = append([]byte(nil), terminal...)
	l.results += len(terminal)
	l.told = append(l.told, e)
	if e.finished() {
		s.state = journalled
	} else {
		s.state = closed
		l.enqueue(false, item{s: s})
	}
	l.shrink()
	return nil
}

// Sync returns when all that was asked for before is on disk.
func (l *Ledger) Sync(ctx context.Context) error {
	l.mu.Lock()
	l.hasten()
	done := l.wait()
	l.mu.Unlock()
	poke(l.wake)
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrStorage, ctx.Err())
	}
}

// Journalled notes, written behind, that the terminal is in the journal: nothing is
// left to be done for o on this device.
func (l *Ledger) Journalled(o *wire.Order, device string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(o)
	if e == nil || e.finished() {
		return
	}
	s := e.slot(device)
	if s.state != closed {
		return
	}
	s.state = journalled
	if !l.settle(e) {
		l.enqueue(false, item{s: s})
		return
	}
	l.enqueue(false, item{e: e})
	l.retire(e)
}

// Seq writes behind that a state order has taken its place.
func (l *Ledger) Seq(o *wire.Order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(o)
	if e == nil || e.order != nil {
		return
	}
	e.settled = true
	l.enqueue(false, item{e: e})
	for _, a := range e.also {
		l.enqueue(false, item{e: a})
	}
}

// advance moves a device of o on, written behind.
func (l *Ledger) advance(o *wire.Order, device string, to state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(o)
	if e == nil || e.finished() {
		return
	}
	if s := e.slot(device); s.state < to {
		s.state = to
		l.enqueue(false, item{s: s})
	}
}
