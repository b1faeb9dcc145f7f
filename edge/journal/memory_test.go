package journal

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemoryIsBounded lets ten times as much come as memory takes while the disk takes
// nothing: it stays within 2 MiB, the lowest class gives way first and the oldest of it,
// the newest of every class stays, and produced = kept + told of, to the byte, before
// and after the disk comes back.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, Options{FS: fs, Run: "a"})
		d := diskFault{op: "write", err: syscall.EROFS}
		fs.breakWith(d.hook())
		produced := map[Class]int{}
		for i := range 2500 {
			for _, c := range []Class{Telemetry, Media, Event, Event, Alarm, Result} {
				if c == Result && i%50 != 0 || c == Telemetry && i > 100 {
					continue
				}
				if _, err := r.Append(t.Context(), c, []byte(rec(fmt.Sprint(i), 2000))); !errors.Is(err, ErrVolatile) {
					t.Fatal(err)
				}
				produced[c]++
			}
			if r.mem.bytes > mostHeld {
				t.Fatal(r.mem.bytes)
			}
		}
		balance := func() {
			t.Helper()
			b := readBooks(t, r.Journal)
			for c, n := range produced {
				kept := all(t, r.Journal, c)
				told := b.accounted("a", c)
				if len(kept) == 0 || kept[len(kept)-1].ID.Seq != Seq(n) {
					t.Fatalf("%s: the newest is not there: %v", c, ids(kept))
				}
				lost := int(told.count(Range{1, Seq(n)}))
				if len(kept)+lost != n {
					t.Fatalf("%s: %d kept, %d told lost, %d produced", c, len(kept), lost, n)
				}
				if s := r.Stats().Classes[c]; int(s.Dropped) != lost || int(s.Records) != len(kept) {
					t.Fatalf("%s: %+v", c, s)
				}
				bytes := 0
				for _, g := range b.gaps {
					if g.Class == c {
						bytes += int(g.Bytes)
					}
				}
				if bytes != lost*len(rec("0", 2000)) {
					t.Fatalf("%s: %d bytes told for %d records", c, bytes, lost)
				}
			}
			if len(b.gaps) > 4*len(produced) {
				t.Fatalf("%d gap records are not merged", len(b.gaps))
			}
		}
		balance()
		if s := r.Stats().Classes; s[Result].Dropped != 0 || s[Alarm].Dropped == 0 || s[Event].Records+s[Media].Records+s[Telemetry].Records > 200 {
			t.Fatalf("%+v", s)
		}
		if !r.raised("journal.storage") || !r.raised("journal.dropped") {
			t.Fatal(r.list)
		}
		fs.breakWith(nil)
		time.Sleep(retryEvery + time.Second)
		if n := r.holds(); n != 0 || r.mem.bytes != 0 {
			t.Fatalf("%d records, %d bytes are still in memory", n, r.mem.bytes)
		}
		balance()
		r.close()
	})
}

// TestMemoryEndsWithTheProcess: what was in memory alone when the process was killed is
// gone and nothing of it comes up again under another content; what the disk had is all
// there, and its run is closed at the last number that the disk knows.
func TestMemoryEndsWithTheProcess(t *testing.T) {
	fs := newMemFS()
	a, _ := open(t, small(fs, "a"))
	for i := range 5 {
		appendNow(t, a, Event, rec(fmt.Sprint(i), 300))
	}
	d := diskFault{op: "write", err: syscall.EIO}
	fs.fail = d.hook()
	for i := range 5 {
		b, _, _ := a.join(eventRank, []byte(rec(fmt.Sprint(i), 300)))
		a.take()
		a.commit()
		if !b.held || b.first != Seq(6+i) {
			t.Fatal(b.held, b.first)
		}
	}
	a.Ack("run-a", Event, Range{6, 8})
	b, _ := open(t, small(fs.clone(), "b"))
	if got := all(t, b, Event); len(got) != 5 {
		t.Fatal(ids(got))
	}
	if c, ok := readBooks(t, b).last("run-a", Event); !ok || c.Last != 5 {
		t.Fatalf("%+v", c)
	}
}

// TestCloseWritesMemory: a disk that is back when the daemon ends takes what is held.
func TestCloseWritesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, small(fs, "a"))
		d := diskFault{op: "sync", err: syscall.EIO}
		fs.breakWith(d.hook())
		if _, err := r.Append(t.Context(), Alarm, []byte(`{"a":1}`)); !errors.Is(err, ErrVolatile) {
			t.Fatal(err)
		}
		fs.breakWith(nil)
		r.close()
		j, _ := open(t, small(fs.durableOnly(), "b"))
		if got := all(t, j, Alarm); len(got) != 1 || len(readBooks(t, j).gaps) != 0 {
			t.Fatal(ids(got))
		}
	})
}
