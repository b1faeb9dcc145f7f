package pin

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Flags of a v2 line (linux/gpio.h, enum gpio_v2_line_flag); x/sys/unix has the
// structs and the requests, but not these.
const (
	flagUsed        = 1 << 0
	flagActiveLow   = 1 << 1
	flagInput       = 1 << 2
	flagOutput      = 1 << 3
	flagEdgeRising  = 1 << 4
	flagEdgeFalling = 1 << 5
	flagPullUp      = 1 << 8
	flagPullDown    = 1 << 9
)

// chardev is the kernel's character device interface, ABI v2.
type chardev struct{}

// chips opens every node once. Nodes that cannot be used are left out and named in
// the error; two nodes for one chip (Raspberry Pi kernels keep a link under an old
// number) count once.
func (chardev) chips() ([]chip, error) {
	nodes, err := filepath.Glob("/dev/gpiochip*")
	if err != nil {
		return nil, err
	}
	var all []chip
	var errs []error
	seen := map[string]bool{}
	twice := false
	for _, node := range nodes {
		c, err := describe(node)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", node, err))
			continue
		}
		if seen[c.name] {
			twice = true
			continue
		}
		seen[c.name] = true
		all = append(all, c)
	}
	for i := range all {
		all[i].direct = twice || len(errs) > 0
	}
	return all, errors.Join(errs...)
}

// describe asks one chip for its name, its lines and who holds them
// (GPIO_GET_CHIPINFO, GPIO_V2_GET_LINEINFO).
func describe(node string) (chip, error) {
	f, err := os.Open(node)
	if err != nil {
		return chip{}, err
	}
	defer func() { _ = f.Close() }() // what was asked for has descriptors of its own
	var info unix.GPIOChipInfo
	if err := ioctl(f, unix.GPIO_GET_CHIPINFO_IOCTL, &info); err != nil {
		return chip{}, fmt.Errorf("chip info: %w", err)
	}
	c := chip{path: node, name: text(info.Name), label: text(info.Label)}
	for o := range info.Lines {
		l, err := lineInfo(f, int(o))
		if err != nil {
			return chip{}, err
		}
		c.lines = append(c.lines, l)
	}
	return c, nil
}

// lineInfo asks an open chip for one line.
func lineInfo(f *os.File, offset int) (chipLine, error) {
	l := unix.GPIOV2LineInfo{Offset: uint32(offset)}
	if err := ioctl(f, unix.GPIO_V2_GET_LINEINFO_IOCTL, &l); err != nil {
		return chipLine{}, fmt.Errorf("info of line %d: %w", offset, err)
	}
	return chipLine{name: text(l.Name), holder: text(l.Consumer), used: l.Flags&flagUsed != 0}, nil
}

// takeOutputs is one GPIO_V2_GET_LINE: direction, polarity and value of all lines
// together. The values are logical; the kernel applies active-low.
func (chardev) takeOutputs(c chip, consumer string, lines []outLine) (outputLines, error) {
	var req unix.GPIOV2LineRequest
	var low, on uint64
	for i, l := range lines {
		req.Offsets[i] = uint32(l.offset)
		if l.activeLow {
			low |= 1 << i
		}
		if l.on {
			on |= 1 << i
		}
	}
	req.Num_lines = uint32(len(lines))
	req.Config.Flags = flagOutput
	add := func(id uint32, value, mask uint64) {
		req.Config.Attrs[req.Config.Num_attrs] = unix.GPIOV2LineConfigAttribute{
			Attr: unix.GPIOV2LineAttribute{Id: id, Flags: value}, Mask: mask,
		}
		req.Config.Num_attrs++
	}
	add(unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES, on, ^uint64(0)>>(64-len(lines)))
	if low != 0 {
		add(unix.GPIO_V2_LINE_ATTR_ID_FLAGS, flagOutput|flagActiveLow, low)
	}
	fd, err := request(c, consumer, &req)
	if err != nil {
		return nil, err
	}
	return heldLines{os.NewFile(uintptr(fd), c.name+" outputs")}, nil
}

// takeInput requests an input: through periph where periph can, else by ourselves.
func (chardev) takeInput(c chip, consumer string, offset int, pull string) (inputLine, error) {
	if line := periphLine(c, offset); line != nil {
		in, err := takePeriph(c, line, offset, pull)
		if err == nil || errors.Is(err, unix.EBUSY) {
			return in, err
		}
	}
	req := unix.GPIOV2LineRequest{Num_lines: 1}
	req.Offsets[0] = uint32(offset)
	req.Config.Flags = flagInput | flagEdgeRising | flagEdgeFalling
	switch pull {
	case "up":
		req.Config.Flags |= flagPullUp
	case "down":
		req.Config.Flags |= flagPullDown
	}
	fd, err := request(c, consumer, &req)
	if err != nil {
		return nil, err
	}
	// Non-blocking, so that the runtime's poller serves the deadlines of wait.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return eventLine{heldLines{os.NewFile(uintptr(fd), c.name+" input")}}, nil
}

// request makes the line request; the chip's own descriptor is not needed after it.
func request(c chip, consumer string, req *unix.GPIOV2LineRequest) (int, error) {
	f, err := os.Open(c.path)
	if err != nil {
		return -1, err
	}
	defer func() { _ = f.Close() }() // what was asked for has descriptors of its own
	copy(req.Consumer[:len(req.Consumer)-1], consumer)
	if err := ioctl(f, unix.GPIO_V2_GET_LINE_IOCTL, req); err != nil {
		return -1, err
	}
	return int(req.Fd), nil
}

// heldLines is a line descriptor. Its death with a call under way is the os.File's
// business: no descriptor number outlives its file.
type heldLines struct{ f *os.File }

func (h heldLines) set(mask, bits uint64) error {
	return ioctl(h.f, unix.GPIO_V2_LINE_SET_VALUES_IOCTL, &unix.GPIOV2LineValues{Mask: mask, Bits: bits})
}

func (h heldLines) get(mask uint64) (uint64, error) {
	v := unix.GPIOV2LineValues{Mask: mask}
	err := ioctl(h.f, unix.GPIO_V2_LINE_GET_VALUES_IOCTL, &v)
	return v.Bits, err
}

func (h heldLines) close() error { return h.f.Close() }

// ioctl makes one request with a struct on an open file. It is made again when a
// signal interrupts it: Go's preemption signals do so while a slow chip works.
func ioctl[T any](f *os.File, req uintptr, arg *T) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	err = raw.Control(func(fd uintptr) {
		for {
			_, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, req, uintptr(unsafe.Pointer(arg)))
			if errno != unix.EINTR {
				return
			}
		}
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// text is the C string in a fixed field.
func text(b [32]byte) string {
	s, _, _ := bytes.Cut(b[:], []byte{0})
	return string(s)
}
