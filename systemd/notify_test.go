package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestPromise52_NotifySocket: what the service manager hears, on a socket like its own.
func TestPromise52_NotifySocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	buf := make([]byte, 256)
	for _, c := range []struct {
		say  func() error
		want string
	}{
		{Ready, "READY=1"}, {Reloading, "RELOADING=1"}, {Stopping, "STOPPING=1"}, {Alive, "WATCHDOG=1"},
		{func() error { return Status("12 devices, uplink up") }, "STATUS=12 devices, uplink up"},
	} {
		if err := c.say(); err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		_ = l.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, err := l.Read(buf)
		if got := string(buf[:n]); err != nil || got != c.want {
			t.Errorf("heard %q (%v), want %q", got, err, c.want)
		}
	}
}

// TestWatchdogEvery: the manager's time counts only for the process that it names.
func TestWatchdogEvery(t *testing.T) {
	me := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
		good      bool
	}{
		{"10000000", me, 10 * time.Second, true}, {"", "", 0, true}, {"10000000", "1", 0, true}, {"ten", me, 0, false},
	} {
		t.Setenv("WATCHDOG_USEC", c.usec)
		t.Setenv("WATCHDOG_PID", c.pid)
		if got, err := WatchdogEvery(); got != c.want || (err == nil) != c.good {
			t.Errorf("%s for %s: %v, %v", c.usec, c.pid, got, err)
		}
	}
}

// TestWithoutManager: nobody to tell is no error.
func TestWithoutManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	for _, say := range []func() error{Ready, Reloading, Stopping, Alive} {
		if err := say(); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if err := Ready(); err == nil {
		t.Error("a manager that is not there was told")
	}
}
