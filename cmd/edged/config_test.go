package main_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/street"
)

// TestPromise57_LastGoodOneGoesOn: an unknown key, a broken and a half-written file are
// each refused at SIGHUP with their line, and what is being said goes on; a good one that
// changes a wire is applied by a new run.
func TestPromise57_LastGoodOneGoesOn(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Speech: slow()})
	raw, err := os.ReadFile(s.File)
	must(t, err)
	good := string(raw)
	id := speaking(t, s, long)
	for _, c := range []struct{ text, want string }{
		{good + "colour: red\n", ": colour: unknown key"},
		{strings.Replace(good, "baud: 9600", "baud: nine", 1), ": buses.uart-1.baud: "},
		{good[:len(good)*2/3], s.File + ":"},
		{"", s.File + ":1: the file is empty"},
		{"gateway: [", s.File + ":1: not valid YAML"},
	} {
		must(t, os.WriteFile(s.File, []byte(c.text), 0o600))
		seen := len(s.Service.Lines())
		must(t, s.Service.Hup())
		_, err := s.Service.WaitLine(within(t), seen, func(l process.Line) bool {
			return strings.HasPrefix(l.Text, s.File+":") && strings.Contains(l.Text, c.want)
		})
		must(t, err)
		_, err = s.Service.WaitLine(within(t), seen, func(l process.Line) bool { return l.Msg() == "configuration refused, the running one goes on" })
		must(t, err)
	}
	if !s.Horns[0].Chip.Speaking() {
		t.Error("a refused configuration has cut the announcement")
	}
	raised := func() bool {
		for _, e := range events(s, wire.TypeRaised) {
			if strings.Contains(string(e.Data), "config.refused") {
				return true
			}
		}
		return false
	}
	soon(t, "the condition", raised)
	must(t, os.WriteFile(s.File, []byte(strings.Replace(good, "baud: 9600", "baud: 9600, gap_ms: 30", 1)), 0o600))
	must(t, s.Service.Hup())
	must(t, s.Online(within(t)))
	r, err := s.Platform.Await(within(t), id, "horn-1")
	if err != nil || r.Reason != wire.Shutdown {
		t.Errorf("the good one begins a new run, so what was being said is cut: %+v %v", r, err)
	}
	if r := send(t, s, say("好")); r.Status != wire.Done {
		t.Errorf("after the reload: %+v", r)
	}
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("%d lives of the process", n)
	}
}

// TestBackToTheOneBefore: a configuration that is judged good and cannot be started gives
// way to the one before it.
func TestBackToTheOneBefore(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1})
	raw, err := os.ReadFile(s.File)
	must(t, err)
	// A state directory that another daemon holds.
	taken := t.TempDir()
	lock, err := os.OpenFile(filepath.Join(taken, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	defer func() { _ = lock.Close() }()
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	must(t, os.WriteFile(s.File, []byte(strings.Replace(string(raw), "dir: "+s.State, "dir: "+taken, 1)), 0o600))
	seen := len(s.Service.Lines())
	must(t, s.Service.Hup())
	_, err = s.Service.WaitLine(within(t), seen, func(l process.Line) bool {
		return l.Msg() == "configuration cannot be started, going back to the one before it"
	})
	must(t, err)
	must(t, s.Online(within(t)))
	if r := send(t, s, preset(4)); r.Status != wire.DoneUnverified {
		t.Errorf("%+v", r)
	}
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("%d lives of the process", n)
	}
}

// watched is a hook that notes which files were opened.
type watched struct {
	mu     sync.Mutex
	opened []string
}

func (w *watched) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.opened)
}

func (w *watched) Syscalls() []kernel.Syscall { return []kernel.Syscall{{Nr: unix.SYS_OPENAT}} }

func (w *watched) Handle(c *kernel.Call) kernel.Answer {
	if c.Nr == unix.SYS_OPENAT {
		if path, err := c.Text(c.Args[1]); err == nil {
			w.mu.Lock()
			w.opened = append(w.opened, path)
			w.mu.Unlock()
		}
	}
	return kernel.Continue()
}

// TestCheck: exit 0 and 1, the words on stderr, and no port, chip or state is touched.
func TestCheck(t *testing.T) {
	s := live(t, street.Options{Cold: true})
	raw, err := os.ReadFile(s.File)
	must(t, err)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	must(t, os.WriteFile(bad, bytes.Replace(raw, []byte("baud: 9600"), []byte("baud: 9601"), 1), 0o600))
	for file, want := range map[string]int{s.File: 0, bad: 1} {
		w := &watched{}
		var out, errs bytes.Buffer
		p, err := kernel.Start(within(t), kernel.Config{
			Path: edged(), Args: []string{"-lang", "en", "-check", file}, Stdout: &out, Stderr: &errs, Chips: []*kernel.Chip{s.Pins}, Hooks: []kernel.Hook{w},
		})
		must(t, err)
		code := 0
		var exit *exec.ExitError
		if err := p.Wait(); errors.As(err, &exit) {
			code = exit.ExitCode()
		} else {
			must(t, err)
		}
		if code != want || (errs.Len() == 0) != (want == 0) || (out.Len() == 0) == (want == 0) {
			t.Errorf("%s: exit %d, out %q, errors %q", file, code, out.String(), errs.String())
		}
		found := false
		for _, path := range w.all() {
			found = found || path == file
			if strings.HasPrefix(path, "/dev/") && path != "/dev/null" || strings.HasPrefix(path, s.State) || path == s.RS485.Link() || path == s.Horns[0].Wire.Link() {
				t.Errorf("-check has opened %s", path)
			}
		}
		if !found {
			t.Errorf("the hook has seen %q and not the file: this test shows nothing", w.all())
		}
	}
}

// TestUsage: -version, and what is no use of the program.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-version"}, 0, "edged v0.0.0-test"},
		{[]string{"-nonsense"}, 2, "flag provided but not defined"},
		{[]string{"-lang", "en", "check"}, 2, `unexpected argument "check"`},
		{[]string{"-lang", "zh", "-config", "/nonexistent/edged.yaml"}, 1, "/nonexistent/edged.yaml: 无法读取"},
	} {
		out, err := exec.CommandContext(within(t), edged(), c.args...).CombinedOutput()
		code := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: exit %d\n%s", c.args, code, out)
		}
	}
}
