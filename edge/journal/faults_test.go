package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// diskFault answers one operation on a file whose name begins so, the nth time and as
// often as times says (0 = for ever).
type diskFault struct {
	op, name string
	after    int
	times    int
	short    int
	err      error
}

func (d *diskFault) hook() func(op, name string) (int, error) {
	seen := 0
	return func(op, name string) (int, error) {
		if op != d.op || !strings.HasPrefix(name, d.name) {
			return 0, nil
		}
		if seen++; seen <= d.after || d.times > 0 && seen > d.after+d.times {
			return 0, nil
		}
		return d.short, d.err
	}
}

// TestOneFailedCommit shows the rule for a write or sync that fails once: what was
// not acknowledged is written again into a fresh segment and then acknowledged
// under the numbers it had; the descriptor that failed is not synced again.
func TestOneFailedCommit(t *testing.T) {
	for _, d := range []diskFault{
		{op: "write", name: "seg", times: 1, err: syscall.EIO},
		{op: "write", name: "seg", times: 1, short: 100, err: syscall.ENOSPC},
		{op: "write", name: "seg", times: 1, short: 5000, err: syscall.EIO},
		{op: "sync", name: "seg", times: 1, err: syscall.EIO},
		{op: "sync", name: "seg", times: 1, err: syscall.ENOSPC},
	} {
		t.Run(fmt.Sprintf("%s %v after %d bytes", d.op, d.err, d.short), func(t *testing.T) {
			fs := newMemFS()
			j, notes := open(t, small(fs, "a"))
			var want []string
			for i := range 3 {
				appendNow(t, j, Event, rec(fmt.Sprint(i), 700))
				want = append(want, fmt.Sprintf("run-a/%d", i+1))
			}
			first := j.current().streams[eventRank].tailOf().name
			fs.fail = d.hook()
			if seq := appendNow(t, j, Event, rec("x", 700)); seq != 4 {
				t.Fatal(seq)
			}
			synced := fs.syncs[first]
			if seq := appendNow(t, j, Event, rec("y", 700)); seq != 5 {
				t.Fatal(seq)
			}
			want = append(want, "run-a/4", "run-a/5")
			if fs.syncs[first] != synced || j.current().streams[eventRank].tailOf().name == first {
				t.Fatal("the descriptor that failed was synced again")
			}
			if got := ids(all(t, j, Event)); !slices.Equal(got, want) || notes.raised("journal.storage") {
				t.Fatal(got, notes.list)
			}
			fs.fail = nil
			j2, _ := open(t, small(fs.clone(), "b"))
			if got := ids(all(t, j2, Event)); !slices.Equal(got, want) {
				t.Fatal(got)
			}
			if b := readBooks(t, j2); len(b.gaps) != 0 {
				t.Fatalf("%+v", b.gaps)
			}
		})
	}
}

// TestDiskFailsAndComesBack shows a disk that takes nothing for a while: what is
// appended is in memory at once and is read behind what is on disk; when the disk is
// back it is there under the same numbers, without one lost or used twice.
func TestDiskFailsAndComesBack(t *testing.T) {
	for _, d := range []diskFault{
		{op: "write", err: syscall.EIO}, {op: "sync", err: syscall.EIO}, {op: "write", err: syscall.EROFS}, {op: "write", short: 64, err: syscall.ENOSPC}, {op: "open", err: syscall.EMFILE},
	} {
		t.Run(fmt.Sprintf("%s %v", d.op, d.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := newMemFS()
				r := start(t, small(fs, "a"))
				for i := range 10 {
					r.put(Event, rec(fmt.Sprint(i), 900))
				}
				fs.breakWith(d.hook())
				stored := 10 + r.fill()
				began := time.Now()
				var held *Held
				seq, err := r.Append(t.Context(), Alarm, []byte(`{"a":1}`))
				if !errors.Is(err, ErrVolatile) || !errors.As(err, &held) || !held.Still() || seq != 1 || time.Since(began) > 0 {
					t.Fatal(seq, err, time.Since(began))
				}
				for i := range 3 {
					if seq, err := r.Append(t.Context(), Event, []byte(`{"a":1}`)); !errors.Is(err, ErrVolatile) || seq != Seq(stored+i+1) {
						t.Fatal(seq, err)
					}
				}
				stored += 3
				if !r.raised("journal.storage") || !r.Stats().Down {
					t.Fatal("journal.storage is not raised")
				}
				if d.op != "open" && len(all(t, r.Journal, Event)) != stored || len(all(t, r.Journal, Alarm)) != 1 {
					t.Fatal("what is stored cannot be read")
				}
				r.Ack("run-a", Event, Range{Seq(stored - 1), Seq(stored - 1)})
				if n := r.Stats(); n.Volatile < 3 || n.Classes[Event].Next != Seq(stored+1) {
					t.Fatalf("%+v", n)
				}
				time.Sleep(10 * time.Second)
				if !r.raised("journal.storage") {
					t.Fatal("cleared too early")
				}
				fs.breakWith(nil)
				time.Sleep(retryEvery + time.Second)
				if r.raised("journal.storage") || held.Still() || r.Stats().Volatile != 0 {
					t.Fatal("the disk is back", r.raised("journal.storage"), held.Still(), r.Stats().Volatile)
				}
				if seq := r.put(Event, `{"a":1}`); seq != Seq(stored+1) {
					t.Fatal(seq, stored)
				}
				if got := all(t, r.Journal, Event); len(got) != stored {
					t.Fatal(len(got), stored)
				}
				r.close()
				j2, _ := open(t, small(fs.durableOnly(), "b"))
				if got := all(t, j2, Event); len(got) != stored || len(all(t, j2, Alarm)) != 1 || len(readBooks(t, j2).gaps) != 0 {
					t.Fatal(len(got), stored, readBooks(t, j2).gaps)
				}
			})
		})
	}
}

