package journal

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestAckReachesDisk shows when acknowledgements are written: behind a commit, or
// after 5 s, and then they survive a kill.
func TestAckReachesDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, Options{FS: fs, Run: "a"})
		for i := range 10 {
			r.put(Event, rec(fmt.Sprint(i), 100))
		}
		waits := func() int {
			j, _ := open(t, Options{FS: fs.durableOnly(), Run: "b"})
			return len(all(t, j, Event))
		}
		time.Sleep(time.Minute)
		r.Ack("a", Event, Range{1, 3})
		time.Sleep(ackDelay - time.Millisecond)
		if n := waits(); n != 10 {
			t.Fatal(n)
		}
		time.Sleep(2 * time.Millisecond)
		if n := waits(); n != 7 {
			t.Fatal(n)
		}
		time.Sleep(time.Minute)
		r.Ack("a", Event, Range{4, 4})
		r.put(Alarm, `{"a":1}`)
		synctest.Wait()
		if n := waits(); n != 6 {
			t.Fatal(n)
		}
		r.Ack("a", Event, Range{5, 5})
		r.close() // an end writes it too
		if n := waits(); n != 5 {
			t.Fatal(n)
		}
	})
}

// TestPromise08_IdleIsQuiet shows that a journal which has nothing to do fills its pool
// without a sync and then touches the disk no more.
func TestPromise08_IdleIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, Options{FS: fs, Run: "a", Budget: 64 << 20})
		r.put(Event, rec("x", 100))
		before := r.Stats()
		time.Sleep(10 * time.Minute)
		after := r.Stats()
		if after.Syncs != before.Syncs {
			t.Fatalf("%d syncs in idle time", after.Syncs-before.Syncs)
		}
		if after.Free+1 != 12 || after.Disk < 11<<20 || after.Written-before.Written > 12<<20 {
			t.Fatalf("%+v", after)
		}
		time.Sleep(10 * time.Minute)
		if again := r.Stats(); again.Written != after.Written {
			t.Fatal("still writing")
		}
		r.close()
	})
}

// TestSteadyState appends and acknowledges many times what the pool holds: files are
// overwritten, their number stays, and a commit costs one sync.
func TestSteadyState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, Options{FS: fs, Run: "a", segment: smallSegment, pool: 6, Budget: 64 * smallSegment})
		time.Sleep(time.Minute)
		before := r.Stats()
		const n = 2000
		for i := range n {
			seq := r.put(Event, rec(fmt.Sprint(i), 1000))
			r.Ack("a", Event, Range{1, seq})
			time.Sleep(100 * time.Millisecond)
		}
		after := r.Stats()
		if after.Disk != 6*smallSegment {
			t.Fatalf("%d bytes on disk", after.Disk)
		}
		perRecord := float64(after.Syncs-before.Syncs) / n
		if perRecord > 1.3 { // one, a header every 11 records, the state once a second
			t.Fatalf("%.2f syncs per record", perRecord)
		}
		r.close()
	})
}

// TestConditionsEnd shows journal.dropped and journal.damage cleared a minute after
// the last cause.
func TestConditionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		o := small(fs, "a")
		o.Classes = map[Class]Share{Event: {Ceiling: 2 * smallSegment}}
		r := start(t, o)
		for i := range 40 {
			r.put(Event, rec(fmt.Sprint(i), 1000))
		}
		for _, f := range fs.files {
			if len(f.data) > 2*pageSize {
				f.data[2*pageSize] ^= 1
			}
		}
		all(t, r.Journal, Event)
		synctest.Wait()
		if !r.raised("journal.dropped") || !r.raised("journal.damage") {
			t.Fatal(r.list)
		}
		time.Sleep(calmAfter + time.Second)
		if r.raised("journal.dropped") || r.raised("journal.damage") {
			t.Fatal(r.list)
		}
		r.close()
	})
}

// TestGrown shows that a reader is woken by a commit and by nothing else.
func TestGrown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{FS: newMemFS(), Run: "a"})
		synctest.Wait()
		for len(r.Grown()) > 0 {
			<-r.Grown()
		}
		r.put(Event, `{"a":1}`)
		synctest.Wait()
		select {
		case <-r.Grown():
		default:
			t.Fatal("no token after a commit")
		}
		time.Sleep(time.Minute)
		if len(r.Grown()) > 0 {
			t.Fatal("a token, and nothing new")
		}
		r.close()
	})
}

// TestAges shows the age of the oldest record by the monotonic clock in its run, by
// the wall clock in a later one, and unknown without it.
func TestAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		known := true
		now := func() (time.Time, bool) { return time.Now(), known }
		r := start(t, Options{FS: fs, Run: "a", Now: now})
		r.put(Event, rec("x", 100))
		time.Sleep(time.Hour)
		if age := r.Stats().Classes[Event].Oldest; age < time.Hour || age > time.Hour+time.Second {
			t.Fatal(age)
		}
		r.close()
		r = start(t, Options{FS: fs, Run: "b", Now: now})
		time.Sleep(time.Hour)
		s := r.Stats().Classes[Event]
		if s.Oldest < 2*time.Hour || s.Oldest > 2*time.Hour+time.Second || s.Records != 1 || s.Bytes != int64(len(rec("x", 100))) {
			t.Fatalf("%+v", s)
		}
		known = false
		if age := r.Stats().Classes[Event].Oldest; age != -1 {
			t.Fatal(age)
		}
		r.close()
	})
}

// countFS counts what is read.
type countFS struct {
	*memFS
	bytes int
}

type countFile struct {
	File
	fs *countFS
}

func (c *countFS) Open(name string, write bool) (File, error) {
	f, err := c.memFS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return countFile{f, c}, nil
}

func (f countFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	f.fs.bytes += n
	return n, err
}

// TestOpenReadsLittle opens a journal with many segments: two pages of each, and
// only the last one of a class is read through.
func TestOpenReadsLittle(t *testing.T) {
	fs := newMemFS()
	o := Options{FS: fs, Run: "a", segment: 256 << 10, pool: -1, Budget: 64 << 20}
	j, _ := open(t, o)
	for i := range 600 {
		appendNow(t, j, Event, rec(fmt.Sprint(i), 20000))
	}
	segs := len(j.current().streams[eventRank].segs)
	c := &countFS{memFS: fs.clone()}
	o.FS, o.Run = c, "b"
	j, _ = open(t, o)
	if segs < 40 || c.bytes > segs*2*pageSize+2*(256<<10)+16*pageSize {
		t.Fatalf("%d bytes read of %d segments", c.bytes, segs)
	}
	if s := j.Stats().Classes[Event]; s.Records != 600 || s.Bytes < 600*19000 {
		t.Fatalf("%+v", s)
	}
	c.bytes = 0
	o.Run = "c"
	j, _ = open(t, o)
	if c.bytes > (segs+2)*2*pageSize+2*(256<<10)+16*pageSize {
		t.Fatalf("%d bytes read of %d segments the second time", c.bytes, segs)
	}
	if n := len(all(t, j, Event)); n != 600 {
		t.Fatal(n)
	}
}
