package kernel

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// ends waits for a guest that must succeed, and returns its words.
func ends(t *testing.T, p *Process, out *lines) string {
	t.Helper()
	if err := p.Wait(); err != nil {
		t.Fatalf("%v; said:\n%s", err, out.String())
	}
	return out.String()
}

// board is a chip with two named lines and one without a name.
func board() *Chip { return NewChip("gpiochip0", "pinctrl-x", "A", "B", "") }

// TestListingShowsTheChips: gpioioctl and others find chips only by listing /dev.
func TestListingShowsTheChips(t *testing.T) {
	out := newLines()
	absent := NewChip("gpiochip7", "expander", "C")
	absent.Remove()
	if got := ends(t, start(t, "list", out, []*Chip{board(), absent}, nil), out); got != "gpiochip0\n" {
		t.Fatalf("/dev lists %q", got)
	}
}

// TestStorm: a thousand switches and read-backs under a hail of signals: none is
// lost, none is done twice.
func TestStorm(t *testing.T) {
	out, c := newLines(), board()
	t.Logf("one SET and one GET take %s", strings.TrimSpace(ends(t, start(t, "storm", out, []*Chip{c}, nil), out)))
	// The line is active low and starts low: "off" moves it up once.
	if n := len(c.Edges()); n != 1001 {
		t.Fatalf("%d edges, want 1001", n)
	}
}

// TestNoRootNeeded does the storm from a testbench that runs as uid 1000.
func TestNoRootNeeded(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVar+"=unprivileged", "TMPDIR=/tmp")
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	}
	got, err := cmd.CombinedOutput()
	if err != nil || strings.HasPrefix(string(got), "uid 0") || !strings.Contains(string(got), " edges 1001\n") {
		t.Fatalf("%v: %s", err, got)
	}
}

// TestRefusals: the stand-in is as strict as the kernel.
func TestRefusals(t *testing.T) {
	out := newLines()
	ends(t, start(t, "refusals", out, []*Chip{board()}, nil), out)
}

