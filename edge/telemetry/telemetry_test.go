package telemetry

import (
	"context"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

// rig is a reporter with one value and a link that comes and goes.
type rig struct {
	*Reporter
	mu     sync.Mutex
	value  float64
	online bool
	known  bool
	sent   []sent
	kept   int
}

type sent struct {
	after time.Duration
	names []string
	pack  wire.Pack
}

func newRig(t *testing.T, every time.Duration) *rig {
	r := &rig{online: true, known: true}
	began := time.Now()
	r.Reporter = New(Config{
		Base: "urn:dev:ops:fuqiao-gw-1:", Every: every, Log: slog.New(slog.DiscardHandler), Began: began,
		Sources: []Source{func() []Value {
			r.mu.Lock()
			defer r.mu.Unlock()
			return []Value{{"moving", "B", r.value, 10}, {"still", "", 7, 0}}
		}},
		Now:    func() (time.Time, bool) { return time.Now(), r.known },
		Online: func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.online },
		Publish: func(raw []byte) {
			var p wire.Pack
			if err := wire.Unmarshal(raw, &p); err != nil {
				t.Error(err)
			}
			if err := p.Validate(); err != nil {
				t.Error(err)
			}
			s := sent{after: time.Since(began), pack: p}
			for _, v := range p {
				s.names = append(s.names, v.Name)
			}
			r.sent = append(r.sent, s)
		},
		Keep: func(context.Context, []byte) error { r.kept++; return nil },
	})
	return r
}

// run runs the reporter in a bubble for d, and calls at at the given times.
func (r *rig) run(t *testing.T, d time.Duration, at map[time.Duration]func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.Run(ctx) }()
	for s := time.Duration(0); s < d; s += time.Second {
		synctest.Wait()
		if f := at[s]; f != nil {
			r.mu.Lock()
			f()
			r.mu.Unlock()
		}
		time.Sleep(time.Second)
	}
	cancel()
	<-done
}

// TestPacks: a full pack at the interval; in between what moved by its step, at most
// every 30 s, and nothing else.
func TestPacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 300*time.Second)
		r.run(t, 302*time.Second, map[time.Duration]func(){
			10 * time.Second:  func() { r.value = 9 },   // less than its step
			70 * time.Second:  func() { r.value = 100 }, // told at 90 s
			91 * time.Second:  func() { r.value = 200 }, // told at 120 s, with what followed
			100 * time.Second: func() { r.value = 300 },
		})
		var after []time.Duration
		for _, s := range r.sent {
			after = append(after, s.after)
		}
		if !slices.Equal(after, []time.Duration{0, 90 * time.Second, 120 * time.Second, 300 * time.Second}) {
			t.Fatalf("packs after %v", after)
		}
		full, some := r.sent[0], r.sent[2]
		if !slices.Equal(full.names, []string{"moving", "still", "mono"}) || !slices.Equal(some.names, []string{"moving", "mono"}) || *some.pack[0].Value != 300 {
			t.Errorf("full %v, some %v", full.names, some.pack)
		}
		if full.pack[0].BaseName != "urn:dev:ops:fuqiao-gw-1:" || full.pack[0].BaseTime != float64(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix()) {
			t.Errorf("base %q %v", full.pack[0].BaseName, full.pack[0].BaseTime)
		}
	})
}

// TestOffline: without a session nothing is published; a summary is kept every 5 min.
func TestOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 60*time.Second)
		r.known = false
		r.run(t, 1000*time.Second, map[time.Duration]func(){
			30 * time.Second:  func() { r.online = false },
			940 * time.Second: func() { r.online = true },
		})
		if r.kept != 3 || len(r.sent) != 2 {
			t.Errorf("%d kept, %d sent", r.kept, len(r.sent))
		}
		if r.sent[0].pack[0].BaseTime != 0 {
			t.Error("a time that is not known was told")
		}
	})
}

// TestNotFinite: one sick source costs its own value only.
func TestNotFinite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 60*time.Second)
		r.value = math.NaN()
		r.run(t, time.Second, nil)
		if len(r.sent) != 1 || !slices.Equal(r.sent[0].names, []string{"still", "mono"}) {
			t.Errorf("%+v", r.sent)
		}
	})
}

func write(t *testing.T, text string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBox: values from the kernel's files; a box without a sensor, or with a file that is
// not as expected, has fewer of them.
func TestBox(t *testing.T) {
	dir := t.TempDir()
	proc, sys := filepath.Join(dir, "proc"), filepath.Join(dir, "sys")
	b := &Box{proc: proc, sys: sys, dir: dir}
	read := func() map[string]float64 {
		out := map[string]float64{}
		for _, v := range b.Values() {
			out[v.Name] = v.V
		}
		return out
	}
	if v := read(); len(v) != 1 || v["disk/free"] == 0 {
		t.Errorf("of nothing but a disk: %v", v)
	}
	write(t, "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 …\n", proc, "stat")
	write(t, "MemTotal: 262144 kB\nMemAvailable:     1024 kB\n", proc, "meminfo")
	write(t, "Name:\tedged\nVmRSS:\t   15872 kB\n", proc, "self/status")
	write(t, "48312\n", sys, "class/thermal/thermal_zone0/temp")
	v := read()
	if v["cpu"] != 0.2 || v["mem/available"] != 1<<20 || v["mem/rss"] != 15872<<10 || v["temperature/0"] != 48.312 {
		t.Errorf("%v", v)
	}
	write(t, "cpu  150 0 150 750 150 0 0 0 50 0\n", proc, "stat")
	if v := read(); v["cpu"] != 0.5 {
		t.Errorf("cpu %v, want one half of the last 200 ticks", v["cpu"])
	}
	write(t, "cpu  150 0 150 750 140 0 0 0 50 0\n", proc, "stat") // iowait went back
	if v, ok := read()["cpu"]; ok {
		t.Errorf("cpu %v of a counter that went back", v)
	}
	write(t, "cpu  x\n", proc, "stat")
	write(t, "hot\n", sys, "class/thermal/thermal_zone0/temp")
	v = read()
	if _, ok := v["cpu"]; ok || len(v) != 3 {
		t.Errorf("%v", v)
	}
}
