package ledger

import (
	"bytes"
	"context"
	"testing"

	"fuqiao/edged/edge/wire"
)

// What a crash leaves of an order, by how far it had come.
func TestRecoverByState(t *testing.T) {
	o := order("op-1", 7)
	steps := []struct {
		name string
		do   func(r *running)
		want []Entry // Order left out
	}{
		{"intent", func(r *running) {}, []Entry{{Device: "horn-1"}}},
		{"queued", func(r *running) { r.Queued(o, "horn-1"); r.sync() }, []Entry{{Device: "horn-1", Queued: true}}},
		{"begun", func(r *running) {
			r.Queued(o, "horn-1")
			if err := r.Begin(context.Background(), o, "horn-1"); err != nil {
				r.t.Fatal(err)
			}
		}, []Entry{{Device: "horn-1"}}},
		{"closed", func(r *running) { r.close(o, "horn-1"); r.sync() }, []Entry{{Device: "horn-1", Terminal: terminal(o, "horn-1")}}},
		{"journalled", func(r *running) { r.close(o, "horn-1"); r.sync(); r.Journalled(o, "horn-1"); r.sync() }, nil},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			d := newMem()
			r := start(t, d)
			r.intent(o, "horn-1")
			s.do(r)
			next := start(t, d.copyOf())
			got := next.Recover()
			if len(got) != len(s.want) {
				t.Fatalf("recovered %d entries, want %d: %+v", len(got), len(s.want), got)
			}
			for i, w := range s.want {
				g := got[i]
				if g.Device != w.Device || g.Queued != w.Queued || !bytes.Equal(g.Terminal, w.Terminal) {
					t.Errorf("got %+v, want %+v", g, w)
				}
				if g.Order.ID != o.ID || g.Order.Act() != o.Act() || g.Order.Hash != o.Hash || g.Order.Person != "wang" || g.Order.Reach != wire.Urgent {
					t.Errorf("order came back as %+v", g.Order)
				}
				if say, ok := g.Order.Args.(*wire.SayArgs); !ok || say.Text != "请勿占道经营" {
					t.Errorf("arguments came back as %#v", g.Order.Args)
				}
			}
			if v, stored := next.Admit(o, true); v != Repeat || s.want == nil && !bytes.Equal(stored, terminal(o, "horn-1")) {
				t.Errorf("after the crash: %v %q", v, stored)
			}
		})
	}
}

func (r *running) close(o *wire.Order, device string) {
	r.t.Helper()
	if err := r.Close(o, device, terminal(o, device)); err != nil {
		r.t.Fatal(err)
	}
}

// Each device of an order ends by itself.
func TestDevicesEndOneByOne(t *testing.T) {
	d := newMem()
	r := start(t, d)
	o := order("op-1", 1)
	r.intent(o, "horn-1", "horn-2", "horn-3")
	r.close(o, "horn-2")
	r.sync()
	r.Journalled(o, "horn-2")
	r.close(o, "horn-3")
	r.sync()
	next := start(t, d.copyOf())
	got := next.Recover()
	if len(got) != 2 || got[0].Device != "horn-1" || got[0].Terminal != nil || got[1].Device != "horn-3" || got[1].Terminal == nil {
		t.Fatalf("recovered %+v", got)
	}
	for _, e := range got {
		if err := next.Close(e.Order, e.Device, terminal(e.Order, e.Device)); err != nil {
			t.Fatal(err)
		}
		next.sync()
		next.Journalled(e.Order, e.Device)
	}
	next.sync()
	last := start(t, next.o.FS.(*memFS).copyOf())
	if got := last.Recover(); len(got) != 0 {
		t.Fatalf("still open: %+v", got)
	}
	if got := last.Stored(o); len(got) != 3 {
		t.Fatalf("%d stored results, want 3", len(got))
	}
}

// The first terminal counts: whoever comes later is not heard.
func TestFirstTerminalCounts(t *testing.T) {
	r := start(t, newMem())
	o := order("op-1", 1)
	r.intent(o, "horn-1")
	r.close(o, "horn-1")
	if err := r.Close(o, "horn-1", []byte(`{"status":"failed"}`)); err != nil {
		t.Fatal(err)
	}
	if _, stored := r.Admit(o, true); !bytes.Equal(stored, terminal(o, "horn-1")) {
		t.Fatalf("stored %q", stored)
	}
}

// TestPromise15_DuplicateActsOnce: however often and whenever an order comes again,
// also after a crash at any stage, it is fresh exactly once.
func TestPromise15_DuplicateActsOnce(t *testing.T) {
	rnd := rng(15)
	for round := range 10 {
		d := newMem()
		r := start(t, d)
		fresh := map[string]int{}
		for n := range uint64(30) {
			o := order("op-1", n+1)
			for range 1 + rnd.IntN(3) {
				v, _ := r.Admit(o, true)
				if v != Fresh {
					if v != Repeat {
						t.Fatalf("round %d: duplicate of %s is %v", round, o.ID, v)
					}
					continue
				}
				fresh[o.ID]++
				if err := r.Intent(context.Background(), o, []string{"horn-1"}); err != nil {
					t.Fatal(err)
				}
				if rnd.IntN(2) == 0 {
					r.close(o, "horn-1")
				}
				if rnd.IntN(3) == 0 {
					r.Journalled(o, "horn-1")
				}
			}
			if rnd.IntN(6) == 0 {
				d = d.copyOf()
				r = start(t, d)
			}
		}
		for id, n := range fresh {
			if n != 1 {
				t.Fatalf("round %d: %s was fresh %d times", round, id, n)
			}
		}
		if len(fresh) != 30 {
			t.Fatalf("round %d: %d of 30 orders were ever fresh", round, len(fresh))
		}
	}
}

