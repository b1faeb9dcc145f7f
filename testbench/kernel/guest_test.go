package kernel

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The test binary plays three parts: the tests, the launcher (Main) and, with
// this variable set, the program under test ("guest").
const roleVar = "KERNEL_TEST_ROLE"

func TestMain(m *testing.M) {
	Main(os.Exit)
	if role := os.Getenv(roleVar); role != "" {
		if err := guest(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// guest is the program under test. It uses the ABI directly.
func guest(role string, args []string) error {
	switch role {
	case "list":
		names, err := os.ReadDir("/dev")
		for _, n := range names {
			fmt.Println(n.Name())
		}
		return err
	case "hold":
		return guestHold(args)
	case "storm":
		return guestStorm()
	case "refusals":
		return guestRefusals()
	case "events":
		return guestEvents()
	case "switch":
		return guestSwitch()
	case "disk":
		return guestDisk(args[0])
	case "clock":
		return guestClock()
	case "port":
		return guestPort(args[0])
	case "unprivileged":
		return guestUnprivileged()
	}
	return fmt.Errorf("unknown role %s", role)
}

// openChip opens a node.
func openChip(node string) (*os.File, error) { return os.OpenFile(node, os.O_RDWR, 0) }

// takeLines requests lines; values are the outputs' logical levels.
func takeLines(chip *os.File, flags, values uint64, offsets ...uint32) (int, error) {
	var req unix.GPIOV2LineRequest
	copy(req.Consumer[:], "guest")
	copy(req.Offsets[:], offsets)
	req.Num_lines = uint32(len(offsets))
	req.Config.Flags = flags
	if flags&flagOutput != 0 {
		req.Config.Num_attrs = 1
		req.Config.Attrs[0].Attr.Id = unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES
		req.Config.Attrs[0].Attr.Flags = values
		req.Config.Attrs[0].Mask = 1<<len(offsets) - 1
	}
	_, err := ioctl(int(chip.Fd()), unix.GPIO_V2_GET_LINE_IOCTL, &req)
	return int(req.Fd), err
}

// guestHold takes lines 0 and 1 as outputs, both low, switches 0 on if it has an
// argument, says so, and waits for SIGTERM or its death.
func guestHold(args []string) error {
	chip, err := openChip("/dev/gpiochip0")
	if err != nil {
		return err
	}
	fd, err := takeLines(chip, flagOutput, 0, 0, 1)
	if err != nil {
		return fmt.Errorf("take: %w", err)
	}
	if len(args) > 0 {
		v := unix.GPIOV2LineValues{Bits: 1, Mask: 1}
		if _, err := ioctl(fd, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &v); err != nil {
			return fmt.Errorf("set: %w", err)
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	fmt.Println("holding")
	<-stop
	return nil
}

// guestStorm switches a line 1000 times and reads each level back, while signals of
// the kind that Go's scheduler sends hit just the thread that makes the calls.
func guestStorm() error {
	chip, err := openChip("/dev/gpiochip0")
	if err != nil {
		return err
	}
	fd, err := takeLines(chip, flagOutput|flagActiveLow, 0, 1)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	pid, tid := os.Getpid(), unix.Gettid()
	go func() {
		for range time.Tick(100 * time.Microsecond) {
			_ = unix.Tgkill(pid, tid, unix.SIGURG)
		}
	}()
	began := time.Now()
	const turns = 1000
	for i := range turns {
		want := uint64(i+1) & 1
		v := unix.GPIOV2LineValues{Bits: want, Mask: 1}
		if _, err := ioctl(fd, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &v); err != nil {
			return fmt.Errorf("turn %d: %w", i, err)
		}
		v.Bits = 0
		if _, err := ioctl(fd, unix.GPIO_V2_LINE_GET_VALUES_IOCTL, &v); err != nil || v.Bits != want {
			return fmt.Errorf("turn %d: read %d, want %d (%w)", i, v.Bits, want, err)
		}
	}
	fmt.Println(time.Since(began) / turns)
	return nil
}

// lines collects what a guest prints and tells about each line.
type lines struct {
	mu   sync.Mutex
	all  strings.Builder
	seen chan string
}

func newLines() *lines { return &lines{seen: make(chan string, 64)} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	l.all.Write(p)
	l.mu.Unlock()
	for s := range strings.Lines(string(p)) {
		l.seen <- strings.TrimSpace(s)
	}
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// startAs runs a guest.
func startAs(role string, out *lines, chips []*Chip, hooks []Hook, stdin *os.File, args ...string) (*Process, error) {
	return Start(context.Background(), Config{
		// Not by its path: another user may not look into go test's directory.
		Path: "/proc/self/exe", Args: args, Env: append(os.Environ(), roleVar+"="+role),
		Stdin: stdin, Stdout: out, Stderr: out, Chips: chips, Hooks: hooks,
	})
}

// start runs a guest that ends with the test.
func start(t *testing.T, role string, out *lines, chips []*Chip, hooks []Hook, args ...string) *Process {
	t.Helper()
	p, err := startAs(role, out, chips, hooks, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
	return p
}

// within bounds the wait for something real.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// saw waits for a line of output.
func saw(t *testing.T, l *lines, want string) {
	t.Helper()
	ctx := within(t)
	for {
		select {
		case s := <-l.seen:
			if s == want {
				return
			}
		case <-ctx.Done():
			t.Fatalf("never said %q; said:\n%s", want, l.String())
		}
	}
}
