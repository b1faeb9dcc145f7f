package tty_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/tty"
)

// holdEnv makes the test binary a second program that holds a port (TestMain).
const holdEnv = "EDGED_TEST_HOLD_PORT"

// TestMain lets the test binary play the other daemon: it opens the port, says
// what came of it and keeps it until its input ends.
func TestMain(m *testing.M) {
	path := os.Getenv(holdEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	_, err := tty.Open(tty.Config{Path: path, Baud: 9600})
	fmt.Println("opened:", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// Two daemons cannot open one port: here the other one is another process.
func TestTwoDaemonsCannotOpenOnePort(t *testing.T) {
	// The settings are read through the far end, which shares them.
	far, link := pair(t)
	first := open(t, link)
	before, err := unix.IoctlGetTermios(int(far.Fd()), unix.TCGETS)
	must(t, err)

	_, err = tty.Open(tty.Config{Path: link, Baud: 1200})
	var locked interface{ Locked() bool }
	if !errors.As(err, &locked) || !locked.Locked() || fault.Of(err) != fault.PortLost {
		t.Fatalf("second opener got %v", err)
	}
	for _, s := range []string{link, "second edged", "fuser"} {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
	// The refused one must not have touched the line's settings.
	after, err := unix.IoctlGetTermios(int(far.Fd()), unix.TCGETS)
	must(t, err)
	if before.Cflag != after.Cflag {
		t.Errorf("the refused opener changed the line: %x -> %x", before.Cflag, after.Cflag)
	}
	if said := other(t, link); strings.Contains(said, "<nil>") || !strings.Contains(said, "holds it") {
		t.Errorf("the other process said %q", said)
	}
	must(t, first.Close())
	if said := other(t, link); said != "opened: <nil>" {
		t.Errorf("after our close the other process said %q", said)
	}
	// The other process was ended without closing anything: no stale lock.
	open(t, link)
}

// other runs this binary as a second daemon and kills it when it has spoken.
func other(t *testing.T, path string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), holdEnv+"="+path)
	in, err := cmd.StdinPipe()
	must(t, err)
	defer func() { _ = in.Close() }()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	said := make([]byte, 4096)
	n, err := out.Read(said)
	must(t, err)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // its state is "killed"
	return strings.TrimSpace(string(said[:n]))
}

func TestNoDescriptorStaysBehind(t *testing.T) {
	_, link := pair(t)
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(all)
	}
	cycle := func() {
		p, err := tty.Open(tty.Config{Path: link, Baud: 9600})
		must(t, err)
		_, refused := tty.Open(tty.Config{Path: link, Baud: 9600})
		_, absent := tty.Open(tty.Config{Path: link + "x", Baud: 9600})
		if refused == nil || absent == nil {
			t.Fatal("opened twice, or what is not there")
		}
		must(t, p.Close())
		if _, wrong := tty.Open(tty.Config{Path: link, Baud: 9601}); wrong == nil {
			t.Fatal("opened with 9601 baud")
		}
	}
	cycle()
	before := count()
	for range 100 {
		cycle()
	}
	if after := count(); after != before {
		t.Fatalf("%d descriptors before, %d after 100 cycles", before, after)
	}
}
