package kernel

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Port is a hook that gives a pty what only a real serial port has: RS-485
// switching, modem lines and error counters. All else of the pty is the kernel's.
type Port struct {
	mu     sync.Mutex
	pts    string
	rs485  RS485
	counts Counts
	lines  []ModemEdge
	bits   uint32
	refuse bool
}

// RS485 is struct serial_rs485 without its padding (linux/serial.h); delays in ms.
type RS485 struct{ Flags, DelayBefore, DelayAfter uint32 }

// Counts is struct serial_icounter_struct (linux/serial.h).
type Counts struct {
	CTS, DSR, RNG, DCD, RX, TX                   int32
	Frame, Overrun, Parity, Break, BufferOverrun int32
	_                                            [9]int32
}

// ModemEdge is a change of the lines that the program commands: Bits are
// unix.TIOCM_RTS, unix.TIOCM_DTR.
type ModemEdge struct {
	Bits uint32
	At   time.Time
}

// rs485Size is sizeof(struct serial_rs485): flags, two delays, five words of padding.
const rs485Size = 32

// NewPort makes a port of the pty's slave, "/dev/pts/5".
func NewPort(pts string) *Port { return &Port{pts: pts} }

// Replug says that the port is another pty now.
func (p *Port) Replug(pts string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pts = pts
}

// NoRS485 lets TIOCSRS485 answer ENOTTY, as an adapter that switches by itself does.
func (p *Port) NoRS485() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
}

// RS485 is what the program has set.
func (p *Port) RS485() RS485 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rs485
}

// Count sets the error counters that the program will read.
func (p *Port) Count(c Counts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = c
}

// Modem is every change of RTS and DTR so far.
func (p *Port) Modem() []ModemEdge {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]ModemEdge(nil), p.lines...)
}

// Syscalls are the requests that a pty lacks.
func (p *Port) Syscalls() []Syscall {
	var all []Syscall
	for _, cmd := range []uint32{
		unix.TIOCSRS485, unix.TIOCGRS485, unix.TIOCGICOUNT, unix.TIOCMBIS, unix.TIOCMBIC, unix.TIOCMSET, unix.TIOCMGET,
	} {
		all = append(all, Syscall{Nr: unix.SYS_IOCTL, Cmd: cmd})
	}
	return all
}

// Handle answers them on this port's descriptors.
func (p *Port) Handle(c *Call) Answer {
	if c.Nr != unix.SYS_IOCTL {
		return Continue()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch uint32(c.Args[1]) {
	case unix.TIOCSRS485, unix.TIOCGRS485, unix.TIOCGICOUNT, unix.TIOCMBIS, unix.TIOCMBIC, unix.TIOCMSET, unix.TIOCMGET:
	default:
		return Continue()
	}
	if target, err := c.Target(c.Args[0]); err != nil || target != p.pts || !c.Alive() {
		return Continue()
	}
	switch uint32(c.Args[1]) {
	case unix.TIOCGICOUNT:
		return wrote(c.Write(c.Args[2], view(&p.counts)))
	case unix.TIOCSRS485, unix.TIOCGRS485:
		return p.direction(c)
	case unix.TIOCMGET:
		return wrote(c.Write(c.Args[2], view(&p.bits)))
	}
	return p.modem(c)
}

// direction stores or tells the RS-485 settings.
func (p *Port) direction(c *Call) Answer {
	if p.refuse {
		return Fail(unix.ENOTTY)
	}
	var raw [rs485Size / 4]uint32
	if uint32(c.Args[1]) == unix.TIOCSRS485 {
		if c.Read(c.Args[2], view(&raw)) != nil {
			return Fail(unix.EFAULT)
		}
		p.rs485 = RS485{raw[0], raw[1], raw[2]}
	}
	// The kernel writes back what it has accepted.
	raw[0], raw[1], raw[2] = p.rs485.Flags, p.rs485.DelayBefore, p.rs485.DelayAfter
	return wrote(c.Write(c.Args[2], view(&raw)))
}

// modem sets, clears or replaces RTS and DTR.
func (p *Port) modem(c *Call) Answer {
	var arg uint32
	if c.Read(c.Args[2], view(&arg)) != nil {
		return Fail(unix.EFAULT)
	}
	now := arg
	switch uint32(c.Args[1]) {
	case unix.TIOCMBIS:
		now = p.bits | arg
	case unix.TIOCMBIC:
		now = p.bits &^ arg
	}
	if now != p.bits {
		p.bits = now
		p.lines = append(p.lines, ModemEdge{now, time.Now()})
	}
	return Return(0)
}