// TestLevelsOutliveTheOwner: one edge per change of level and none for the death;
// while the owner lives the line is busy, then it is free.
func TestLevelsOutliveTheOwner(t *testing.T) {
	c := board()
	first, second := newLines(), newLines()
	p := start(t, "hold", first, []*Chip{c}, nil, "on")
	saw(t, first, "holding")
	if who, pid, held := c.Owner(0); !held || pid != p.Pid() || who != "guest" {
		t.Fatalf("owner %q %d %v", who, pid, held)
	}
	if err := start(t, "hold", second, []*Chip{c}, nil).Wait(); err == nil || !strings.Contains(second.String(), "busy") {
		t.Fatalf("%v: %s", err, second.String())
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if _, _, held := c.Owner(0); held || !c.Level(0) || len(c.Edges()) != 1 {
		t.Fatalf("held %v, level %v, edges %v", held, c.Level(0), c.Edges())
	}
	third := newLines()
	p = start(t, "hold", third, []*Chip{c}, nil)
	if err := c.WaitLevel(within(t), 0, false); err != nil {
		t.Fatal(err)
	}
	saw(t, third, "holding")
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ends(t, p, third)
	r := c.Requests()
	if len(r) != 2 || !slices.Equal(r[1].Outputs, []bool{true, true}) || !slices.Equal(r[1].Levels, []bool{false, false}) {
		t.Fatalf("requests %+v", r)
	}
	if e := c.Edges(); e[0].Why != "set" || e[1].Why != "request" || e[1].At.Before(e[0].At) {
		t.Fatalf("edges %+v", e)
	}
}

// TestABlinkIsSeen: what periph's first Out(High) does to a line that rests high is
// recorded as the two edges that it is, and so is an output that becomes an input.
func TestABlinkIsSeen(t *testing.T) {
	out, c := newLines(), board()
	c.Drive(0, true)
	ends(t, start(t, "switch", out, []*Chip{c}, nil), out)
	var got []string
	for _, e := range c.Edges() {
		got = append(got, e.Why)
	}
	if !slices.Equal(got, []string{"drive", "config", "set", "config"}) || c.Level(0) {
		t.Fatalf("edges %v", got)
	}
}

// TestEvents: edges of a driven input arrive with logical direction, numbers and
// the kernel's clock; an unplugged chip ends the reading.
func TestEvents(t *testing.T) {
	out, c := newLines(), board()
	p := start(t, "events", out, []*Chip{c}, nil)
	saw(t, out, "listening")
	if !c.Level(1) {
		t.Fatal("not pulled up")
	}
	c.Drive(1, false)
	c.Drive(1, true)
	c.Drive(1, false)
	for _, want := range []string{"edge 1 1 1 1 true", "edge 2 1 2 2 true", "edge 1 1 3 3 true"} {
		saw(t, out, want)
	}
	c.Remove()
	saw(t, out, "end 0 <nil>")
	ends(t, p, out)
}

// TestDisk: each fault meets the calls that it was set for, at its time, and files
// elsewhere are left alone.
func TestDisk(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	d := NewDisk(dir)
	run := func(where string) string {
		out := newLines()
		return ends(t, start(t, "disk", out, nil, []Hook{d}, where), out)
	}
	const good = "open true\n" + "pwrite none fdatasync none\n" + "pwrite none fdatasync none\n" + "pwrite none fdatasync none\n" + "rename none\n"
	if got := run(dir); got != good {
		t.Fatalf("before any fault:\n%s", got)
	}
	d.Fail(unix.SYS_FDATASYNC, unix.EIO, 1, 1)
	d.Fail(unix.SYS_PWRITE64, unix.ENOSPC, 2, 0)
	d.Fail(unix.SYS_RENAMEAT, unix.EROFS, 0, 0)
	if got := run(other); got != good || d.Failed() != 0 {
		t.Fatalf("elsewhere, %d failed:\n%s", d.Failed(), got)
	}
	want := "open true\n" + "pwrite none fdatasync none\n" + "pwrite none fdatasync EIO\n" + "pwrite ENOSPC fdatasync none\n" + "rename EROFS\n"
	if got := run(dir); got != want || d.Failed() != 3 {
		t.Fatalf("with faults, %d failed:\n%s", d.Failed(), got)
	}
	d.Fail(unix.SYS_OPENAT, unix.EROFS, 0, 1)
	if got := run(dir); got != "open false\n" {
		t.Fatalf("read-only:\n%s", got)
	}
	d.Heal()
	if got := run(dir); got != good {
		t.Fatalf("healed:\n%s", got)
	}
}

// TestClock: the program is told what the testbench says of the clock.
func TestClock(t *testing.T) {
	out, k := newLines(), NewClock()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	p, err := startAs("clock", out, nil, []Hook{k}, r)
	if err != nil {
		t.Fatal(err)
	}
	saw(t, out, "clock 5 64 16000000 <nil> true")
	k.Sync(2 * time.Millisecond)
	if _, err := w.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	saw(t, out, "clock 0 0 2000 <nil> true")
	k.Lose()
	_, _ = w.WriteString("\n")
	ends(t, p, out)
}

// TestPort: a pty takes RS-485 settings, shows modem lines and counts errors.
func TestPort(t *testing.T) {
	pts := openPty(t)
	port := NewPort(pts)
	port.Count(Counts{Parity: 3, Break: 1})
	out := newLines()
	if got := ends(t, start(t, "port", out, nil, []Hook{port}, pts), out); got != "port none <nil> <nil> <nil> 3 1 true\n" {
		t.Fatal(got)
	}
	if m := port.Modem(); len(m) != 2 || m[0].Bits != unix.TIOCM_RTS || m[1].Bits != 0 {
		t.Fatalf("modem lines %v", m)
	}
	if rs := port.RS485(); rs != (RS485{1, 2, 3}) {
		t.Fatalf("%+v", rs)
	}
	port.NoRS485()
	out = newLines()
	if got := ends(t, start(t, "port", out, nil, []Hook{port}, pts), out); !strings.HasPrefix(got, "port ENOTTY <nil> <nil>") {
		t.Fatal(got)
	}
}

// TestStartSaysWhatIsWrong: the errors of Start, and no goroutine left behind.
func TestStartSaysWhatIsWrong(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	if _, err := Start(t.Context(), Config{Path: "/nowhere/edged", Chips: []*Chip{board()}}); err == nil || !strings.Contains(err.Error(), "exec /nowhere/edged: no such file") {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Config{Path: "/bin/true", Hooks: []Hook{greedy{}}}); err == nil || !strings.Contains(err.Error(), "every ioctl") {
		t.Fatal(err)
	}
	if _, err := auditArch("vax"); err == nil {
		t.Fatal("a filter for an unknown machine")
	}
	if _, err := unpackFilter("00"); err == nil {
		t.Fatal("half an instruction was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := newLines()
	p, err := Start(ctx, Config{Path: "/proc/self/exe", Env: append(os.Environ(), roleVar+"=hold"), Stdout: out, Chips: []*Chip{board()}})
	if err != nil {
		t.Fatal(err)
	}
	saw(t, out, "holding")
	cancel()
	if err := p.Wait(); err == nil {
		t.Fatal("the end of ctx did not end the program")
	}
}

// greedy is a hook that asks for too much.
type greedy struct{}

func (greedy) Syscalls() []Syscall { return []Syscall{{Nr: unix.SYS_IOCTL}} }
func (greedy) Handle(*Call) Answer { return Continue() }

// openPty makes a pty and returns its slave's path.
func openPty(t *testing.T) string {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	if err := unix.IoctlSetPointerInt(int(m.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(m.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return "/dev/pts/" + strconv.Itoa(n)
}
