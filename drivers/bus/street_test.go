package bus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/line"
	"fuqiao/edged/drivers/tty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// street is a real bus over a real pseudo terminal behind a link, as udev makes them.
type street struct {
	*bus.Bus
	link  string
	far   *os.File
	stop  func()
	told  chan string // "code raised"
	reads atomic.Int64
	tried chan struct{} // one for each attempt to open
}

// counted is a port whose reads are counted.
type counted struct {
	*tty.Port
	reads *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	c.reads.Add(1)
	return c.Port.Read(b)
}

// terminal makes a pseudo terminal. Its far end does not block, so that closing it
// under a Read is a hang-up at once, as pulling an adapter is.
func terminal(t testing.TB) (far *os.File, name string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	far = os.NewFile(uintptr(fd), "far end")
	t.Cleanup(func() { _ = far.Close() })
	must(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	must(t, err)
	return far, fmt.Sprint("/dev/pts/", n)
}

// plug puts a new terminal behind link and returns its far end and name.
func plug(t testing.TB, link string) (far *os.File, name string) {
	t.Helper()
	far, name = terminal(t)
	must(t, os.Symlink(name, link))
	return far, name
}

// unplug does what pulling an adapter does: hang-up, and the name goes.
func (s *street) unplug(t *testing.T) {
	t.Helper()
	must(t, s.far.Close())
	must(t, os.Remove(s.link))
}

// build makes a bus on a terminal of its own and waits until its port is open.
func build(t testing.TB, name string, baud int) *street {
	t.Helper()
	s := &street{link: filepath.Join(t.TempDir(), name), told: make(chan string, 64), tried: make(chan struct{}, 64)}
	s.far, _ = plug(t, s.link)
	s.start(t, name, baud)
	must(t, send1(s.Attach("dome-1", bus.Options{})))
	return s
}

// start runs a bus on s.link until the test ends or stop is called.
func (s *street) start(t testing.TB, name string, baud int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s.Bus = bus.New(bus.Config{
		Name: name, Baud: baud, Log: discard(),
		Open: func(context.Context) (bus.Port, error) {
			s.tried <- struct{}{}
			p, err := tty.Open(tty.Config{Path: s.link, Baud: baud})
			if err != nil {
				return nil, err
			}
			return counted{p, &s.reads}, nil
		},
		Go: func(_ string, run func(context.Context) error) { go func() { _ = run(ctx) }() },
		Notice: func(code, _ string, raised bool) {
			if raised {
				s.told <- code + " raised"
			} else {
				s.told <- code + " cleared"
			}
		},
	})
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(s.stop)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect waits for a notice and returns how long that took.
func (s *street) expect(t *testing.T, what string, within time.Duration) {
	t.Helper()
	began := time.Now()
	select {
	case got := <-s.told:
		if got != what {
			t.Fatalf("told %q, want %q", got, what)
		}
	case <-time.After(within):
		t.Fatalf("%q was not told within %v", what, within)
	}
	t.Logf("%s after %v", what, time.Since(began))
}

// echo answers each byte 'q' at the far end with '!'. The near end must be open: a
// pseudo terminal without one reads as hung up.
func echo(far *os.File) {
	go func() {
		buf := make([]byte, 64)
		for {
			n, err := far.Read(buf)
			if err != nil {
				return
			}
			if slices.Contains(buf[:n], 'q') {
				_, _ = far.Write([]byte("!"))
			}
		}
	}()
}

func ask(l line.Line) error {
	_, err := l.Exchange(context.Background(), line.Frame{Write: []byte("q"), Want: upTo('!'), Reply: 2 * time.Second})
	return err
}

// neighbour asks one question after another on another bus until it is stopped, and
// says what was the worst of it.
func neighbour(t *testing.T) (stop func()) {
	t.Helper()
	s := build(t, "neighbour", 115200)
	echo(s.far)
	l := s.Attach("dome-9", bus.Options{})
	must(t, ask(l))
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; n++ {
			select {
			case <-quit:
				if n < 20 {
					t.Errorf("the neighbour had only %d answers", n)
				}
				return
			default:
			}
			if err := ask(l); err != nil {
				t.Errorf("neighbour's question %d: %v", n, err)
				return
			}
		}
	}()
	stop = sync.OnceFunc(func() { close(quit); <-done })
	t.Cleanup(stop) // before the bus's own
	return stop
}

func send1(l line.Line) error {
	_, err := l.Exchange(context.Background(), line.Frame{Write: frame(1)})
	return err
}

// choke fills the terminal's buffers up to the last byte: the far end does not read.
// The kernel moves bytes on for a while, which makes room again, so it is full only
// when it stays so.
func choke(t *testing.T, link string) {
	t.Helper()
	fd, err := unix.Open(link, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	defer func() { must(t, unix.Close(fd)) }()
	for full := 0; full < 2; {
		for size := 4096; size > 0; {
			if _, err := unix.Write(fd, make([]byte, size)); errors.Is(err, unix.EAGAIN) {
				size /= 2
			} else {
				must(t, err)
			}
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 100)
		switch {
		case errors.Is(err, unix.EINTR) || n > 0:
			full = 0
		case err != nil:
			t.Fatal(err)
		default:
			full++
		}
	}
}
