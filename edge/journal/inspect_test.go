package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// onDisk is a journal with small segments in a real directory.
func onDisk(t *testing.T, dir, run string) *rig {
	t.Helper()
	return start(t, Options{Dir: dir, Run: wire.Run(run), Budget: 40 * smallSegment, segment: smallSegment, pool: 4})
}

func inspect(t *testing.T, dir string) *Inspection {
	t.Helper()
	i, err := Inspect(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// stream finds one stream's books.
func (i *Inspection) stream(run string, c Class) Stream {
	for _, s := range i.Streams() {
		if s.Run == wire.Run(run) && s.Class == c {
			return s
		}
	}
	return Stream{}
}

// snapshot is every file of a directory with its content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			all[path] = string(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestInspect: the books of two runs, one of them with drops, come out to the message
// beside the living journal and after it, and looking changes no byte.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	a := onDisk(t, dir, "run-a")
	for i := range 500 {
		a.put(Telemetry, rec(fmt.Sprint(i), 900))
	}
	for i := range 30 {
		a.put(Event, rec(fmt.Sprint(i), 900))
	}
	a.Ack("run-a", Event, Range{1, 10}, Range{20, 21})
	a.close()
	b := onDisk(t, dir, "run-b")
	b.put(Alarm, rec("fire", 300))
	live := a.Stats()
	for _, when := range []string{"beside the journal", "after it"} {
		before := snapshot(t, dir)
		i := inspect(t, dir)
		e, tel, al := i.stream("run-a", Event), i.stream("run-a", Telemetry), i.stream("run-b", Alarm)
		if e.Last != 30 || e.Done != 12 || e.Waiting != 18 || e.Told+e.Hurt != 0 || e.Live {
			t.Errorf("%s: %+v", when, e)
		}
		if tel.Last != 500 || tel.Told != live.Classes[Telemetry].Dropped || tel.Told == 0 || tel.Done+tel.Told+tel.Waiting+tel.Hurt != 500 {
			t.Errorf("%s: %+v, %d dropped", when, tel, live.Classes[Telemetry].Dropped)
		}
		if al.Waiting != 1 || !al.Live && when == "beside the journal" {
			t.Errorf("%s: %+v", when, al)
		}
		n := map[Class]int{}
		if err := i.Each(func(r Found) error {
			if !r.Done {
				n[r.ID.Class]++
			}
			return nil
		}); err != nil || n[Event] != 18 || uint64(n[Telemetry]) != tel.Waiting || n[Alarm] != 1 {
			t.Errorf("%s: %v %v", when, n, err)
		}
		if d := i.Verify(); len(d) != 0 || i.Run() != "run-b" {
			t.Errorf("%s: %+v", when, d)
		}
		if after := snapshot(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: a look has changed the directory", when)
		}
		if when == "beside the journal" {
			b.close()
		}
	}
}

// TestInspectWhileItIsWritten looks again and again at a journal that works and recycles
// its files: never a record that was not appended, never damage.
func TestInspectWhileItIsWritten(t *testing.T) {
	dir := t.TempDir()
	r := onDisk(t, dir, "run-a")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := r.Append(context.Background(), Event, []byte(fmt.Sprintf(`{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", i%700)))); err != nil {
				return
			}
			if i%50 == 0 {
				r.Ack("run-a", Event, Range{1, Seq(i - 20)})
			}
		}
	}()
	looks := 0
	for range 60 {
		i, err := Inspect(t.Context(), dir)
		if err != nil {
			continue // it gave files away all the time: said, and tried again
		}
		looks++
		if err := i.Each(func(f Found) error {
			if want := fmt.Sprintf(`{"n":%d,`, f.ID.Seq); !strings.HasPrefix(string(f.Data), want) {
				return fmt.Errorf("record %d is %.30s", f.ID.Seq, f.Data)
			}
			return nil
		}, Event); err != nil {
			t.Fatal(err)
		}
		for _, d := range i.Verify() {
			if d.What != "tail" {
				t.Fatalf("%+v", d)
			}
		}
	}
	close(stop)
	<-done
	if looks < 10 {
		t.Errorf("only %d of 60 looks came to an end", looks)
	}
	r.close()
}

// TestVerifyFindsDamage: a flipped bit, a wiped header, a file that is gone and a torn tail
// are each told as what they are, with their place.
func TestVerifyFindsDamage(t *testing.T) {
	build := func() string {
		dir := t.TempDir()
		r := onDisk(t, dir, "run-a")
		for i := range 40 {
			r.put(Event, rec(fmt.Sprint(i), 900))
		}
		r.stop()
		return dir
	}
	damage := func(dir string) string {
		var out []string
		for _, d := range inspect(t, dir).Verify() {
			out = append(out, fmt.Sprintf("%s %s %d-%d", d.What, d.File, d.Lost.First, d.Lost.Last))
		}
		return strings.Join(out, ", ")
	}
	change := func(dir, name string, how func([]byte) []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, how(b), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := build()
	if got := damage(dir); got != "" {
		t.Fatalf("a good one: %s", got)
	}
	first := ""
	for _, f := range inspect(t, dir).Files() {
		if f.Use == "sealed" && f.Class == Event && first == "" {
			first = f.Name
		}
	}
	change(dir, first, func(b []byte) []byte { b[pageSize+frameHead+1500] ^= 4; return b })
	if got := damage(dir); got != "records "+first+" 2-2" {
		t.Errorf("a flipped bit: %s", got)
	}
	dir = build()
	change(dir, first, func(b []byte) []byte { clear(b[:pageSize]); return b })
	if got := damage(dir); !strings.Contains(got, "header "+first) || !strings.Contains(got, "records  1-") {
		t.Errorf("a wiped header: %s", got)
	}
	dir = build()
	if err := os.Remove(filepath.Join(dir, first)); err != nil {
		t.Fatal(err)
	}
	if got := damage(dir); !strings.HasPrefix(got, "records  1-") {
		t.Errorf("a file that is gone: %s", got)
	}
}

// TestInspectRefuses: what is no journal, and what is of a newer version, is said so and
// left as it is.
func TestInspectRefuses(t *testing.T) {
	empty := t.TempDir()
	if _, err := Inspect(t.Context(), empty); !errors.Is(err, fault.BadInput) {
		t.Error(err)
	}
	if _, err := Inspect(t.Context(), filepath.Join(empty, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	newer := t.TempDir()
	if err := os.WriteFile(filepath.Join(newer, formatName), []byte("fuqiao journal 99\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(t.Context(), newer); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
}

// TestInspectRandomDamage mutates the directory of a real journal in many ways: a look never
// panics, and no record comes out changed.
func TestInspectRandomDamage(t *testing.T) {
	dir := t.TempDir()
	r := onDisk(t, dir, "run-a")
	want := map[Seq]string{}
	for i := range 60 {
		data := rec(fmt.Sprint(i), 100+i*13)
		want[r.put(Event, data)] = data
	}
	r.close()
	good := snapshot(t, dir)
	dice := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		for path, data := range good {
			b := []byte(data)
			for range dice.IntN(4) {
				switch at := dice.IntN(len(b) + 1); dice.IntN(3) {
				case 0:
					b = b[:at]
				case 1:
					if at < len(b) {
						b[at] ^= byte(1 << dice.IntN(8))
					}
				default:
					clear(b[at:min(len(b), at+dice.IntN(5000))])
				}
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		i, err := Inspect(t.Context(), dir)
		if err != nil {
			continue
		}
		i.Verify()
		i.Streams()
		i.Files()
		if err := i.Each(func(f Found) error {
			if f.ID.Class == Event && string(f.Data) != want[f.ID.Seq] {
				return fmt.Errorf("round %d: record %d has changed", round, f.ID.Seq)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
