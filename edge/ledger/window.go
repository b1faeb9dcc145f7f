package ledger

import (
	"container/heap"
	"slices"

	"fuqiao/edged/edge/wire"
)

// Verdict is what the window says to an order.
type Verdict uint8

// The verdicts.
const (
	// Fresh: never seen; its seq and id are now taken.
	Fresh Verdict = iota
	// Repeat: the very same payload was here before.
	Repeat
	// Replayed: its seq is used by another order, or lies below the window.
	Replayed
	// IDReused: another payload came with this id.
	IDReused
)

// String is the verdict's word.
func (v Verdict) String() string {
	return [...]string{"fresh", "repeat", "replayed", "id_reused"}[min(v, IDReused)]
}

// window is what is remembered of one key.
type window struct {
	kid   string
	byID  map[string]*entry
	bySeq map[uint64]*entry
	low   seqHeap // all seqs, lowest first
	high  uint64  // highest seq ever seen
	floor uint64  // every seq up to this one counts as used
	// gen is the segment that holds the floor's record; 0 where it follows from the
	// entries alone.
	gen   uint64
	dirty bool
}

// Admit looks o up and, if it is fresh, takes its seq and id in the window of each
// key that signed it. It touches RAM only. With Repeat comes the stored terminal
// result (of the first device; Stored has all), nil while it is still open. While the
// clock is unknown (clockKnown false) a stop must be above the key's highest seq. A
// dry run takes nothing.
func (l *Ledger) Admit(o *wire.Order, clockKnown bool) (Verdict, []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kids := signers(o)
	for _, kid := range kids {
		w := l.windows[kid]
		if w == nil {
			continue
		}
		if e := w.byID[o.ID]; e != nil {
			if e.hash != o.Hash {
				return IDReused, nil
			}
			return Repeat, e.source().first()
		}
		if o.Seq <= w.floor || len(w.bySeq) >= l.o.window && o.Seq < w.low[0] || w.bySeq[o.Seq] != nil || !clockKnown && o.Action.Stop() && o.Seq <= w.high {
			return Replayed, nil
		}
	}
	if o.DryRun {
		return Fresh, nil
	}
	main := l.seat(kids[0], o)
	for _, kid := range kids[1:] {
		e := l.seat(kid, o)
		e.settled, e.of = true, main
		main.also = append(main.also, e)
	}
	l.shrink()
	return Fresh, nil
}

// signers are the keys whose windows an order takes a place in, the author first.
func signers(o *wire.Order) []string {
	if len(o.Kids) == 0 {
		return []string{o.Kid}
	}
	if o.Kids[0] == o.Kid {
		return o.Kids
	}
	return append([]string{o.Kid}, slices.DeleteFunc(slices.Clone(o.Kids), func(k string) bool { return k == o.Kid })...)
}

// seat puts o into the window of kid.
func (l *Ledger) seat(kid string, o *wire.Order) *entry {
	e := &entry{kid: kid, seq: o.Seq, id: o.ID, hash: o.Hash}
	l.insert(e)
	return e
}

// insert adds e to the entries and to its key's window.
func (l *Ledger) insert(e *entry) {
	w := l.windows[e.kid]
	if w == nil {
		w = &window{kid: e.kid, byID: map[string]*entry{}, bySeq: map[uint64]*entry{}}
		l.windows[e.kid] = w
	}
	l.entries[place{e.kid, e.seq}] = e
	w.high = max(w.high, e.seq)
	if e.seq <= w.floor {
		l.forget(e)
		return
	}
	w.byID[e.id], w.bySeq[e.seq] = e, e
	heap.Push(&w.low, e.seq)
	l.total++
	if len(w.bySeq) > l.o.window {
		l.evict(w)
	}
}

// evict takes the lowest seq out of the window; from now on it and all below it
// count as used.
func (l *Ledger) evict(w *window) {
	seq, _ := heap.Pop(&w.low).(uint64)
	e := w.bySeq[seq]
	w.floor = seq
	delete(w.bySeq, seq)
	if w.byID[e.id] == e {
		delete(w.byID, e.id)
	}
	l.total--
	l.forget(e)
}

// forget drops an entry that is in no window any more, unless it is still to be
// finished.
func (l *Ledger) forget(e *entry) {
	if !e.finished() {
		return
	}
	e.clear(l)
	delete(l.entries, place{e.kid, e.seq})
}

// retire forgets an entry that had left the window already and was only kept to be
// finished.
func (l *Ledger) retire(e *entry) {
	if w := l.windows[e.kid]; w == nil || w.bySeq[e.seq] != e {
		l.forget(e)
	}
}

// shrink keeps the whole within its bounds: entries of the fullest window go first,
// then the results of the oldest settled orders.
func (l *Ledger) shrink() {
	for l.total > l.o.entries {
		var fullest *window
		for _, w := range l.windows {
			if fullest == nil || len(w.bySeq) > len(fullest.bySeq) {
				fullest = w
			}
		}
		l.evict(fullest)
		// That this window is shorter than 4,096 does not show from its entries.
		l.enqueue(false, item{w: fullest})
	}
	if len(l.told) > 2*l.o.entries {
		l.told = slices.DeleteFunc(l.told, func(e *entry) bool { return len(e.slots) == 0 })
	}
	for range len(l.told) {
		if l.results <= maxResults {
			return
		}
		e := l.told[0]
		l.told = l.told[1:]
		if !e.finished() {
			l.told = append(l.told, e)
			continue
		}
		e.clear(l)
	}
}

// Stored gives all stored terminal results of an order that Admit called Repeat.
func (l *Ledger) Stored(o *wire.Order) [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.find(o)
	if e == nil {
		return nil
	}
	var out [][]byte
	for _, s := range e.source().slots {
		if s.terminal != nil {
			out = append(out, s.terminal)
		}
	}
	return out
}

// find returns the entry of o, nil where it was never admitted or is forgotten.
func (l *Ledger) find(o *wire.Order) *entry {
	e := l.entries[place{o.Kid, o.Seq}]
	if e == nil || e.id != o.ID || e.hash != o.Hash {
		return nil
	}
	return e
}

// seqHeap is a min-heap of seqs.
type seqHeap []uint64

func (h seqHeap) Len() int           { return len(h) }
func (h seqHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h seqHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *seqHeap) Push(x any) { *h = append(*h, x.(uint64)) }

// Pop is for container/heap.
func (h *seqHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
