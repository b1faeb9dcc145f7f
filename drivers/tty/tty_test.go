package tty_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/tty"
)

// pair makes a pseudo terminal and a link to it, as udev makes them for adapters.
// The far end belongs to the test; ours is closed, so that unplugging is real.
func pair(t *testing.T) (far *os.File, link string) {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	link = filepath.Join(t.TempDir(), "by-path-1")
	if err := os.Symlink(near.Name(), link); err != nil {
		t.Fatal(err)
	}
	if err := near.Close(); err != nil {
		t.Fatal(err)
	}
	return far, link
}

func open(t *testing.T, path string) *tty.Port {
	t.Helper()
	p, err := tty.Open(tty.Config{Path: path, Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestBytesPassBothWaysUnchanged(t *testing.T) {
	far, link := pair(t)
	p := open(t, link)
	// Every byte that a terminal likes to eat or to change: CR, LF, XON, XOFF,
	// ^C, ^D, and the parity mark FF.
	all := []byte{0x00, 0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13, 0x7F, 0x80, 0xFF, 0xFF}
	if _, err := p.Write(all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	if _, err := io.ReadFull(far, got); err != nil || string(got) != string(all) {
		t.Fatalf("out: % X, %v", got, err)
	}
	if _, err := far.Write(all); err != nil {
		t.Fatal(err)
	}
	deadline(t, p, 5*time.Second)
	if _, err := io.ReadFull(p, got); err != nil || string(got) != string(all) {
		t.Fatalf("in: % X, %v", got, err)
	}
}

func deadline(t *testing.T, p *tty.Port, in time.Duration) {
	t.Helper()
	if err := p.SetReadDeadline(time.Now().Add(in)); err != nil {
		t.Fatal(err)
	}
}

func TestSilenceEndsAtTheDeadlineNotInTenthsOfSeconds(t *testing.T) {
	_, link := pair(t)
	p := open(t, link)
	began := time.Now()
	for range 5 {
		deadline(t, p, 2*time.Millisecond)
		if _, err := p.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("silence reads as %v", err)
		}
	}
	// tarm alone would take 5 × 100 ms.
	if took := time.Since(began); took < 10*time.Millisecond || took > 400*time.Millisecond {
		t.Fatalf("5 deadlines of 2 ms took %v", took)
	}
}

func TestCloseEndsAWaitingRead(t *testing.T) {
	_, link := pair(t)
	p := open(t, link)
	ended := make(chan error)
	go func() {
		_, err := p.Read(make([]byte, 8))
		ended <- err
	}()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, fault.PortLost) {
			t.Fatalf("read ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the read still waits")
	}
	if err := p.Close(); err != nil {
		t.Fatalf("second close: %v", err)
	}
}

func TestUnplugIsPortLostAtOnce(t *testing.T) {
	far, link := pair(t)
	p := open(t, link)
	deadline(t, p, time.Minute)
	if err := far.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(make([]byte, 8)); fault.Of(err) != fault.PortLost {
		t.Fatalf("read after unplug: %v", err)
	}
	if _, err := p.Write([]byte{1}); fault.Of(err) != fault.PortLost {
		t.Fatalf("write after unplug: %v", err)
	}
}

func TestSilentDeviceWhoseNameIsGoneIsLost(t *testing.T) {
	for name, change := range map[string]func(*testing.T, string){
		"link removed": func(t *testing.T, link string) { must(t, os.Remove(link)) },
		"link leads to another port": func(t *testing.T, link string) {
			_, other := pair(t)
			must(t, os.Rename(other, link))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, link := pair(t) // the far end stays open: no EOF, no EIO
			p := open(t, link)
			change(t, link)
			deadline(t, p, time.Millisecond)
			if _, err := p.Read(make([]byte, 8)); fault.Of(err) != fault.PortLost {
				t.Fatalf("read: %v", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSpeedIsSet(t *testing.T) {
	// A pseudo terminal keeps the speed and drops the parity bit by itself
	// (drivers/tty/pty.c of Linux), so only the speed can be seen here.
	for baud, want := range map[int]uint32{1200: unix.B1200, 2400: unix.B2400, 9600: unix.B9600, 115200: unix.B115200} {
		far, near, err := pty.Open()
		must(t, err)
		p, err := tty.Open(tty.Config{Path: near.Name(), Baud: baud, Parity: "even"})
		must(t, err)
		got, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
		must(t, err)
		if got.Cflag&unix.CBAUD != want || got.Lflag != 0 || got.Oflag != 0 {
			t.Errorf("%d baud: flags %+v", baud, got)
		}
		must(t, p.Close())
		must(t, near.Close())
		must(t, far.Close())
	}
}

func TestRefusals(t *testing.T) {
	_, link := pair(t)
	plain := filepath.Join(t.TempDir(), "plain")
	must(t, os.WriteFile(plain, nil, 0o600))
	for name, c := range map[string]struct {
		config tty.Config
		class  fault.Class
		says   []string
	}{
		"no such port": {tty.Config{Path: link + "x", Baud: 9600}, fault.PortLost, []string{link + "x", "no such file"}},
		"plain file":   {tty.Config{Path: plain, Baud: 9600}, fault.BadInput, []string{plain, "no character device"}},
		"odd speed":    {tty.Config{Path: link, Baud: 9601}, fault.BadInput, []string{"9601"}},
		"mark parity":  {tty.Config{Path: link, Baud: 9600, Parity: "mark"}, fault.BadInput, []string{`"mark"`, "none, even or odd"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := tty.Open(c.config)
			if p != nil || fault.Of(err) != c.class {
				t.Fatalf("got %v, %v; want class %q", p, err, c.class)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
		})
	}
}