// breakWith sets the fault of a disk that is in use.
func (m *memFS) breakWith(hook func(op, name string) (int, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = hook
}

// fill appends until the disk takes nothing: a file that cannot be opened is
// noticed only when the segment is full. It returns how many were stored.
func (r *rig) fill() (stored int) {
	for stored < 30 {
		if _, err := r.Append(r.t.Context(), Event, []byte(rec(fmt.Sprint(stored), 900))); err != nil {
			if !errors.Is(err, ErrVolatile) {
				r.t.Fatal(err)
			}
			stored++
			break
		}
		stored++
	}
	return stored
}

// TestOpenWithoutDisk shows what the daemon meets that starts on a disk which is
// read-only or not there: a journal all the same, that reads what it can, and does
// all that an open has to do when the disk is back.
func TestOpenWithoutDisk(t *testing.T) {
	for _, d := range []diskFault{
		{op: "write", err: syscall.EROFS}, {op: "list", err: syscall.EACCES}, {op: "open", err: syscall.EACCES}, {op: "sync", err: syscall.EIO}, {op: "read", err: syscall.ENXIO},
	} {
		t.Run(fmt.Sprintf("%s %v", d.op, d.err), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fs := newMemFS()
				a, _ := open(t, small(fs, "a"))
				for i := range 10 {
					appendNow(t, a, Event, rec(fmt.Sprint(i), 900))
				}
				fs.fail = d.hook()
				r := start(t, small(fs, "b"))
				for i := range 3 {
					if seq, err := r.Append(t.Context(), Event, []byte(`{"a":1}`)); !errors.Is(err, ErrVolatile) || seq != Seq(i+1) || !r.raised("journal.storage") {
						t.Fatal(seq, err)
					}
				}
				r.Ack("run-b", Event, Range{1, 1})
				n, waits := 2, all(t, r.Journal, Event)
				if d.op == "write" || d.op == "sync" {
					n = 12 // with the backlog
				}
				if len(waits) != n || waits[n-1].ID != (ID{"run-b", Event, 3}) {
					t.Fatal(ids(waits))
				}
				time.Sleep(time.Minute)
				fs.breakWith(nil)
				time.Sleep(retryEvery + time.Second)
				if seq := r.put(Event, `{"a":1}`); seq != 4 {
					t.Fatal(seq)
				}
				b := readBooks(t, r.Journal)
				if c, ok := b.last("run-a", Event); !ok || c.Last != 10 || len(b.closed) != 1 || len(b.gaps) != 0 || r.raised("journal.storage") {
					t.Fatalf("%+v", b)
				}
				if got := ids(all(t, r.Journal, Event)); len(got) != 13 || got[10] != "run-b/2" || got[12] != "run-b/4" {
					t.Fatal(got)
				}
				r.close()
			})
		})
	}
}

// TestPromise05_FullDiskTakesFromTheLowest fills the disk under a journal whose budget is far from used up:
// the files that are there are written over, the oldest of the lowest class first,
// and results and the books are still taken.
func TestPromise05_FullDiskTakesFromTheLowest(t *testing.T) {
	fs := newMemFS()
	o := small(fs, "a")
	o.pool = 4
	j, notes := open(t, o)
	if err := j.fillAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	produced := 0
	for i := range 100 {
		appendNow(t, j, Telemetry, rec(fmt.Sprint(i), 900))
		produced++
	}
	j.fs = &growthFS{memFS: fs}
	for i := range 50 {
		appendNow(t, j, Event, rec(fmt.Sprint(i), 900))
		if i%10 == 0 {
			appendNow(t, j, Result, rec(fmt.Sprint(i), 100))
		}
	}
	if e, r := len(all(t, j, Event)), len(all(t, j, Result)); e != 50 || r != 5 {
		t.Fatalf("%d events and %d results", e, r)
	}
	kept := len(all(t, j, Telemetry))
	told := readBooks(t, j).accounted("run-a", Telemetry)
	if kept == 0 || kept+int(told.count(Range{1, 100})) != produced || !notes.raised("journal.dropped") {
		t.Fatal(kept, told)
	}
	if s := j.Stats().Classes[Telemetry]; s.Dropped != told.count(Range{1, 100}) {
		t.Fatalf("%+v", s)
	}
}
