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
func TestPromise01_EveryCutKeepsItsPromises(t *testing.T) {
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
		if v, _ := l.Admit(a.o, true); v != Repeat && (v != Replayed || o.window == 0) {
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
