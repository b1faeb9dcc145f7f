package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

// TestFormatIsFixed compares the bytes of a header, of frames, of an end mark and
// of a state file with a golden dump: version 1 on disk does not change.
func TestFormatIsFixed(t *testing.T) {
	h := header{used: true, class: Telemetry, run: "00112233445566ff", salt: 0x0123456789abcdef, serial: 7, first: 42, prevEnd: 8200, prevBytes: 4000, state: 3, wall: 1795507200123, prev: 6}
	c := newCodec(h.salt)
	frames := c.append(nil, 42, kindRecord, h.wall, []byte(`{"a":1}`))
	g := gap{"00112233445566ff", Event, Range{3, 9}, 7, 700, reasonQuota, 12345}
	frames = c.append(frames, 43, kindGap, 0, g.encode())
	frames = c.end(frames, 43)
	state, err := encodeState(9, savedState{Run: "b", Clean: true, Runs: []savedRun{
		{Run: "a", Closed: true, Classes: map[Class]savedClass{Event: {Done: [][2]Seq{{1, 9}, {11, 11}}, Ends: []savedEnd{{5, 20, 9000, 4000}}}}}, {Run: "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, part := range []struct {
		name string
		data []byte
	}{{"header", h.encode()}, {"frames", frames}, {"state", state}} {
		fmt.Fprintf(&b, "%s, %d bytes, lines of zeros left out\n", part.name, len(part.data))
		for line := range strings.Lines(hex.Dump(part.data)) {
			if !strings.Contains(line, strings.Repeat("00 ", 8)+" "+strings.Repeat("00 ", 8)) {
				b.WriteString(line)
			}
		}
	}
	golden := filepath.Join("testdata", "format-1.txt")
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
		t.Fatalf("the format has changed (%v):\n%s", err, b.String())
	}
	if got, l := decodeHeader(h.encode()); l != lookGood || got != h {
		t.Fatalf("%+v %v", got, l)
	}
	if n, s, ok := decodeState(state); !ok || n != 9 || s.Runs[0].Classes[Event].Ends[0].Last != 20 {
		t.Fatal(n, s, ok)
	}
}

// TestPromise07_NewerFormat shows a directory of a newer version refused and left untouched,
// by its FORMAT and by its segments alone.
func TestPromise07_NewerFormat(t *testing.T) {
	for name, change := range map[string]func(fs *memFS){
		"FORMAT": func(fs *memFS) { fs.files[formatName].data = []byte("fuqiao journal 2\n") },
		"segment": func(fs *memFS) {
			delete(fs.files, formatName)
			fs.files["seg-000001"].data[8] = 2
			fs.files["seg-000001"].data[copyAt+8] = 2
		},
	} {
		fs := newMemFS()
		j, _ := open(t, small(fs, "a"))
		appendNow(t, j, Event, `{"a":1}`)
		change(fs)
		before := map[string][]byte{}
		for name, f := range fs.files {
			before[name] = bytes.Clone(f.data)
		}
		_, err := Open(t.Context(), Options{Dir: "journal", FS: fs, Run: "b"})
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "install the newer version") {
			t.Fatalf("%s: %v", name, err)
		}
		after := map[string][]byte{}
		for name, f := range fs.files {
			after[name] = f.data
		}
		if !maps.EqualFunc(before, after, bytes.Equal) {
			t.Fatalf("%s: the directory was touched", name)
		}
	}
}

// TestBadOptions are refused with the field and what is allowed.
func TestBadOptions(t *testing.T) {
	for want, o := range map[string]Options{
		`journal: run "": must have 1 to 16 bytes`:                                                     {Dir: "x"},
		`journal: run "12345678901234567": must have 1 to 16 bytes`:                                    {Dir: "x", Run: "12345678901234567"},
		`journal: no directory named`:                                                                  {Run: "a"},
		`journal: budget 1048576: must be at least 16777216`:                                           {Dir: "x", Run: "a", Budget: 1 << 20},
		`journal: class "other": unknown, allowed are [telemetry media event alarm result gap]`:        {Dir: "x", Run: "a", Classes: map[Class]Share{"other": {}}},
		`journal: class event: floor 5 and ceiling 4: must not be negative, nor the ceiling below the`: {Dir: "x", Run: "a", Classes: map[Class]Share{Event: {Floor: 5, Ceiling: 4}}},
		`journal: floors of `: {Dir: "x", Run: "a", Budget: 64 << 20, Classes: map[Class]Share{Event: {Floor: 60 << 20}}},
	} {
		o.FS = newMemFS()
		if _, err := Open(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for budget := int64(16); budget <= 1<<16; budget *= 2 {
		if _, err := Open(t.Context(), Options{Dir: "x", Run: "a", Budget: budget << 20, FS: newMemFS()}); err != nil {
			t.Errorf("%d MiB with default shares: %v", budget, err)
		}
	}
}

// TestGapRecordIsSmall shows the bound of 128 bytes on disk with the largest
// numbers that a box can reach: 10¹² records, 10¹⁵ bytes, 300 years.
func TestGapRecordIsSmall(t *testing.T) {
	g := gap{wire.Run(strings.Repeat("f", 16)), Telemetry, Range{1e12, 1e12}, 1e12, 1e15, reasonCeiling, 1e13}
	b := g.encode()
	if len(b) > 128 {
		t.Fatalf("%d bytes: %s", len(b), b)
	}
	if back, err := decodeGap(b); err != nil || back != g {
		t.Fatal(back, err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `["r","event",0,1,1,1,"quota",1]`, `["r","event",2,1,1,1,"quota",1]`, `["r","event",1,2,1,1,"quota",1,1]`, `["r","event",1,2,1,1,"quota"]`, `["r","event",-1,2,1,1,"quota",1]`} {
		if g, err := decodeGap([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", bad, g)
		}
	}
}

// TestRanges compares the set with a plain map.
func TestRanges(t *testing.T) {
	var r ranges
	plain := map[Seq]bool{}
	x := uint64(1)
	next := func(n uint64) Seq { x = x*6364136223846793005 + 1442695040888963407; return Seq(x>>33%n) + 1 }
	for range 2000 {
		w := Range{next(100), 0}
		w.Last = min(w.First+next(8)-1, 100)
		if next(3) == 1 {
			r = r.without(w)
			for s := w.First; s <= w.Last; s++ {
				delete(plain, s)
			}
		} else {
			touch, before := r.touches(w), len(r)
			r, _ = r.with(w)
			if touch == (len(r) > before) {
				t.Fatalf("touches %v, but from %d to %d ranges", touch, before, len(r))
			}
			for s := w.First; s <= w.Last; s++ {
				plain[s] = true
			}
		}
		var missing ranges
		for s := Seq(1); s <= 100; s++ {
			if r.has(s) != plain[s] {
				t.Fatalf("%d: %v", s, r)
			}
			if !plain[s] {
				missing, _ = missing.with(Range{s, s})
			}
		}
		if got := ranges(r.missing(Range{1, 100})); !slices.Equal(got, missing) || r.count(Range{1, 100}) != uint64(len(plain)) || r.covers(Range{1, 100}) != (len(missing) == 0) {
			t.Fatalf("%v: missing %v, want %v", r, got, missing)
		}
		for i := range r {
			if r[i].Last < r[i].First || i > 0 && r[i].First <= r[i-1].Last+1 {
				t.Fatalf("not normal: %v", r)
			}
		}
	}
	if !r.covers(Range{5, 4}) || r.has(math.MaxUint64) {
		t.Fatal("edges")
	}
}
