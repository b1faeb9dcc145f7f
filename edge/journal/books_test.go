package journal

import (
	"fmt"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
	"pgregory.net/rapid"
)

// ledger is what a producer and a platform know of each other's records.
type ledger struct {
	produced  map[ID]int // bytes of data
	delivered map[ID]bool
	loose     map[ID]bool // delivered, and then the state was not written: may come again
	forgot    map[ID]bool // was in memory alone when its process ended: what a failed sync left may come
	gaps      map[ID]Gone // by the gap record's own identity
	closed    map[ID]Closed
}

// TestBooks lets a small journal run over its budget, its ceilings and several
// restarts, with a platform that sometimes takes records. In the end every record
// is delivered, waits or is told of by a gap record, none is two of them, and the
// gap records' counts and bytes are exact. Now and then the disk takes nothing for a
// while: then memory is the journal.
func TestBooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := newMemFS()
		l := &ledger{map[ID]int{}, map[ID]bool{}, map[ID]bool{}, map[ID]bool{}, map[ID]Gone{}, map[ID]Closed{}}
		o := Options{Dir: "journal", FS: fs, Budget: rapid.SampledFrom([]int64{40, 56}).Draw(t, "budget") * smallSegment, segment: smallSegment, pool: rapid.SampledFrom([]int{-1, 4, 8}).Draw(t, "pool")}
		o.memory = rapid.SampledFrom([]int{20 << 10, 100 << 10}).Draw(t, "memory")
		o.Classes = map[Class]Share{Event: {Floor: 4 * smallSegment, Ceiling: 16 * smallSegment}, Telemetry: {Floor: 5 * smallSegment}, Gap: {Ceiling: 7 * smallSegment}}
		for life := range rapid.IntRange(1, 4).Draw(t, "lives") {
			o.Run = wire.Run(fmt.Sprintf("life%d", life))
			j, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 250).Draw(t, "steps") {
				l.step(t, fs, j)
			}
			if rapid.Bool().Draw(t, "clean") {
				fs.fail = nil
				if err := j.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else if fs.fail != nil { // what only memory knew is gone, and nobody was promised more
				l.forget(j)
				fs.fail = nil
			} else if err := j.writeState(false); err != nil { // a crash more than 5 s after the last acknowledgement
				t.Fatal(err)
			}
		}
		o.Run = "last"
		j, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		l.settle(t, j)
	})
}

// forget is a crash while the disk takes nothing.
func (l *ledger) forget(j *Journal) {
	for rank := range gapRank {
		for seq := j.current().streams[rank].next; seq < j.assigned(rank); seq++ {
			if id := (ID{j.o.Run, classOf(rank), seq}); !l.delivered[id] {
				l.forgot[id] = true
			}
		}
	}
	for id := range l.delivered {
		l.loose[id] = true
	}
}

// turn breaks or mends the disk.
func (l *ledger) turn(t *rapid.T, fs *memFS, j *Journal) {
	if fs.fail == nil {
		d := diskFault{op: rapid.SampledFrom([]string{"write", "sync"}).Draw(t, "fault"), name: "s", err: errDead}
		fs.fail = d.hook()
		return
	}
	fs.fail = nil
	if j.down.Load() {
		j.retry(t.Context())
	}
	if j.down.Load() || j.holds() > 0 {
		t.Fatalf("the disk is good again: %d records in memory, down %v", j.holds(), j.down.Load())
	}
}

func (l *ledger) step(t *rapid.T, fs *memFS, j *Journal) {
	if rapid.IntRange(0, 59).Draw(t, "turn") == 0 {
		l.turn(t, fs, j)
	}
	c := rapid.SampledFrom([]Class{Telemetry, Event, Event, Media, Alarm, Result}).Draw(t, "class")
	if rapid.IntRange(0, 9).Draw(t, "what") == 0 {
		l.deliver(t, j, rapid.SampledFrom(append(Classes(), Gap)).Draw(t, "of"), rapid.IntRange(1, 30).Draw(t, "many"))
		j.chores(t.Context())
		return
	}
	state := j.state
	_, before := l.usages(j)
	data := fmt.Sprintf(`{"p":"%s"}`, strings.Repeat("x", rapid.SampledFrom([]int{1, 600, 3000, 5000, 11000}).Draw(t, "size")))
	seq := appendTo(t, j, c, data)
	l.produced[ID{j.o.Run, c, seq}] = len(data)
	if j.state != state {
		before = [ranks]int64{} // segments were given back too: nothing to compare with
	}
	l.bounds(t, j, c, before)
}

