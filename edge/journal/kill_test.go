package journal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

const childDir = "JOURNAL_CHILD_DIR"

// TestMain is also the program that TestCrash_NothingAcknowledgedIsLost kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir, wire.Run(os.Getenv("JOURNAL_CHILD_RUN")))
		return
	}
	os.Exit(m.Run())
}

// payload is a record that shows whether it is whole.
type payload struct {
	Run  wire.Run `json:"run"`
	N    string   `json:"n"`
	Pad  string   `json:"pad"`
	Sum  uint32   `json:"sum"`
	Type string   `json:"type"`
}

func (p payload) sum() uint32 { return crc32.ChecksumIEEE([]byte(string(p.Run) + p.N + p.Pad)) }

// child appends and acknowledges from many goroutines until it is killed. It says
// "stored class seq n" after an Append has returned, and "settled class seq"
// before an Ack, each in one write to the pipe.
func child(dir string, run wire.Run) {
	j, err := journal.Open(context.Background(), journal.Options{Dir: dir, Run: run, Budget: 16 << 20})
	if err != nil {
		panic(err)
	}
	go func() { panic(j.Run(context.Background())) }()
	for w := range 12 {
		go func() {
			r := rand.New(rand.NewPCG(rand.Uint64(), 0))
			classes := []journal.Class{journal.Result, journal.Alarm, journal.Event, journal.Event, journal.Telemetry}
			for i := 0; ; i++ {
				c := classes[r.IntN(len(classes))]
				p := payload{Run: run, N: fmt.Sprintf("%d-%d", w, i), Pad: strings.Repeat("x", r.IntN(1500)), Type: "test"}
				p.Sum = p.sum()
				b, err := json.Marshal(p)
				if err != nil {
					panic(err)
				}
				seq, err := j.Append(context.Background(), c, b)
				if err != nil {
					panic(err)
				}
				say("stored %s %d %s\n", c, seq, p.N)
				if r.IntN(2) == 0 {
					say("settled %s %d\n", c, seq)
					j.Ack(run, c, journal.Range{First: seq, Last: seq})
				}
			}
		}()
	}
	select {}
}

func say(format string, args ...any) {
	if _, err := fmt.Fprintf(os.Stdout, format, args...); err != nil {
		panic(err)
	}
}

// outside is what the parent knows.
type outside struct {
	stored  map[journal.ID]string
	settled map[journal.ID]bool
	highest map[journal.ID]journal.Seq // by run and class
}

// TestCrash_NothingAcknowledgedIsLost kills a process with SIGKILL at random
// points of a stream of appends and acknowledgements on a real disk, again and
// again in the same directory. Every record whose Append had returned is there or
// was acknowledged; every record there is whole, was appended, and the numbers have
// no hole; run.closed says where each class ended.
func TestCrash_NothingAcknowledgedIsLost(t *testing.T) {
	dir := t.TempDir()
	o := outside{map[journal.ID]string{}, map[journal.ID]bool{}, map[journal.ID]journal.Seq{}}
	total := 0
	for life := range 10 {
		run := wire.Run(fmt.Sprintf("%016x", life+1))
		total += o.live(t, dir, run, 20+rand.IntN(400))
		o.check(t, dir, wire.Run(fmt.Sprintf("check%d", life)))
	}
	if total < 500 {
		t.Fatalf("only %d records were stored: nothing is shown", total)
	}
}

// live runs one child and kills it after so many lines.
func (o *outside) live(t *testing.T, dir string, run wire.Run, lines int) (stored int) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, "JOURNAL_CHILD_RUN="+string(run))
	var noise strings.Builder
	cmd.Stderr = &noise
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lives := bufio.NewScanner(out)
	for n := 0; lives.Scan(); n++ {
		var c journal.Class
		var seq journal.Seq
		var what, who string
		if k, _ := fmt.Sscan(lives.Text(), &what, &c, &seq, &who); k < 3 {
			t.Fatalf("the child said %q", lives.Text())
		}
		id := journal.ID{Run: run, Class: c, Seq: seq}
		if what == "stored" {
			if old, twice := o.stored[id]; twice {
				t.Fatalf("%v was given to %s and to %s", id, old, who)
			}
			o.stored[id] = who
			stored++
		} else {
			o.settled[id] = true
		}
		if n >= lines {
			once.Do(func() { _ = cmd.Process.Kill() }) // what it still said is in the pipe: read on
		}
	}
	if err := cmd.Wait(); err == nil || strings.Contains(noise.String(), "panic") {
		t.Fatalf("the child ended by itself: %v\n%s", err, noise.String())
	}
	return stored
}

// check opens the directory as the next life does.
func (o *outside) check(t *testing.T, dir string, run wire.Run) {
	j, err := journal.Open(t.Context(), journal.Options{Dir: dir, Run: run, Budget: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	there := map[journal.ID]bool{}
	for _, c := range journal.Classes() {
		var after journal.ID
		for {
			got, err := j.Next(c, after, 100, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 {
				break
			}
			for _, r := range got {
				there[r.ID] = true
				o.judge(t, r)
			}
			after = got[len(got)-1].ID
		}
	}
	for id, who := range o.stored {
		if !there[id] && !o.settled[id] {
			t.Fatalf("%v (%s) was acknowledged to its producer and is lost", id, who)
		}
	}
	for key, last := range o.highest {
		for seq := journal.Seq(1); seq <= last; seq++ {
			id := journal.ID{Run: key.Run, Class: key.Class, Seq: seq}
			if !there[id] && !o.settled[id] {
				t.Fatalf("%v is missing below the last good number %d", id, last)
			}
		}
	}
	if err := j.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// judge looks at one record that came back.
func (o *outside) judge(t *testing.T, r journal.Record) {
	if r.ID.Class == journal.Gap {
		var e struct {
			Type string         `json:"type"`
			Data journal.Closed `json:"data"`
		}
		if err := json.Unmarshal(r.Data, &e); err != nil || e.Type != wire.TypeRunClosed {
			t.Fatalf("%v: %s: a record was lost, or %v", r.ID, r.Data, err)
		}
		key := journal.ID{Run: e.Data.Run, Class: e.Data.Class}
		o.highest[key] = max(o.highest[key], e.Data.Last)
		for id := range o.stored {
			if id.Run == key.Run && id.Class == key.Class && id.Seq > e.Data.Last {
				t.Fatalf("%v was stored, but its run is closed at %d", id, e.Data.Last)
			}
		}
		return
	}
	var p payload
	if err := json.Unmarshal(r.Data, &p); err != nil || p.Sum != p.sum() || p.Run != r.ID.Run {
		t.Fatalf("phantom %v: %v", r.ID, err)
	}
	if who, ok := o.stored[r.ID]; ok && who != p.N {
		t.Fatalf("%v was %s and is %s", r.ID, who, p.N)
	}
}
