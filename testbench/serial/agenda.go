package serial

import (
	"container/heap"
	"slices"
	"time"
)

// agenda holds what is to happen, first things first; of two at one time the one that
// was entered first.
type agenda struct {
	items []entry
	count uint64
}

type entry struct {
	at time.Time
	n  uint64
	do func()
	// sent: a byte on its way from the gateway, which can be cut off.
	sent bool
}

func (a *agenda) add(at time.Time, do func()) { a.push(entry{at: at, do: do}) }

func (a *agenda) push(e entry) {
	a.count++
	e.n = a.count
	heap.Push((*byTime)(a), e)
}

// cut forgets the gateway's bytes that would arrive after limit.
func (a *agenda) cut(limit time.Time) {
	a.items = slices.DeleteFunc(a.items, func(e entry) bool { return e.sent && e.at.After(limit) })
	heap.Init((*byTime)(a))
}

// due takes the first thing whose time has come.
func (a *agenda) due(now time.Time) (entry, bool) {
	if len(a.items) == 0 || a.items[0].at.After(now) {
		return entry{}, false
	}
	return heap.Pop((*byTime)(a)).(entry), true
}

// next is how long there is nothing to do, at most longest.
func (a *agenda) next(now time.Time, longest time.Duration) time.Duration {
	if len(a.items) == 0 {
		return longest
	}
	return min(max(a.items[0].at.Sub(now), 0), longest)
}

// byTime makes an agenda a heap.
type byTime agenda

func (h *byTime) Len() int { return len(h.items) }

func (h *byTime) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	if a.at.Equal(b.at) {
		return a.n < b.n
	}
	return a.at.Before(b.at)
}

func (h *byTime) Swap(i, j int) { h.items[i], h.items[j] = h.items[j], h.items[i] }

func (h *byTime) Push(x any) { h.items = append(h.items, x.(entry)) }

func (h *byTime) Pop() any {
	last := len(h.items) - 1
	e := h.items[last]
	h.items[last] = entry{}
	h.items = h.items[:last]
	return e
}
