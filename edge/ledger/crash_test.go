package ledger

import (
	"bytes"
	"context"
	"math/bits"
	"slices"
	"testing"

	"fuqiao/edged/edge/wire"
)

// ack is something that the ledger promised at a step of the disk.
type ack struct {
	step int
	what string
	o    *wire.Order
}

// script plays a life of orders on a recording disk: 30 orders in all stages, with a
// state order now and then. It returns the first image and the promises.
func script(t *testing.T, o Options) (*memFS, []byte, []ack) {
	d := newMem()
	o.FS = d
	startWith(t, o).halt() // make the file
	base := bytes.Clone(d.files[fileName].data)
	d.keep = true
	r := startWith(t, o)
	var acks []ack
	promise := func(what string, o *wire.Order) {
		d.mu.Lock()
		defer d.mu.Unlock()
		acks = append(acks, ack{len(d.ops), what, o})
	}
	for n := uint64(1); n <= 30; n++ {
		o := order("op-1", n)
		if n%7 == 0 {
			r.fresh(o)
			r.Seq(o)
			r.sync()
			promise("seat", o)
			continue
		}
		r.intent(o, "horn-1", "horn-2")
		promise("intent", o)
		if n%3 == 0 {
			r.Queued(o, "horn-1")
			if err := r.Begin(context.Background(), o, "horn-1"); err != nil {
				t.Fatal(err)
			}
			promise("begun", o)
		}
		if n%5 != 0 {
			r.close(o, "horn-1")
			r.close(o, "horn-2")
			r.sync()
			promise("closed", o)
			r.Journalled(o, "horn-1")
			r.Journalled(o, "horn-2")
			if n%4 == 0 {
				r.sync()
				promise("settled", o)
			}
		}
	}
	r.halt()
	if d.anew() {
		t.Fatal("the file was written anew: the images would say nothing")
	}
	return d, base, acks
}

// A power cut after any step, keeping any part of what was not synced (whole or torn
// at sector boundaries), leaves a ledger that opens and keeps every promise.
func TestEveryCutKeepsItsPromises(t *testing.T) {
	for name, o := range map[string]Options{
		"wide ring":              {geometry: small()},
		"ring goes round":        {geometry: geometry{segments: 8, size: 6 << 10}, window: 5},
		"ring goes round, tight": {geometry: geometry{segments: 12, size: 3 << 10}, window: 5},
	} {
		t.Run(name, func(t *testing.T) {
			d, base, acks := script(t, o)
			rnd := rng(1)
			images := 0
			for k := 0; k <= len(d.ops); k++ {
				_, loose := d.image(base, k, func(int) bool { return false })
				masks := []uint64{0, 1<<loose - 1, 1 << max(0, loose-1), rnd.Uint64(), rnd.Uint64()}
				if loose <= 2 {
					masks = masks[:0]
					for m := range uint64(1) << loose {
						masks = append(masks, m)
					}
				}
				for _, m := range masks {
					img, _ := d.image(base, k, func(i int) bool { return m>>i&1 == 1 })
					first := bytes.Clone(img.files[fileName].data)
					o.FS, img.keep = img, true
					judge(t, o, k, m, acks)
					images++
					if images%3 != 0 || img.anew() {
						continue
					}
					// The power goes again while the ledger is being opened.
					o.FS, _ = img.image(first, rnd.IntN(len(img.ops)), func(int) bool { return rnd.IntN(2) == 0 })
					judge(t, o, k, m, acks)
				}
			}
			t.Logf("%d steps, %d images, %d promises", len(d.ops), images, len(acks))
		})
	}
}

// anew tells whether a new file took the place of the old one.
func (d *memFS) anew() bool {
	return slices.ContainsFunc(d.ops, func(o op) bool { return o.to != "" })
}

func judge(t *testing.T, o Options, k int, mask uint64, acks []ack) {
	t.Helper()
	if rep, err := reread(o); err != nil || rep.damaged() != 0 {
		t.Fatalf("cut after step %d: %d damaged records reported, %v", k, rep.damaged(), err)
	}
	l, err := Open(context.Background(), o)
	if err != nil || l.broken != nil {
		t.Fatalf("cut after step %d, %d sectors kept: %v %v", k, bits.OnesCount64(mask), err, l.broken)
	}
	left := map[string][]Entry{}
	for _, e := range l.Recover() {
		left[e.Order.ID] = append(left[e.Order.ID], e)
	}
	for _, a := range acks {
		if a.step > k {
			break
		}
		if v, _ := l.Admit(a.o, true); v != Repeat && !(v == Replayed && o.window > 0) {
			t.Fatalf("cut after step %d: %s of %s was promised, and it is %v", k, a.what, a.o.ID, v)
		}
		if a.what == "intent" && a.o.Seq%5 == 0 && len(left[a.o.ID]) != 2 {
			t.Fatalf("cut after step %d: %s was never closed, and is open on %d devices, want 2", k, a.o.ID, len(left[a.o.ID]))
		}
		for _, e := range left[a.o.ID] {
			switch {
			case a.what == "begun" && e.Device == "horn-1" && e.Queued,
				a.what == "closed" && e.Terminal == nil,
				a.what == "settled", a.what == "seat":
				t.Fatalf("cut after step %d: %s of %s was promised, and it is %+v", k, a.what, a.o.ID, e)
			}
		}
	}
}

func reread(o Options) (*replay, error) {
	f, err := o.FS.Open(fileName)
	if err != nil {
		return nil, err
	}
	p := newReplay()
	_, err = p.file(f, o.geometry)
	return p, err
}

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
