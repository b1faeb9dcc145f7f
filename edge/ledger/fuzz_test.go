package ledger

import (
	"context"
	"testing"
)

// sample gives the records of a short life, as seeds.
func sample(f testing.TB) (segment []byte, h header, bodies [][]byte) {
	d := newMem()
	l, err := Open(context.Background(), Options{FS: d, geometry: small()})
	if err != nil {
		f.Fatal(err)
	}
	r := turn(f, l)
	for n := uint64(1); n <= 5; n++ {
		o := order("op-1", n)
		r.Admit(o, true)
		if err := r.Intent(context.Background(), o, []string{"horn-1", "horn-2"}); err != nil {
			f.Fatal(err)
		}
		_ = r.Close(o, "horn-1", terminal(o, "horn-1"))
		_ = r.Sync(context.Background())
		bodies = append(bodies, r.find(o).encode(nil), r.find(o).slots[0].encode(nil))
	}
	r.halt()
	bodies = append(bodies, (&window{kid: "op-1", floor: 77}).encode(nil))
	h = r.ring.heads[r.ring.cur]
	seg := d.files[fileName].data[r.ring.start(r.ring.cur):][:r.ring.off+64]
	return seg, h, bodies
}

// FuzzRecord: no body, however it is made, brings replay down, and what it makes can
// be adopted.
func FuzzRecord(f *testing.F) {
	_, _, bodies := sample(f)
	for _, b := range bodies {
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		p := newReplay()
		for _, body := range [][]byte{a, b, a} {
			if len(body) > 0 {
				p.record(1, body)
			}
		}
		l := &Ledger{o: Options{window: 4, entries: 8}, windows: map[string]*window{}, entries: map[place]*entry{}}
		l.adopt(p)
		l.Recover()
	})
}

// FuzzSegment: bytes that come back from a disk in any state.
func FuzzSegment(f *testing.F) {
	seg, h, _ := sample(f)
	f.Add(seg, h.salt)
	f.Add(seg[:headerSize+100], h.salt)
	f.Add(append(seg[:headerSize:headerSize], seg[headerSize+7:]...), h.salt)
	f.Fuzz(func(t *testing.T, b []byte, salt uint64) {
		if len(b) < headerSize {
			return
		}
		p := newReplay()
		p.segment(header{gen: 1, salt: salt, since: 1}, b)
		p.damaged()
		decodeHeader(b, small())
	})
}
