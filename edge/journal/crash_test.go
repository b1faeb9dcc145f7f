package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"fuqiao/edged/edge/wire"
)

// world is what the outside knows of a journal that is cut off again and again.
type world struct {
	t  *testing.T
	mu sync.Mutex
	// stored are records whose Append returned, tried all that were given to it.
	stored  map[ID]string
	tried   map[string]bool
	sent    map[ID]string // given out by Next
	settled map[ID]bool   // acknowledged by the platform
	runs    []wire.Run
}

// life is one life of the daemon: appends by several writers, reads and
// acknowledgements at random, until the disk dies in the middle of operation ops.
func (w *world) life(fs *memFS, r *rand.Rand, ops int) {
	run := wire.Run(fmt.Sprintf("run%d", len(w.runs)))
	w.runs = append(w.runs, run)
	torn := rand.New(rand.NewPCG(r.Uint64(), 0))
	fs.fail = func(op, _ string) (int, error) {
		if op == "read" || op == "open" || op == "list" {
			return 0, nil
		}
		if ops--; ops < 0 {
			return torn.IntN(8 << 10), errDead
		}
		return 0, nil
	}
	j, _ := open(w.t, Options{FS: fs, Run: run, Budget: 20 << 14, segment: 16 << 10, pool: 5})
	w.check(j)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	var all sync.WaitGroup
	for k := range 3 {
		r := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
		all.Go(func() { w.write(j, run, k, r) })
	}
	all.Wait()
	cancel()
	<-done
}

// write appends, reads and acknowledges until the disk takes nothing.
func (w *world) write(j *Journal, run wire.Run, k int, r *rand.Rand) {
	for i := range 150 {
		c := []Class{Event, Event, Alarm, Result, Telemetry}[r.IntN(5)]
		if r.IntN(4) == 0 {
			w.deliver(j, c, r)
			continue
		}
		data := rec(fmt.Sprintf("%s-%d-%d", run, k, i), 40+r.IntN(3000))
		w.mu.Lock()
		w.tried[data] = true
		w.mu.Unlock()
		seq, err := j.Append(context.Background(), c, []byte(data))
		if err != nil {
			return
		}
		w.mu.Lock()
		w.stored[ID{run, c, seq}] = data
		w.mu.Unlock()
	}
}

func (w *world) deliver(j *Journal, c Class, r *rand.Rand) {
	got, err := j.Next(c, ID{}, 1+r.IntN(20), 0)
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range got {
		w.sent[x.ID] = string(x.Data)
		if r.IntN(5) > 1 {
			w.settled[x.ID] = true
			j.Ack(x.ID.Run, c, Range{x.ID.Seq, x.ID.Seq})
		}
	}
}

// check compares what an opened journal has with what it must have.
func (w *world) check(j *Journal) {
	b := readBooks(w.t, j)
	have := map[ID]string{}
	for _, c := range Classes() {
		var last ID
		for _, x := range all(w.t, j, c) {
			have[x.ID] = string(x.Data)
			if x.ID.Run == last.Run && x.ID.Seq <= last.Seq {
				w.t.Fatalf("%v after %v", x.ID, last)
			}
			last = x.ID
			if c != Gap && !w.tried[string(x.Data)] {
				w.t.Fatalf("phantom %v: %.60s", x.ID, x.Data)
			}
		}
	}
	for id, data := range w.stored {
		got, ok := have[id]
		switch {
		case ok && got != data:
			w.t.Fatalf("%v is %.60s, want %.60s", id, got, data)
		case !ok && !w.settled[id] && !b.accounted(id.Run, id.Class).has(id.Seq):
			w.t.Fatalf("%v was stored and is neither there nor accounted for", id)
		}
	}
	for _, g := range b.gaps {
		if g.Reason == string(reasonDamage) || g.Reason == string(reasonMissing) {
			for seq := g.First; seq <= g.Last; seq++ {
				if _, ok := w.stored[ID{g.Run, g.Class, seq}]; ok {
					w.t.Fatalf("stored record %s/%s/%d is said to be lost: %s", g.Run, g.Class, seq, g.Reason)
				}
			}
		}
	}
	for id := range w.stored { // whoever was closed is closed above all that was stored
		if c, ok := b.last(id.Run, id.Class); ok && c.Last < id.Seq {
			w.t.Fatalf("%s/%s closed at %d, but %d was stored", id.Run, id.Class, c.Last, id.Seq)
		}
	}
}

// TestPromise01_PowerCut cuts the power of a simulated disk at random points of many lives:
// every subset of the sectors written since the last sync may have reached it. All
// that Append acknowledged is there or was acknowledged by the platform, nothing is
// there that was not appended, and nothing that was stored is called damaged.
func TestPromise01_PowerCut(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := &world{t: t, stored: map[ID]string{}, tried: map[string]bool{}, sent: map[ID]string{}, settled: map[ID]bool{}}
			fs := newMemFS()
			for range 6 {
				w.life(fs, r, r.IntN(400))
				if r.IntN(3) == 0 {
					fs = fs.clone() // SIGKILL
				} else {
					fs = fs.cut(r)
				}
			}
			w.life(fs, r, 1<<30)
		})
	}
}

// lyingFS says that it has synced, and half of the time it has not.
type lyingFS struct {
	*memFS
	r *rand.Rand
}

type lyingFile struct {
	File
	fs *lyingFS
}

func (l *lyingFS) Open(name string, write bool) (File, error) {
	f, err := l.memFS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return lyingFile{f, l}, nil
}

func (f lyingFile) Sync() error {
	if f.fs.r.IntN(2) == 0 {
		return nil
	}
	return f.File.Sync()
}

// TestPromise02_LyingDisk: after a power cut on a disk that drops half of its flushes the
// journal opens, no record has another content, none is there that was not appended, and
// what is missing is told: each number up to the last one that run.closed names is there or
// in a gap record, and all above it is above it.
func TestPromise02_LyingDisk(t *testing.T) {
	missing := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		fs := newMemFS()
		o := small(&lyingFS{fs, r}, "a")
		j, _ := open(t, o)
		made := map[ID]string{}
		for i := range 20 + r.IntN(100) {
			c := []Class{Event, Alarm, Result}[r.IntN(3)]
			data := rec(fmt.Sprint(i), 100+r.IntN(900))
			made[ID{"run-a", c, appendNow(t, j, c, data)}] = data
		}
		after, _ := open(t, small(fs.cut(r), "b"))
		have := map[ID]bool{}
		for _, c := range []Class{Event, Alarm, Result} {
			for _, x := range all(t, after, c) {
				if made[x.ID] != string(x.Data) {
					t.Fatalf("seed %d: %v is %.40s", seed, x.ID, x.Data)
				}
				have[x.ID] = true
			}
		}
		if err := after.tellFound(); err != nil { // the committer tells what readers have met
			t.Fatal(err)
		}
		b := readBooks(t, after)
		for id := range made {
			closed, _ := b.last("run-a", id.Class)
			if !have[id] {
				missing++
				if id.Seq <= closed.Last && !b.accounted("run-a", id.Class).has(id.Seq) {
					t.Fatalf("seed %d: %v is missing, and nobody says so (closed at %d)", seed, id, closed.Last)
				}
			}
		}
	}
	if missing == 0 {
		t.Error("the disk has not lied")
	}
}
