package main_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// TestMain builds both programs once: the tests of this package let the real tool talk to
// the real daemon.
func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	os.Exit(withBinaries(m.Run))
}

// binaries names the directory where the programs are.
const binaries = "EDGECTL_UNDER_TEST"

func withBinaries(run func() int) int {
	dir, err := os.MkdirTemp("", "edgectl-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, name := range []string{"edged", "edgectl"} {
		build := exec.Command("go", "build", "-ldflags", "-X main.version=v0.0.0-test", "-o", filepath.Join(dir, name), "fuqiao/edged/cmd/"+name)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
	}
	if err := os.Setenv(binaries, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

func program(name string) string { return filepath.Join(os.Getenv(binaries), name) }

// within is a context that ends long after everything should have happened.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
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

// live stands a street up, quick of speech, and takes it down with the test.
func live(t *testing.T, o street.Options) *street.Street {
	t.Helper()
	o.Edged, o.Dir = program("edged"), t.TempDir()
	if o.Speech == (speech.Options{}) {
		o.Speech = speech.Options{Faster: 10, Lead: 10 * time.Millisecond}
	}
	o.Restart = -1
	s, err := street.New(within(t), o)
	must(t, err)
	t.Cleanup(func() {
		for _, v := range s.Violations() {
			t.Errorf("the law of the bus: %s", v)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tool is edgectl on one person's desk.
type tool struct{ env []string }

// desk gives the tool a certificate of its own and the operator's key.
func desk(t *testing.T, s *street.Street, name string) tool {
	t.Helper()
	pair, err := s.CA.Client("ctl-" + name)
	must(t, err)
	return tool{env: []string{
		"LC_ALL=en_US.UTF-8", "EDGECTL_BROKER=" + s.Broker.URL(), "EDGECTL_CA=" + s.CA.File(), "EDGECTL_CERT=" + pair.Cert,
		"EDGECTL_CERT_KEY=" + pair.Key, "EDGECTL_GATEWAY=" + street.Gateway, "EDGECTL_SIGN=" + s.Trust.OperatorKey, "EDGECTL_KID=" + s.Trust.Operator.Kid(),
	}}
}

// but is the same desk with one thing changed.
func (d tool) but(assignments ...string) tool {
	return tool{env: append(append([]string(nil), d.env...), assignments...)}
}

// command is edgectl with its arguments, ready to be started.
func (d tool) command(t *testing.T, args ...string) *exec.Cmd {
	c := exec.CommandContext(within(t), program("edgectl"), args...)
	c.Env = d.env
	return c
}

// ran is what a run of edgectl left behind.
type ran struct {
	code      int
	out, errs string
}

// run runs edgectl to its end.
func (d tool) run(t *testing.T, args ...string) ran {
	t.Helper()
	c := d.command(t, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return ran{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// expect fails unless the run ended with code and said all of words, on either stream.
func (r ran) expect(t *testing.T, code int, words ...string) {
	t.Helper()
	said := r.out + r.errs
	for _, w := range words {
		if !strings.Contains(said, w) {
			t.Errorf("does not say %q:\n%s", w, said)
		}
	}
	if r.code != code {
		t.Errorf("exit %d, want %d:\n%s", r.code, code, said)
	}
}
