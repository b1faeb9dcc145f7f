package main_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// TestMain builds the daemon once: all tests here work the real binary.
func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	os.Exit(withBinary(m.Run))
}

// binary is where the daemon is, below the directory that withBinary makes.
const binary = "EDGED_UNDER_TEST"

func withBinary(run func() int) int {
	dir, err := os.MkdirTemp("", "edged-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "edged")
	if out, err := exec.Command("go", "build", "-ldflags", "-X main.version=v0.0.0-test", "-o", path, "fuqiao/edged/cmd/edged").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binary, path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

// edged is the daemon's path.
func edged() string { return os.Getenv(binary) }

// within is a context that ends long after everything should have happened.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// live stands a street up, quick of speech, and takes it down with the test. A daemon that
// breaks the law of the bus has failed whatever is tested.
func live(t *testing.T, o street.Options) *street.Street {
	t.Helper()
	o.Edged, o.Dir = edged(), t.TempDir()
	if o.Speech == (speech.Options{}) {
		o.Speech = speech.Options{Faster: 10, Lead: 10 * time.Millisecond}
	}
	if o.Restart == 0 {
		o.Restart = 50 * time.Millisecond
	}
	s, err := street.New(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("the law of the bus: %s", v)
		}
		s.Platform.Look(func(b *platform.Books) {
			for _, m := range b.Bad {
				t.Errorf("against the contract: %s", m)
			}
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon waits until look is true.
func soon(t *testing.T, what string, look func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not seen: %s", what)
		}
	}
}

func say(text string, targets ...string) wire.Order {
	if len(targets) == 0 {
		targets = []string{"horn-1"}
	}
	return wire.Order{Target: targets, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: text}}
}

func preset(n int) wire.Order {
	return wire.Order{Target: []string{"dome-1"}, Action: wire.DomePreset, Args: &wire.PresetArgs{Preset: n, Do: "set"}}
}

// send sends an order and returns its terminal on its one device.
func send(t *testing.T, s *street.Street, o wire.Order) wire.Result {
	t.Helper()
	r, err := s.Send(within(t), o)
	must(t, err)
	return r
}

// heard is how often a text was said, in whole or in part.
func heard(s *street.Street, text string) (n int) {
	for _, h := range s.Horns {
		for _, u := range h.Chip.Utterances() {
			if u.Text == text {
				n++
			}
		}
	}
	return n
}

// stored is how often the dome has stored a preset.
func stored(s *street.Street, number int) (n int) {
	for _, c := range s.Domes[0].Changes() {
		if c.What == "preset set" && c.Number == number {
			n++
		}
	}
	return n
}

// restart ends the daemon by end and waits for the next life.
func restart(t *testing.T, s *street.Street, end func() error) {
	t.Helper()
	n := len(s.Service.Lives())
	must(t, end())
	must(t, s.Service.WaitReady(within(t), n+1))
	must(t, s.Online(within(t)))
}

// repeats waits until an order has been answered from the ledger n times.
func repeats(t *testing.T, s *street.Street, id string, n int) []wire.Result {
	t.Helper()
	var out []wire.Result
	soon(t, fmt.Sprintf("%d repeats of %s", n, id), func() bool {
		out = nil
		for _, r := range s.Platform.Results(id) {
			if r.What.Repeat {
				out = append(out, r.What.Result)
			}
		}
		return len(out) >= n
	})
	return out
}

// events are those of a type, each once.
func events(s *street.Street, typ string) (out []wire.CloudEvent) {
	s.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Type == typ && !e.Again {
				out = append(out, e.What)
			}
		}
	})
	return out
}
