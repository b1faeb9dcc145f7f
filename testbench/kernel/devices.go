package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// devices is the hook that shows the chips to one program.
type devices struct {
	chips []*Chip
	dir   string // the prepared /dev, made when it is first asked for
}

// Syscalls: opening, and every GPIO request.
func (d *devices) Syscalls() []Syscall {
	return []Syscall{{Nr: unix.SYS_OPENAT}, {Nr: unix.SYS_IOCTL, Type: gpioType}}
}

// Handle answers for /dev, /dev/gpiochip* and what has been opened there.
func (d *devices) Handle(c *Call) Answer {
	switch {
	case c.Nr == unix.SYS_OPENAT:
		return d.open(c)
	case c.Nr == unix.SYS_IOCTL && uint8(c.Args[1]>>8) == gpioType:
		return d.ioctl(c)
	}
	return Continue()
}

// open answers openat(2). Everything but the chips and the listing of /dev goes on.
func (d *devices) open(c *Call) Answer {
	path, err := c.Text(c.Args[1])
	if err != nil {
		return Continue()
	}
	cloexec := c.Args[2]&unix.O_CLOEXEC != 0
	if path == "/dev" || path == "/dev/" {
		return d.list(c, cloexec)
	}
	node, ok := strings.CutPrefix(path, "/dev/gpiochip")
	if !ok {
		return Continue()
	}
	for _, chip := range d.chips {
		if slices.Contains(chip.nodes, "gpiochip"+node) {
			return chip.open(c, cloexec)
		}
	}
	return Fail(unix.ENOENT)
}

// open hands out a file in memory whose name says which chip it is.
func (c *Chip) open(call *Call, cloexec bool) Answer {
	c.mu.Lock()
	node, present := c.node(), c.present
	c.mu.Unlock()
	if !present {
		return Fail(unix.ENOENT)
	}
	fd, err := unix.MemfdCreate(node, unix.MFD_CLOEXEC)
	if err != nil {
		return Fail(unix.ENFILE)
	}
	defer func() { _ = unix.Close(fd) }() // the caller has its own now
	return call.Open(fd, cloexec)
}

// list hands out a real directory that holds the chips' names.
func (d *devices) list(c *Call, cloexec bool) Answer {
	if d.dir == "" {
		dir, err := os.MkdirTemp("", "kernel-dev-")
		if err != nil {
			return Fail(unix.EIO)
		}
		d.dir = dir
	}
	for _, chip := range d.chips {
		chip.mu.Lock()
		present := chip.present
		chip.mu.Unlock()
		for _, node := range chip.nodes {
			file := filepath.Join(d.dir, node)
			if !present {
				_ = os.Remove(file)
			} else if err := os.WriteFile(file, nil, 0o600); err != nil {
				return Fail(unix.EIO)
			}
		}
	}
	fd, err := unix.Open(d.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Fail(unix.EIO)
	}
	defer func() { _ = unix.Close(fd) }() // the caller has its own now
	return c.Open(fd, cloexec)
}

// close removes what list made.
func (d *devices) close() {
	if d.dir != "" {
		_ = os.RemoveAll(d.dir)
	}
}

// ioctl finds out what the descriptor is, and answers.
func (d *devices) ioctl(c *Call) Answer {
	target, err := c.Target(c.Args[0])
	if err != nil || !c.Alive() {
		return Continue()
	}
	if node, ok := nodeOf(target); ok {
		for _, chip := range d.chips {
			if strings.HasPrefix(node, chip.name+".") {
				return chip.ioctl(c, node)
			}
		}
		return Continue()
	}
	if !strings.HasPrefix(target, "pipe:") {
		return Continue()
	}
	for _, chip := range d.chips {
		chip.mu.Lock()
		_, ok := chip.grants[target]
		chip.mu.Unlock()
		if ok {
			return chip.lineIoctl(c, target)
		}
	}
	// A line of a chip that has been unplugged.
	return Fail(unix.ENODEV)
}

