package ledger

import (
	"bytes"
	"testing"

	"fuqiao/edged/edge/wire"
)

// The ring is written round several times, with restarts, and remembers exactly the
// window, with results, and nothing is ever left open.
func TestRingGoesRound(t *testing.T) {
	const window = 150
	d := newMem()
	r := startWith(t, Options{FS: d, window: window, geometry: small()})
	rnd := rng(2)
	const total = 6000
	for n := uint64(1); n <= total; n++ {
		o := order("op-1", n)
		r.fresh(o)
		if n%10 == 0 {
			r.Seq(o)
		} else if err := r.quick(o); err != nil {
			t.Fatal(err)
		}
		if n%100 == 0 {
			r.sync()
			for m := n - 99; m <= n; m++ {
				r.Journalled(order("op-1", m), "horn-1")
			}
		}
		if rnd.IntN(500) == 0 {
			r.halt()
			r = startWith(t, Options{FS: d, window: window, geometry: small()})
		}
	}
	r.halt()
	if gen := r.ring.next; gen < 4*uint64(small().segments) {
		t.Fatalf("only %d segments were written, the ring did not go round", gen)
	}
	next := startWith(t, Options{FS: d, window: window, geometry: small()})
	if left := next.Recover(); len(left) > 0 {
		t.Fatalf("%d entries left open, first %+v", len(left), left[0])
	}
	for n := uint64(1); n <= total; n++ {
		o := order("op-1", n)
		v, stored := next.Admit(o, true)
		switch {
		case n <= total-window && v != Replayed:
			t.Fatalf("order %d below the window is %v", n, v)
		case n > total-window && (v != Repeat || n%10 != 0 && !bytes.Equal(stored, terminal(o, "horn-1"))):
			t.Fatalf("order %d within the window is %v, %q", n, v, stored)
		}
	}
	if p, err := reread(Options{FS: d, geometry: small()}); err != nil || p.damaged() != 0 {
		t.Fatalf("damaged %d, %v", p.damaged(), err)
	}
}

// quick gives an order its intent and terminal without waiting for the disk.
func (r *running) quick(o *wire.Order) error {
	text, err := carry(o)
	if err != nil {
		return err
	}
	r.mu.Lock()
	e := r.find(o)
	e.order = text
	e.slot("horn-1")
	r.weigh(e)
	r.enqueue(false, item{e: e})
	r.mu.Unlock()
	return r.Close(o, "horn-1", terminal(o, "horn-1"))
}

// An order that stays open while the ring goes round is still open at the end, with
// everything it carries.
func TestOpenOrderOutlivesTheRing(t *testing.T) {
	d := newMem()
	r := startWith(t, Options{FS: d, window: 50, geometry: small()})
	long := order("op-1", 1)
	r.intent(long, "horn-1", "horn-2")
	r.close(long, "horn-2")
	for n := uint64(2); n < 1500; n++ {
		o := order("op-1", n)
		r.fresh(o)
		if err := r.quick(o); err != nil {
			t.Fatal(err)
		}
		if n%100 == 0 {
			r.sync()
			for m := max(2, n-99); m <= n; m++ {
				r.Journalled(order("op-1", m), "horn-1")
			}
			r.sync()
		}
	}
	r.halt()
	if gen := r.ring.next; gen < 4*uint64(small().segments) {
		t.Fatalf("only %d segments were written, the ring did not go round", gen)
	}
	next := startWith(t, Options{FS: d, window: 50, geometry: small()})
	var got []Entry
	for _, e := range next.Recover() {
		if e.Order.ID == long.ID {
			got = append(got, e)
		}
	}
	if len(got) != 2 || got[0].Terminal != nil || !bytes.Equal(got[1].Terminal, terminal(long, "horn-2")) {
		t.Fatalf("the long order came back as %+v", got)
	}
	if say, ok := got[0].Order.Args.(*wire.SayArgs); !ok || say.Text == "" {
		t.Errorf("its arguments came back as %#v", got[0].Order.Args)
	}
	if v, _ := next.Admit(long, true); v != Replayed {
		t.Errorf("below the window it is %v", v)
	}
}