// TestPromise20_Replayed: an exact replay is a repeat; the same seq, or one below the
// window, with another id is replayed; the same id with another payload is id_reused.
// Restarts and the clock change none of it.
func TestPromise20_Replayed(t *testing.T) {
	d := newMem()
	r := startWith(t, Options{FS: d, window: 8, geometry: small()})
	for n := uint64(100); n < 120; n++ {
		o := order("op-1", n)
		r.fresh(o)
		r.Seq(o)
	}
	r.sync()
	other := func(seq uint64, id string) *wire.Order {
		o := order("op-1", seq)
		o.ID, o.Hash[0] = id, o.Hash[0]+1
		return o
	}
	cases := []struct {
		name  string
		o     *wire.Order
		known bool
		want  Verdict
	}{
		{"exact replay", order("op-1", 119), true, Repeat},
		{"exact replay, clock unknown", order("op-1", 119), false, Repeat},
		{"same seq, another id", other(119, "new"), true, Replayed},
		{"same id, another payload", other(500, "op-1-119"), true, IDReused},
		{"below the window, once known", order("op-1", 103), true, Replayed},
		{"below the window, never seen", other(5, "old"), true, Replayed},
		{"another key", order("op-2", 5), true, Fresh},
	}
	check := func(t *testing.T, r *running) {
		for _, c := range cases {
			dry := *c.o
			dry.DryRun = true
			if v, _ := r.Admit(&dry, c.known); v != c.want {
				t.Errorf("%s: %v, want %v", c.name, v, c.want)
			}
		}
	}
	t.Run("same run", func(t *testing.T) { check(t, r) })
	next := startWith(t, Options{FS: d.copyOf(), window: 8, geometry: small()})
	t.Run("after a restart", func(t *testing.T) {
		for n := uint64(120); n < 123; n++ {
			o := order("op-1", n)
			if v, _ := next.Admit(o, true); v != Fresh {
				t.Fatal(v)
			}
		}
		cases[4].o = order("op-1", 113)
		check(t, next)
	})
}

// While the clock is unknown a stop must lie above the key's highest seq; otherwise
// it only has to be unused and within the window.
func TestStopBelowHighest(t *testing.T) {
	r := start(t, newMem())
	r.fresh(order("op-1", 50))
	stop := order("op-1", 40)
	stop.Action, stop.Args = wire.DomeStop, nil
	if v, _ := r.Admit(stop, false); v != Replayed {
		t.Errorf("clock unknown: %v, want replayed", v)
	}
	if v, _ := r.Admit(stop, true); v != Fresh {
		t.Errorf("clock known: %v, want fresh", v)
	}
	late := order("op-1", 60)
	late.Action, late.Args = wire.AllStop, nil
	if v, _ := r.Admit(late, false); v != Fresh {
		t.Errorf("above the highest: %v, want fresh", v)
	}
}

// A dry run changes nothing.
func TestDryRunTakesNoPlace(t *testing.T) {
	r := start(t, newMem())
	o := order("op-1", 9)
	o.DryRun = true
	for range 2 {
		if v, _ := r.Admit(o, true); v != Fresh {
			t.Fatalf("dry run: %v", v)
		}
	}
	r.fresh(order("op-1", 9))
}

// An order that several keys signed has a place in the window of each: whoever
// strips signatures, or puts them in another order, does not make it fresh again.
func TestSignersShareOnePlace(t *testing.T) {
	d := newMem()
	r := start(t, d)
	o := order("a", 10)
	o.Kids = []string{"a", "b"}
	r.intent(o, "horn-1")
	r.close(o, "horn-1")
	stripped := order("b", 10)
	stripped.ID, stripped.Hash = o.ID, o.Hash
	if v, stored := r.Admit(stripped, true); v != Repeat || stored == nil {
		t.Errorf("stripped to the second key: %v %q", v, stored)
	}
	next := start(t, d.copyOf())
	if v, _ := next.Admit(stripped, true); v != Repeat {
		t.Errorf("after a restart: %v", v)
	}
}

// Refusals are answered alike as long as the box runs, and leave no trace on disk.
func TestRefusalStaysInRAM(t *testing.T) {
	d := newMem()
	r := start(t, d)
	o := order("op-1", 3)
	r.fresh(o)
	if err := r.Close(o, "", []byte(`{"status":"rejected","reason":"busy"}`)); err != nil {
		t.Fatal(err)
	}
	r.sync()
	if v, stored := r.Admit(o, true); v != Repeat || !bytes.Contains(stored, []byte("busy")) {
		t.Errorf("same run: %v %q", v, stored)
	}
	if v, _ := start(t, d.copyOf()).Admit(o, true); v != Fresh {
		t.Errorf("after a restart: %v", v)
	}
}
