package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// guestRefusals makes every mistake that the kernel refuses and checks the answer
// (gpiolib-cdev.c; docs.kernel.org/userspace-api/gpio).
func guestRefusals() error {
	chip, err := openChip("/dev/gpiochip0")
	if err != nil {
		return err
	}
	if _, err := openChip("/dev/gpiochip5"); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("a chip that is not there: %w", err)
	}
	for _, c := range []struct {
		what    string
		want    unix.Errno
		flags   uint64
		offsets []uint32
	}{
		{"no lines", unix.EINVAL, flagOutput, nil},
		{"offset beyond", unix.EINVAL, flagOutput, []uint32{9}},
		{"the same line twice", unix.EBUSY, flagOutput, []uint32{1, 1}},
		{"both directions", unix.EINVAL, flagInput | flagOutput, []uint32{1}},
		{"edges of an output", unix.EINVAL, flagOutput | flagEdgeRising, []uint32{1}},
		{"two biases", unix.EINVAL, flagInput | flagPullUp | flagPullDown, []uint32{1}},
		{"a bias without a direction", unix.EINVAL, flagPullUp, []uint32{1}},
		{"two drives", unix.EINVAL, flagOutput | flagDrive, []uint32{1}},
		{"an unknown flag", unix.EINVAL, flagOutput | 1<<40, []uint32{1}},
	} {
		if _, err := takeLines(chip, c.flags, 0, c.offsets...); !errors.Is(err, c.want) {
			return fmt.Errorf("%s: %w, want %w", c.what, err, c.want)
		}
	}
	return guestLineRefusals(chip)
}

// guestLineRefusals does so with a line that it holds.
func guestLineRefusals(chip *os.File) error {
	in, err := takeLines(chip, flagInput, 0, 0)
	if err != nil {
		return err
	}
	if _, err := takeLines(chip, flagInput, 0, 0); !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("taken twice: %w", err)
	}
	v := unix.GPIOV2LineValues{Mask: 1, Bits: 1}
	if _, err := ioctl(in, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &v); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("set an input: %w", err)
	}
	v.Mask = 0
	if _, err := ioctl(in, unix.GPIO_V2_LINE_GET_VALUES_IOCTL, &v); !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("get nothing: %w", err)
	}
	info := unix.GPIOV2LineInfo{Offset: 0}
	if _, err := ioctl(int(chip.Fd()), unix.GPIO_V2_GET_LINEINFO_IOCTL, &info); err != nil || info.Flags&flagUsed == 0 || text(info.Consumer) != "guest" || text(info.Name) != "A" {
		return fmt.Errorf("line info %+v: %w", info, err)
	}
	// What is given back can be had again.
	if err := unix.Close(in); err != nil {
		return err
	}
	_, err = takeLines(chip, flagInput, 0, 0)
	return err
}

// guestSwitch walks periph's way to a first high: take the line as it is, make it
// an output without a value, then set it.
func guestSwitch() error {
	chip, err := openChip("/dev/gpiochip0")
	if err != nil {
		return err
	}
	fd, err := takeLines(chip, 0, 0, 0)
	if err != nil {
		return err
	}
	cfg := unix.GPIOV2LineConfig{Flags: flagOutput}
	if _, err := ioctl(fd, setConfig, &cfg); err != nil {
		return err
	}
	v := unix.GPIOV2LineValues{Mask: 1, Bits: 1}
	if _, err := ioctl(fd, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &v); err != nil {
		return err
	}
	cfg.Flags = flagInput | flagPullDown
	_, err = ioctl(fd, setConfig, &cfg)
	return err
}

// guestEvents reads three edges of line 1, which is active low.
func guestEvents() error {
	chip, err := openChip("/dev/gpiochip0")
	if err != nil {
		return err
	}
	fd, err := takeLines(chip, flagInput|flagActiveLow|flagEdges|flagPullUp, 0, 1)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for range 3 {
		var e unix.GPIOV2LineEvent
		if _, err := unix.Read(fd, view(&e)); err != nil {
			return err
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			return err
		}
		age := time.Duration(now.Nano() - int64(e.Timestamp_ns))
		fmt.Println("edge", e.Id, e.Offset, e.Seqno, e.Line_seqno, age >= 0 && age < time.Minute)
	}
	n, err := unix.Read(fd, make([]byte, 48))
	fmt.Println("end", n, err)
	return nil
}

// guestDisk does to a file what a store does and tells how each step ended.
func guestDisk(dir string) error {
	path := filepath.Join(dir, "record")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	fmt.Println("open", err == nil)
	if err != nil {
		return nil //nolint:nilerr // it has been told
	}
	for range 3 {
		_, err = f.WriteAt([]byte("x"), 0)
		fmt.Println("pwrite", errno(err), "fdatasync", errno(unix.Fdatasync(int(f.Fd()))))
	}
	fmt.Println("rename", errno(os.Rename(path, path+".2")))
	return nil
}

// errno is the number inside an error, or the word none.
func errno(err error) string {
	var e unix.Errno
	if errors.As(err, &e) {
		return unix.ErrnoName(e)
	}
	return "none"
}

// guestClock asks how good the clock is.
func guestClock() error {
	for range 2 {
		var t unix.Timex
		state, err := unix.Adjtimex(&t)
		fmt.Println("clock", state, t.Status, t.Maxerror, err, t.Time.Sec > 1_500_000_000)
		if _, err := fmt.Scanln(); err != nil {
			return err
		}
	}
	return nil
}

// guestPort sets up RS-485 on a pty, moves RTS and reads the counters.
func guestPort(pts string) error {
	f, err := os.OpenFile(pts, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	fd := int(f.Fd())
	rs := [8]uint32{1, 2, 3}
	_, err = ioctl(fd, unix.TIOCSRS485, &rs)
	rts := uint32(unix.TIOCM_RTS)
	_, e1 := ioctl(fd, unix.TIOCMBIS, &rts)
	_, e2 := ioctl(fd, unix.TIOCMBIC, &rts)
	var n Counts
	_, e3 := ioctl(fd, unix.TIOCGICOUNT, &n)
	t, e4 := unix.IoctlGetTermios(fd, unix.TCGETS) // the pty's own
	fmt.Println("port", errno(err), e1, e2, e3, n.Parity, n.Break, e4 == nil && t != nil)
	return nil
}

// guestUnprivileged is a testbench without root: it starts a guest of its own.
func guestUnprivileged() error {
	out := newLines()
	c := NewChip("gpiochip0", "x", "A", "B")
	p, err := startAs("storm", out, []*Chip{c}, nil, nil)
	if err != nil {
		return err
	}
	if err := p.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, out.String())
	}
	fmt.Println("uid", os.Getuid(), "edges", len(c.Edges()))
	return nil
}