func appendTo(t *rapid.T, j *Journal, c Class, data string) Seq {
	b, _, at := j.join(rankOf(c), []byte(data))
	j.take()
	j.commit()
	if at >= b.ok && !b.held {
		t.Fatal(b.err)
	}
	return b.first + Seq(at)
}

func (l *ledger) usages(j *Journal) (records, files [ranks]int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for rank := range files {
		records[rank], files[rank] = j.usage(rank)
	}
	return records, files
}

// bounds checks budget, ceilings and floors after an append to class c.
func (l *ledger) bounds(t *rapid.T, j *Journal, c Class, before [ranks]int64) {
	records, after := l.usages(j)
	lows := int64(0)
	for rank := range ranks {
		if low(rank) {
			lows += after[rank]
		}
		if after[rank] < before[rank] && classOf(rank) != c && after[rank] < j.share[rank].Floor {
			t.Fatalf("%s gave way to %s below its floor: %d < %d", classOf(rank), c, after[rank], j.share[rank].Floor)
		}
	}
	if rank := rankOf(c); records[rank] > j.share[rank].Ceiling {
		t.Fatalf("%s: %d above its ceiling %d", c, records[rank], j.share[rank].Ceiling)
	}
	if lows > j.lowBudget() {
		t.Fatalf("the lower classes are in the reserve: %d > %d", lows, j.lowBudget())
	}
	if disk := j.Stats().Disk; disk > j.o.Budget {
		t.Fatalf("%d bytes on disk, budget %d", disk, j.o.Budget)
	}
}

func (l *ledger) deliver(t *rapid.T, j *Journal, c Class, many int) int {
	got, err := j.Next(c, ID{}, many, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if c == Gap {
			g, cl, isGap := parseOwn(t, r.Data)
			if isGap {
				l.gaps[r.ID] = g
			} else {
				l.closed[r.ID] = cl
			}
		} else if n, ok := l.produced[r.ID]; !ok || n != len(r.Data) {
			t.Fatalf("%v was not produced so: %d bytes, want %d", r.ID, len(r.Data), n)
		} else if l.delivered[r.ID] && !l.loose[r.ID] {
			t.Fatalf("%v delivered twice", r.ID)
		}
		if c != Gap {
			l.delivered[r.ID] = true
		}
		j.Ack(r.ID.Run, c, Range{r.ID.Seq, r.ID.Seq})
	}
	return len(got)
}

// settle delivers all that is left and balances the books.
func (l *ledger) settle(t *rapid.T, j *Journal) {
	waiting := j.Stats()
	for _, c := range Classes() {
		n := 0
		for {
			k := l.deliver(t, j, c, 20)
			if n += k; k == 0 {
				break
			}
		}
		if int64(n) != waiting.Classes[c].Records {
			t.Fatalf("%s: %d records came, Stats said %d", c, n, waiting.Classes[c].Records)
		}
	}
	told := map[ID]bool{}
	for id, g := range l.gaps {
		bytes := 0
		for seq := g.First; seq <= g.Last; seq++ {
			of := ID{g.Run, g.Class, seq}
			if l.delivered[of] && !l.forgot[of] && !l.loose[of] {
				t.Fatalf("%v was delivered and is told lost by %v", of, id)
			}
			if g.Class == Gap {
				continue
			}
			if told[of] && !l.forgot[of] {
				t.Fatalf("%v is told lost twice", of)
			}
			told[of] = true
			bytes += l.produced[of]
		}
		if g.Class != Gap && (g.Count != uint64(g.Last-g.First+1) || g.Bytes != uint64(bytes)) {
			t.Fatalf("%+v: %d bytes were lost", g, bytes)
		}
	}
	for id := range l.produced {
		if !l.delivered[id] && !told[id] && !l.forgot[id] {
			b := ""
			for gid, g := range l.gaps {
				b += fmt.Sprintf("%v: %+v\n", gid, g)
			}
			for gid, g := range l.closed {
				b += fmt.Sprintf("%v: %+v\n", gid, g)
			}
			t.Fatalf("%v is neither delivered nor told lost\n%s", id, b)
		}
	}
}