// A synced record that has rotted is passed over and told of; what stands behind it
// is still there.
func TestRotIsFound(t *testing.T) {
	d := newMem()
	r := start(t, d)
	for n := uint64(1); n <= 20; n++ {
		r.intent(order("op-1", n), "horn-1")
	}
	r.halt()
	data := d.files[fileName].data
	at := bytes.Index(data, []byte("op-1-10"))
	data[at] ^= 0x40
	p, err := reread(Options{FS: d, geometry: small()})
	if err != nil || p.damaged() != 1 {
		t.Fatalf("damaged %d, want 1 (%v)", p.damaged(), err)
	}
	next := start(t, d)
	for n := uint64(1); n <= 20; n++ {
		if v, _ := next.Admit(order("op-1", n), true); (v == Repeat) == (n == 10) {
			t.Errorf("order %d is %v", n, v)
		}
	}
}

// The end of a run's last segment, which nothing seals, is no damage.
func TestRestartsAreNoDamage(t *testing.T) {
	d := newMem()
	for n := uint64(1); n < 5; n++ {
		r := start(t, d)
		r.intent(order("op-1", 2*n), "horn-1")
		r.intent(order("op-1", 2*n+1), "horn-1")
		r.halt()
	}
	if p, err := reread(Options{FS: d, geometry: small()}); err != nil || p.damaged() != 0 {
		t.Fatalf("damaged %d, %v", p.damaged(), err)
	}
}

// What a shortened window has forgotten counts as used also when the ring has gone
// round and a restart came.
func TestShortenedWindowStaysShut(t *testing.T) {
	d := newMem()
	o := Options{FS: d, geometry: small(), window: 100, entries: 40}
	r := startWith(t, o)
	for n := uint64(1); n <= 100; n++ {
		r.fresh(order("a", n))
		r.Seq(order("a", n))
	}
	for n := uint64(1); n <= 6000; n++ {
		r.fresh(order("b", n))
		r.Seq(order("b", n))
		if n%50 == 0 {
			r.sync()
		}
	}
	r.halt()
	next := startWith(t, o)
	for n := uint64(1); n <= 60; n++ {
		if v, _ := next.Admit(order("a", n), true); v != Replayed {
			t.Fatalf("order %d, forgotten long ago, is %v", n, v)
		}
	}
	if v, _ := next.Admit(order("a", 100), true); v != Repeat {
		t.Errorf("the key's last order is %v", v)
	}
}

// Many keys share one bound: the fullest window gives way, and what it forgets
// counts as used for ever, also after restarts.
func TestBoundOverAllKeys(t *testing.T) {
	d := newMem()
	r := startWith(t, Options{FS: d})
	kids := []string{"a", "b", "c", "d", "e"}
	for n := uint64(1); n <= 4000; n++ {
		for _, k := range kids {
			o := order(k, n)
			r.fresh(o)
			r.Seq(o)
		}
	}
	r.sync()
	if r.total > maxEntries {
		t.Fatalf("%d entries, at most %d", r.total, maxEntries)
	}
	next := startWith(t, Options{FS: d.copyOf()})
	for _, k := range kids {
		if v, _ := next.Admit(order(k, 1), true); v != Replayed && v != Repeat {
			t.Errorf("first order of %s is %v", k, v)
		}
		if v, _ := next.Admit(order(k, 4000), true); v != Repeat {
			t.Errorf("last order of %s is %v", k, v)
		}
	}
	if next.total > maxEntries {
		t.Fatalf("after the restart %d entries", next.total)
	}
}

// Stored results are bounded in bytes; the oldest settled go first.
func TestResultsAreBounded(t *testing.T) {
	r := startWith(t, Options{FS: newMem()})
	big := bytes.Repeat([]byte("x"), maxTerminal)
	for n := uint64(1); n <= 200; n++ {
		o := order("op-1", n)
		r.fresh(o)
		if err := r.Close(o, "horn-1", big); err != nil {
			t.Fatal(err)
		}
	}
	if r.results > maxResults {
		t.Fatalf("%d bytes of results, at most %d", r.results, maxResults)
	}
	if _, stored := r.Admit(order("op-1", 200), true); stored == nil {
		t.Error("the newest result is gone")
	}
	if _, stored := r.Admit(order("op-1", 1), true); stored != nil {
		t.Error("the oldest result is still there")
	}
	if err := r.Close(order("op-1", 1), "x", append(big, 'x')); err == nil {
		t.Error("a terminal that is too large was taken")
	}
}
