package pin

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

// perRequest is the most lines that one request may have (GPIO_V2_LINES_MAX).
const perRequest = 64

// attempt requests every line that is not held. It returns what waiting cannot
// cure; the rest is conditions.
func (b *Bank) attempt(ctx context.Context) error {
	if err := take(ctx, b.turn); err != nil {
		return err
	}
	defer give(b.turn)
	if b.closed() {
		return fmt.Errorf("%w: %w", errClosed, fault.PortLost)
	}
	chips, err := b.sys.chips()
	a := &round{bank: b, owners: map[string]string{}, unusable: err}
	// What is held already comes first: it cannot lose its line to a newcomer.
	for _, o := range b.outs {
		if g, bit := o.held(); g != nil {
			a.owners[g.places[bit].String()] = o.subject()
		}
	}
	for _, i := range b.ins {
		if at, ok := i.held(); ok {
			a.owners[at.String()] = i.subject()
		}
	}
	a.outputs(chips)
	a.inputs(chips)
	return errors.Join(a.bad...)
}

// round is one attempt.
type round struct {
	bank   *Bank
	owners map[string]string // whose a line is, by place
	bad    []error
	// unusable names chips that are there and do not answer.
	unusable error
}

// pending is a line that is wanted and not held.
type pending interface {
	subject() string
	where() (chip, line string)
	// fail keeps the reason for whoever asks.
	fail(error)
}

// find resolves p and checks that the line is free for it. What is in the way is
// noticed; false: not this time.
func (a *round) find(p pending, chips []chip) (place, bool) {
	chipName, line := p.where()
	at, err := resolve(chips, chipName, line)
	if err != nil {
		if a.unusable != nil {
			err = fmt.Errorf("%w; unusable: %w", err, a.unusable)
		}
		a.refuse(p, chipLost, err)
		return place{}, false
	}
	if other, taken := a.owners[at.String()]; taken {
		a.refuse(p, chipLost, fmt.Errorf("%s is %s's already: one line cannot have two names: %w", at, other, fault.BadInput))
		return place{}, false
	}
	a.owners[at.String()] = p.subject()
	if l := at.chip.lines[at.offset]; l.used {
		a.busy(p, at, l.holder)
		return place{}, false
	}
	return at, true
}

// refuse notes why p has no line.
func (a *round) refuse(p pending, code string, err error) {
	err = fmt.Errorf("%s: %w", p.subject(), err)
	p.fail(err)
	if fault.Of(err) == fault.BadInput {
		a.bad = append(a.bad, err)
	}
	if code == chipLost {
		a.bank.notice(lineBusy, p.subject(), "", false)
	}
	a.bank.notice(code, p.subject(), err.Error(), true)
}

// busy notes that another holds the line.
func (a *round) busy(p pending, at place, holder string) {
	if holder == "" {
		holder = "the kernel or another program"
	}
	a.bank.notice(chipLost, p.subject(), "", false)
	a.refuse(p, lineBusy, fmt.Errorf("%s is held by %s: %w", at, holder, fault.PortLost))
}

// outputs requests the missing outputs, chip by chip.
func (a *round) outputs(chips []chip) {
	found := map[string][]*Output{}
	places := map[string][]place{}
	for _, o := range a.bank.outs {
		if g, _ := o.held(); g != nil {
			continue
		}
		if at, ok := a.find(o, chips); ok {
			found[at.chip.name] = append(found[at.chip.name], o)
			places[at.chip.name] = append(places[at.chip.name], at)
		}
	}
	for _, c := range chips {
		for outs, at := found[c.name], places[c.name]; len(outs) > 0; {
			n := min(len(outs), perRequest)
			a.request(c, outs[:n], at[:n])
			outs, at = outs[n:], at[n:]
		}
	}
}

// request is the one call that makes lines ours and puts them at their safe level.
func (a *round) request(c chip, outs []*Output, at []place) {
	var lines []outLine
	for i, o := range outs {
		lines = append(lines, outLine{offset: at[i].offset, activeLow: o.spec.ActiveLow, on: o.spec.Safe})
	}
	io, err := a.bank.sys.takeOutputs(c, a.bank.cfg.Consumer, lines)
	if err != nil {
		for i, o := range outs {
			a.untaken(o, at[i], err)
		}
		return
	}
	g := &group{io: io, places: at, members: outs}
	for i, o := range outs {
		o.adopt(g, i)
		register(o, at[i])
		a.bank.allWell(o)
		a.bank.cfg.Log.Info("output ready", "output", o.spec.Name, "line", at[i].String(), "on", o.spec.Safe)
	}
}

// allWell takes back what was said of a line that is ours now.
func (b *Bank) allWell(p pending) {
	b.notice(chipLost, p.subject(), "", false)
	b.notice(lineBusy, p.subject(), "", false)
}

// untaken notes why a request failed.
func (a *round) untaken(p pending, at place, err error) {
	if errors.Is(err, unix.EBUSY) {
		a.busy(p, at, "")
		return
	}
	a.refuse(p, chipLost, fmt.Errorf("request %s: %w: %w", at, err, fault.PortLost))
}

// inputs requests the missing inputs one by one: each has its own reader.
func (a *round) inputs(chips []chip) {
	for _, i := range a.bank.ins {
		if _, held := i.held(); held {
			continue
		}
		at, ok := a.find(i, chips)
		if !ok {
			continue
		}
		// periph keeps the chip open from its first look on: what it has there after
		// a loss is the lost chip.
		at.chip.direct = at.chip.direct || i.hadLoss()
		line, err := a.bank.sys.takeInput(at.chip, a.bank.cfg.Consumer, at.offset, i.spec.Pull)
		if err != nil {
			a.untaken(i, at, err)
			continue
		}
		i.adopt(line, at)
		a.bank.allWell(i)
		a.bank.cfg.Log.Info("input ready", "input", i.spec.Name, "line", at.String())
	}
}
