package journal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"fuqiao/edged/edge/wire"
)

const smallSegment = 16 << 10

func small(fs FS, run string) Options {
	return Options{FS: fs, Run: wire.Run("run-" + run), Budget: 64 * smallSegment, segment: smallSegment, pool: -1}
}

// appendNow appends without a running committer.
func appendNow(t testing.TB, j *Journal, c Class, data string) Seq {
	t.Helper()
	rank, err := j.check(c, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	b, _, at := j.join(rank, []byte(data))
	j.take()
	j.commit()
	if at >= b.ok {
		t.Fatal(b.err)
	}
	return b.first + Seq(at)
}

// smallJournal writes n records of class event and returns them, the disk and the
// offsets in seg-000001 at which each one's frame ends.
func smallJournal(t *testing.T, n int) (*memFS, []string, []int64) {
	fs := newMemFS()
	j, _ := open(t, small(fs, "a"))
	var data []string
	var ends []int64
	for i := range n {
		data = append(data, rec(fmt.Sprintf("record-%d", i), 60+i*13))
		appendNow(t, j, Event, data[i])
		ends = append(ends, j.current().streams[eventRank].segs[0].end)
	}
	return fs, data, ends
}

// TestPromise03_TornAtEveryOffset cuts a segment at every byte: the journal opens, has exactly the
// records that lie before the cut, says so in run.closed, and goes on.
func TestPromise03_TornAtEveryOffset(t *testing.T) {
	const n = 12
	fs, data, ends := smallJournal(t, n)
	starts := append([]int64{pageSize}, ends...)
	whole := len(fs.files["seg-000001"].data)
	for cut := range whole + 1 {
		cutFS := fs.clone()
		f := cutFS.files["seg-000001"]
		f.data = f.data[:cut]
		j, _ := open(t, small(cutFS, "b"))
		want := 0
		for want < n && starts[want]+frameHead+int64(len(data[want])) <= int64(cut) {
			want++
		}
		got := all(t, j, Event)
		if len(got) != want {
			t.Fatalf("cut at %d: %d records, want %d", cut, len(got), want)
		}
		for i, r := range got {
			if string(r.Data) != data[i] {
				t.Fatalf("cut at %d: record %d is %s", cut, i, r.Data)
			}
		}
		b := readBooks(t, j)
		c, ok := b.last("run-a", Event)
		if len(b.gaps) != 0 || ok != (want > 0 || c.Cut > 0) || ok && c.Last != Seq(want) {
			t.Fatalf("cut at %d: %+v", cut, b)
		}
		if ok && int64(cut) > ends[0] && int64(cut) < ends[n-1] {
			if torn := max(0, int64(cut)-starts[want]); c.Cut > torn || (c.Cut > 0) != (torn > 0) || (c.Why == "torn") != (torn > 0) {
				t.Fatalf("cut at %d: %d bytes torn, run.closed says %+v", cut, torn, c)
			}
		}
		if seq := appendNow(t, j, Event, `{"a":1}`); seq != 1 {
			t.Fatal(seq)
		}
	}
}

// TestPromise03_LastStretch cuts the last 64 KiB of a segment at every byte: it opens,
// and ends at the last record that is whole.
func TestPromise03_LastStretch(t *testing.T) {
	fs := newMemFS()
	o := small(fs, "a")
	o.segment, o.Budget = 80<<10, 64*80<<10
	j, _ := open(t, o)
	var ends []int64 // where each record's last byte is behind
	for end := int64(pageSize); end < 72<<10; end = j.current().streams[eventRank].segs[0].end {
		data := rec(fmt.Sprint(len(ends)), 500+len(ends)*7%600)
		appendNow(t, j, Event, data)
		ends = append(ends, end+frameHead+int64(len(data)))
	}
	whole := fs.files["seg-000001"].data
	last := len(ends)
	for cut := len(whole) - 1; cut >= len(whole)-64<<10; cut-- {
		for last > 0 && ends[last-1] > int64(cut) {
			last--
		}
		sc := scanSegment(memBytes(whole[:cut]), j.current().streams[eventRank].segs[0].head, int64(cut))
		st, err := sc.next()
		for ; err == nil && st.found == foundRecord; st, err = sc.next() {
		}
		if n := int(sc.last); err != nil || st.found == foundLoss || n != last {
			t.Fatalf("cut at %d: ends at record %d of %d whole ones (%v, %v)", cut, n, last, st.found, err)
		}
	}
}

// memBytes is a file that is only read.
type memBytes []byte

func (m memBytes) ReadAt(b []byte, off int64) (int, error) {
	return bytes.NewReader(m).ReadAt(b, off)
}

// TestPromise04_EveryFlippedBit flips one bit in every byte of a journal's last segment. No record
// comes back changed; one whose frame was hit is told of by a gap record, also in
// the last commit, because the end mark behind it shows that it was whole.
func TestPromise04_EveryFlippedBit(t *testing.T) {
	const n = 8
	fs, data, ends := smallJournal(t, n)
	starts := append([]int64{pageSize}, ends...)
	for at := range fs.files["seg-000001"].data {
		flipped := fs.clone()
		flipped.files["seg-000001"].data[at] ^= 1 << (at % 8)
		j, notes := open(t, small(flipped, "b"))
		var have ranges
		for _, r := range all(t, j, Event) {
			if string(r.Data) != data[r.ID.Seq-1] {
				t.Fatalf("flip at %d: %v is %s", at, r.ID, r.Data)
			}
			have, _ = have.with(Range{r.ID.Seq, r.ID.Seq})
		}
		told := readBooks(t, j).accounted("run-a", Event)
		hit := ranges(nil)
		for i := range n {
			if int64(at) >= starts[i] && int64(at) < starts[i]+frameHead+int64(len(data[i])) {
				hit = ranges{{Seq(i + 1), Seq(i + 1)}}
			}
		}
		if !slices.Equal(told, hit) || notes.raised("journal.damage") != (len(hit) > 0) {
			t.Fatalf("flip at %d: told %v, hit %v", at, told, hit)
		}
		for seq := Seq(1); seq <= n; seq++ {
			if have.has(seq) == told.has(seq) {
				t.Fatalf("flip at %d: record %d: there %v, told of %v", at, seq, have.has(seq), told.has(seq))
			}
		}
	}
}

// TestFlipInSealedSegment shows damage that only the reader meets: it is passed
// over at once, and told by the committer.
func TestFlipInSealedSegment(t *testing.T) {
	fs := newMemFS()
	j, notes := open(t, small(fs, "a"))
	for i := range 60 {
		appendNow(t, j, Event, rec(fmt.Sprint(i), 900))
	}
	segs := j.current().streams[eventRank].segs
	if len(segs) < 4 {
		t.Fatal(len(segs))
	}
	second := segs[1]
	fs.files[second.name].data[second.end-20] ^= 1 // in its last record
	fs.files[segs[2].name].data[pageSize+3] ^= 64  // the length of its first record
	delete(fs.files, segs[3].name)                 // and one is taken away
	want := ranges{{second.last, second.last + 1}, segs[3].span()}
	var have ranges
	for _, r := range all(t, j, Event) {
		have, _ = have.with(Range{r.ID.Seq, r.ID.Seq})
	}
	lost := ranges(have.missing(Range{1, 60}))
	if !slices.Equal(lost, want) {
		t.Fatalf("not delivered %v, want %v", lost, want)
	}
	j.chores(context.Background())
	b := readBooks(t, j)
	if got := b.accounted("run-a", Event); !slices.Equal(got, want) || len(b.gaps) != 2 {
		t.Fatalf("told %v, want %v: %+v", got, want, b.gaps)
	}
	if !notes.raised("journal.damage") || j.Stats().Damaged != want.count(Range{1, 60}) {
		t.Fatal(notes.list, j.Stats().Damaged)
	}
	j2, _ := open(t, small(fs.clone(), "b"))
	if b := readBooks(t, j2); len(b.gaps) != 2 { // not told a second time
		t.Fatalf("%+v", b.gaps)
	}
}

// TestLostFilesAreAccounted takes segments and headers away between two lives.
func TestLostFilesAreAccounted(t *testing.T) {
	fs := newMemFS()
	j, _ := open(t, small(fs, "a"))
	for i := range 60 {
		appendNow(t, j, Event, rec(fmt.Sprint(i), 900))
	}
	segs := j.current().streams[eventRank].segs
	if err := j.writeState(false); err != nil {
		t.Fatal(err)
	}
	delete(fs.files, segs[0].name)
	bad := fs.files[segs[2].name]
	clear(bad.data[:3*copyAt/2])
	clear(bad.data[copyAt : copyAt+8])
	want := ranges{segs[0].span(), segs[2].span()}
	j2, notes := open(t, small(fs, "b"))
	if got := readBooks(t, j2).accounted("run-a", Event); !slices.Equal(got, want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	if fs.files["bad-"+segs[2].name] == nil || !notes.raised("journal.damage") {
		t.Fatal("the damaged file is not set aside, or nothing is raised")
	}
	if n := len(all(t, j2, Event)); n != 60-int(want.count(Range{1, 60})) {
		t.Fatal(n)
	}
}