// lineIoctl answers on a line descriptor.
func (c *Chip) lineIoctl(call *Call, key string) Answer {
	switch uint32(call.Args[1]) {
	case unix.GPIO_V2_LINE_SET_VALUES_IOCTL, unix.GPIO_V2_LINE_GET_VALUES_IOCTL:
		var v unix.GPIOV2LineValues
		if call.Read(call.Args[2], view(&v)) != nil {
			return Fail(unix.EFAULT)
		}
		if uint32(call.Args[1]) == unix.GPIO_V2_LINE_SET_VALUES_IOCTL {
			return result(c.set(key, v))
		}
		if errno := c.get(key, &v); errno != 0 {
			return Fail(errno)
		}
		return wrote(call.Write(call.Args[2], view(&v)))
	case setConfig:
		var cfg unix.GPIOV2LineConfig
		if call.Read(call.Args[2], view(&cfg)) != nil {
			return Fail(unix.EFAULT)
		}
		return result(c.reconfigure(key, &cfg))
	}
	return Fail(unix.EINVAL)
}

// ioctl answers on the chip's descriptor.
func (c *Chip) ioctl(call *Call, node string) Answer {
	c.mu.Lock()
	dead := !c.present || c.node() != node
	c.mu.Unlock()
	if dead {
		return Fail(unix.ENODEV)
	}
	switch uint32(call.Args[1]) {
	case getChipInfo:
		info := unix.GPIOChipInfo{Name: name(c.name), Label: name(c.label), Lines: uint32(len(c.lines))}
		return wrote(call.Write(call.Args[2], view(&info)))
	case unix.GPIO_V2_GET_LINEINFO_IOCTL:
		return c.lineInfo(call)
	case unix.GPIO_V2_GET_LINE_IOCTL:
		return c.getLine(call)
	}
	return Fail(unix.EINVAL)
}

// lineInfo answers GPIO_V2_GET_LINEINFO.
func (c *Chip) lineInfo(call *Call) Answer {
	var info unix.GPIOV2LineInfo
	if call.Read(call.Args[2], view(&info)) != nil {
		return Fail(unix.EFAULT)
	}
	if int(info.Offset) >= len(c.lines) || !zero(view(&info)[240:]) {
		return Fail(unix.EINVAL)
	}
	c.mu.Lock()
	l := c.lines[info.Offset]
	info = unix.GPIOV2LineInfo{Offset: info.Offset, Name: name(l.name), Flags: flagInput}
	if g := c.ownerOf(int(info.Offset)); g != nil {
		info.Consumer, info.Flags = name(g.consumer), l.flags|flagUsed
	}
	c.mu.Unlock()
	return wrote(call.Write(call.Args[2], view(&info)))
}

// getLine answers GPIO_V2_GET_LINE: the lines are granted, the pipe's read end is
// put into the program, and its number into the request.
func (c *Chip) getLine(call *Call) Answer {
	var req unix.GPIOV2LineRequest
	if call.Read(call.Args[2], view(&req)) != nil {
		return Fail(unix.EFAULT)
	}
	if req.Num_lines == 0 || req.Num_lines > maxLines || !zero(view(&req)[568:588]) ||
		!validConfig(&req.Config, int(req.Num_lines)) {
		return Fail(unix.EINVAL)
	}
	g, reader, err := newGrant(call.Process, &req)
	if err != nil {
		return Fail(unix.ENOMEM)
	}
	defer func() { _ = unix.Close(reader) }() // the caller has its own now
	if errno := c.take(g, &req.Config); errno != 0 {
		_ = unix.Close(g.events)
		return Fail(errno)
	}
	fd, err := call.Install(reader, true)
	if err != nil {
		c.undo(g)
		return Fail(unix.EMFILE)
	}
	req.Fd = int32(fd)
	return wrote(call.Write(call.Args[2], view(&req)))
}

// result and wrote turn outcomes into answers.
func result(errno unix.Errno) Answer {
	if errno != 0 {
		return Fail(errno)
	}
	return Return(0)
}

func wrote(err error) Answer {
	if err != nil {
		return Fail(unix.EFAULT)
	}
	return Return(0)
}
