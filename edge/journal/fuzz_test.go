package journal

import (
	"bytes"
	"fmt"
	"testing"
)

// seedSegment is a small whole segment and the data of its records.
func seedSegment() ([]byte, header, map[string]bool) {
	h := header{class: Event, run: "fuzz", salt: 1, serial: 1, first: 1}
	c := newCodec(h.salt)
	b := h.encode()
	known := map[string]bool{}
	for i := range 6 {
		data := rec(fmt.Sprint(i), 40+30*i)
		known[data] = true
		b = c.append(b, Seq(i+1), kindRecord, 0, []byte(data))
	}
	b = c.end(b, 6)
	return append(b, make([]byte, pageSize)...), h, known
}

// FuzzSegment puts any bytes over a segment, at any place, or cuts it: the reader
// ends, its numbers rise, what it says is lost and what it returns do not overlap,
// and it returns nothing that was not written.
func FuzzSegment(f *testing.F) {
	whole, _, _ := seedSegment()
	f.Add([]byte{}, uint16(0), uint16(len(whole)))
	f.Add([]byte{0xff}, uint16(pageSize+40), uint16(len(whole)))
	f.Add([]byte{0, 0, 0, 0}, uint16(pageSize), uint16(len(whole)))
	f.Add(bytes.Clone(whole[pageSize:pageSize+200]), uint16(pageSize+100), uint16(len(whole)))
	f.Add([]byte{1}, uint16(7), uint16(pageSize+300))
	f.Fuzz(func(t *testing.T, over []byte, at, size uint16) {
		b, h, known := seedSegment()
		copy(b[min(int(at), len(b)):], over)
		b = b[:min(int(size), len(b))]
		if got, l := decodeHeader(b); l == lookGood && got != h {
			t.Fatalf("a changed header passed: %+v", got)
		}
		s := scanSegment(bytes.NewReader(b), h, int64(len(b)))
		s.chunk = 64
		last := Seq(0)
		for range len(b) {
			st, err := s.next()
			if err != nil {
				t.Fatal(err)
			}
			switch st.found {
			case foundRecord:
				if st.frame.seq != last+1 || !known[string(st.data)] {
					t.Fatalf("record %d after %d: %q", st.frame.seq, last, st.data)
				}
				last = st.frame.seq
			case foundLoss:
				if st.lost.First != last+1 || st.lost.Last < st.lost.First {
					t.Fatalf("lost %v after %d", st.lost, last)
				}
				last = st.lost.Last
			default:
				if st.cut < 0 || st.at+st.cut >= max(int64(len(b)), pageSize)+align { // padding may be cut off
					t.Fatalf("cut %d at %d of %d", st.cut, st.at, len(b))
				}
				return
			}
		}
		t.Fatal("the reader does not end")
	})
}

// FuzzState decodes any state file.
func FuzzState(f *testing.F) {
	good, err := encodeState(3, savedState{Run: "a", Runs: []savedRun{{Run: "a", Classes: map[Class]savedClass{Event: {Done: [][2]Seq{{1, 2}}}}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:stateHead])
	f.Add([]byte("fqjstate"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, s, ok := decodeState(b); ok {
			again, err := encodeState(n, s)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, ok := decodeState(again); !ok {
				t.Fatal("not readable again")
			}
		}
	})
}

// FuzzDirectory opens a journal over files with any content: it always opens, can
// be read, and takes records.
func FuzzDirectory(f *testing.F) {
	whole, _, _ := seedSegment()
	f.Add(whole, []byte("fqjstate"), []byte("fuqiao journal 1\n"))
	f.Add(whole[:5000], []byte{}, []byte{})
	f.Add([]byte{}, []byte{0}, []byte("garbage"))
	f.Fuzz(func(t *testing.T, seg, state, format []byte) {
		fs := newMemFS()
		for name, data := range map[string][]byte{"seg-000003": seg, "state-a": state, "FORMAT": format} {
			g := &memFile{data: bytes.Clone(data), durable: bytes.Clone(data)}
			fs.files[name], fs.lasting[name] = g, g
		}
		j, err := Open(t.Context(), inDir(small(fs, "z")))
		if isNewer(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range Classes() {
			all(t, j, c)
		}
		j.chores(t.Context())
		if j.down.Load() {
			t.Fatal("down")
		}
		appendNow(t, j, Event, `{"a":1}`)
		if !has(t, j, ID{j.o.Run, Event, 1}) {
			t.Fatal("not there")
		}
	})
}

func inDir(o Options) Options {
	o.Dir = "journal"
	return o
}
