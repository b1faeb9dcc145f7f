package ledger

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fuqiao/edged/edge/wire"
)

// model is the window said in the simplest way: all that was ever taken by a key;
// the window is its highest seqs.
type model struct {
	size  int
	taken map[string][]*wire.Order
}

func (m *model) window(kid string) (in []*wire.Order, floor uint64) {
	all := slices.Clone(m.taken[kid])
	slices.SortFunc(all, func(a, b *wire.Order) int {
		if a.Seq > b.Seq {
			return -1
		}
		return 1
	})
	if len(all) >= m.size {
		return all[:m.size], all[m.size-1].Seq - 1
	}
	return all, 0
}

func (m *model) judge(o *wire.Order, known bool) Verdict {
	in, floor := m.window(o.Kid)
	for _, x := range in {
		if x.ID == o.ID && x.Hash == o.Hash {
			return Repeat
		}
		if x.ID == o.ID {
			return IDReused
		}
	}
	var high uint64
	for _, x := range in {
		if x.Seq == o.Seq {
			return Replayed
		}
		high = max(high, x.Seq)
	}
	if o.Seq <= floor || !known && o.Action.Stop() && o.Seq <= high {
		return Replayed
	}
	return Fresh
}

// Admit agrees with the model over any sequence of orders, duplicates, clashes, clock
// states and restarts.
func TestAdmitAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(1, 6).Draw(rt, "window")
		d := newMem()
		open := func() (*Ledger, func()) {
			l, err := Open(context.Background(), Options{FS: d, window: size, geometry: geometry{segments: 12, size: 4 << 10}})
			if err != nil {
				rt.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { defer close(done); _ = l.Run(ctx) }()
			return l, func() { cancel(); <-done }
		}
		l, stop := open()
		defer func() { stop() }()
		m := &model{size: size, taken: map[string][]*wire.Order{}}
		for range rapid.IntRange(1, 40).Draw(rt, "orders") {
			if rapid.IntRange(0, 19).Draw(rt, "restart") == 0 {
				stop()
				l, stop = open()
			}
			o := order(rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "kid"), rapid.Uint64Range(1, 12).Draw(rt, "seq"))
			if rapid.Bool().Draw(rt, "other id") {
				o.ID = rapid.SampledFrom([]string{"x", "y", "a-3", "a-4"}).Draw(rt, "id")
			}
			if rapid.IntRange(0, 3).Draw(rt, "other payload") == 0 {
				o.Hash[31]++
			}
			if rapid.Bool().Draw(rt, "stop") {
				o.Action, o.Args = wire.AllStop, nil
			}
			known := rapid.Bool().Draw(rt, "clock known")
			want := m.judge(o, known)
			got, _ := l.Admit(o, known)
			if got != want {
				rt.Fatalf("%s seq %d: %v, the model says %v", o.ID, o.Seq, got, want)
			}
			if got == Fresh {
				m.taken[o.Kid] = append(m.taken[o.Kid], o)
				l.Seq(o)
			}
		}
	})
}
