package ledger

import (
	"fmt"

	"fuqiao/edged/edge/wire"
)

// state of an order on one device.
type state uint8

const (
	open state = iota
	queued
	begun
	closed
	journalled
)

// slot is an order on one device.
type slot struct {
	e        *entry
	device   string
	state    state
	terminal []byte
	gen      uint64 // segment of its newest record, 0: none
	dirty    bool
}

// entry is one order in one key's window.
type entry struct {
	kid  string
	seq  uint64
	id   string
	hash [32]byte
	// order is the order's text (carry), kept until it is settled.
	order  []byte
	slots  []*slot
	weight int // bytes that count as open work
	// settled: nothing is left to be done for it; it only keeps its place.
	settled bool
	// of is the entry that this one stands beside: an order that several keys signed
	// has one entry with the work and one more place per further key.
	of   *entry
	also []*entry
	gen  uint64 // segment of its newest record, 0: only in RAM
	// dirty: its record has to be written (again).
	dirty bool
}

// source is the entry that holds the results.
func (e *entry) source() *entry {
	if e.of != nil {
		return e.of
	}
	return e
}

// first is the first stored terminal, nil for none.
func (e *entry) first() []byte {
	for _, s := range e.slots {
		if s.terminal != nil {
			return s.terminal
		}
	}
	return nil
}

// finished tells whether it may be forgotten: it was settled, or never had an intent.
func (e *entry) finished() bool { return e.settled || e.order == nil }

// clear drops the results.
func (e *entry) clear(l *Ledger) {
	for _, s := range e.slots {
		l.results -= len(s.terminal)
	}
	e.slots = nil
}

// slot finds or makes the slot of a device.
func (e *entry) slot(device string) *slot {
	for _, s := range e.slots {
		if s.device == device {
			return s
		}
	}
	s := &slot{e: e, device: device}
	e.slots = append(e.slots, s)
	return s
}

// settle marks the entry as done with if all its devices are.
func (l *Ledger) settle(e *entry) bool {
	for _, s := range e.slots {
		if s.state != journalled {
			return false
		}
	}
	l.lighten(e)
	return true
}

// weigh counts an entry with work to do.
func (l *Ledger) weigh(e *entry) {
	e.weight = len(e.order) + 64*len(e.slots)
	l.opened += e.weight
}

// lighten takes the work away: the entry only keeps its place from now on.
func (l *Ledger) lighten(e *entry) {
	l.opened -= e.weight
	e.weight, e.settled, e.order = 0, true, nil
}

// carried is how an order is kept in its entry, so that it can be closed, or go
// back to the queue, after a restart.
type carried struct {
	Kids    []string      `json:"kids"`
	Person  string        `json:"person,omitzero"`
	Reach   wire.Priority `json:"reach,omitzero"`
	Payload wire.Raw      `json:"payload"`
}

func carry(o *wire.Order) ([]byte, error) {
	payload, err := wire.EncodeOrder(o)
	if err != nil {
		return nil, err
	}
	return wire.Marshal(carried{Kids: signers(o), Person: o.Person, Reach: o.Reach, Payload: payload})
}

// revive reads the order back. A text that this version cannot read any more still
// names its order.
func (e *entry) revive() *wire.Order {
	var c carried
	o := &wire.Order{ID: e.id, Seq: e.seq}
	if wire.Unmarshal(e.order, &c) == nil {
		if full, _ := wire.DecodeOrder(c.Payload); full != nil {
			o = full
		}
	}
	o.Kid, o.Kids, o.Person, o.Reach, o.Hash = e.kid, c.Kids, c.Person, c.Reach, e.hash
	return o
}

// unfinished lists what is left to do for e.
func (e *entry) unfinished() []Entry {
	var out []Entry
	for _, s := range e.slots {
		switch s.state {
		case journalled:
		case closed:
			out = append(out, Entry{Order: e.revive(), Device: s.device, Terminal: s.terminal})
		default:
			out = append(out, Entry{Order: e.revive(), Device: s.device, Queued: s.state == queued})
		}
	}
	return out
}

func (e *entry) String() string { return fmt.Sprintf("%s:%s", e.kid, e.id) }
