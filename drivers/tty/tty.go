package tty

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/tarm/serial"
	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

// Config names a port and how its line is set. Characters have 8 data bits and 1
// stop bit: no protocol of the house uses others.
type Config struct {
	// Path is the device or a stable link to it (/dev/serial/by-path/…).
	Path string
	// Baud is the speed in bits per second, one that Linux has a name for.
	Baud int
	// Parity is "none" (also when empty), "even" or "odd".
	Parity string
}

// Port is an open serial port that nobody else can open through this package. Read
// and Write may run beside each other and beside Close, which ends both.
type Port struct {
	path string
	file *os.File
	node os.FileInfo // the device node as it was opened
	once sync.Once
	err  error
}

// Open locks, configures and empties a port. It does not wait for a carrier.
// Errors: *LockedError when another program has the port; fault.BadInput for a
// speed or parity that does not exist; fault.PortLost for all else, the
// system's own error behind it.
func Open(c Config) (*Port, error) {
	parity, err := parityOf(c.Parity)
	if err != nil {
		return nil, fmt.Errorf("port %s: %w", c.Path, err)
	}
	file, err := os.OpenFile(c.Path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, openError(c.Path, err)
	}
	p := &Port{path: c.Path, file: file}
	if err := p.prepare(c, parity); err != nil {
		_ = file.Close()
		return nil, err
	}
	return p, nil
}

// prepare does all that has to be right before the first byte.
func (p *Port) prepare(c Config, parity serial.Parity) error {
	node, err := p.file.Stat()
	if err != nil {
		return p.lost("stat", err)
	}
	p.node = node
	if node.Mode()&os.ModeCharDevice == 0 {
		return fmt.Errorf("port %s: is no character device: %w", c.Path, fault.BadInput)
	}
	if err := p.lock(); err != nil {
		return err
	}
	if err := configure(c, parity); err != nil {
		return err
	}
	if err := p.exclude(); err != nil {
		return p.lost("TIOCEXCL", err)
	}
	// What came before the speed was set is rubbish.
	if err := p.flush(unix.TCIOFLUSH); err != nil {
		return p.lost("flush", err)
	}
	return nil
}

// configure lets tarm set the line. Its descriptor is closed at once: nothing reads
// from it, so Close cannot hang, and HUPCL is not among the flags that it sets, so
// the modem lines stay.
func configure(c Config, parity serial.Parity) error {
	set, err := serial.OpenPort(&serial.Config{
		Name:   c.Path,
		Baud:   c.Baud,
		Parity: parity,
		// 0 would make tarm's Close wait for ever behind a Read.
		ReadTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		var sys unix.Errno
		if !errors.As(err, &sys) {
			// tarm has texts and no types: what is no system error is a setting.
			return fmt.Errorf("port %s: %d baud, parity %q: %w (%w)", c.Path, c.Baud, c.Parity, fault.BadInput, err)
		}
		return openError(c.Path, err)
	}
	if err := set.Close(); err != nil {
		return fmt.Errorf("port %s: close after configuring: %w (%w)", c.Path, fault.PortLost, err)
	}
	return nil
}

func parityOf(name string) (serial.Parity, error) {
	switch name {
	case "", "none":
		return serial.ParityNone, nil
	case "even":
		return serial.ParityEven, nil
	case "odd":
		return serial.ParityOdd, nil
	}
	return 0, fmt.Errorf("parity %q: want none, even or odd: %w", name, fault.BadInput)
}

// openError gives a failed open its class and its way out.
func openError(path string, err error) error {
	if errors.Is(err, unix.EBUSY) {
		return &LockedError{Path: path, Holder: holder(path)}
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("port %s: no permission, the daemon's user must be in the port's group (usually dialout): %w (%w)", path, fault.PortLost, err)
	}
	return fmt.Errorf("port %s: open: %w (%w)", path, fault.PortLost, err)
}

// Read returns what has come, at least one byte, or os.ErrDeadlineExceeded when
// nothing came in time. Every other error means that the port is gone
// (fault.PortLost) and the Port is to be closed: a hung-up terminal reads as EOF or
// EIO millions of times per second. At a deadline the device node is looked at as
// well, because some adapters stay silent when they are pulled.
func (p *Port) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	switch {
	case n > 0:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if gone := p.present(); gone != nil {
			return 0, gone
		}
		return 0, os.ErrDeadlineExceeded
	case err == nil || errors.Is(err, io.EOF):
		return 0, p.lost("read", io.EOF)
	}
	return 0, p.lost("read", err)
}

// Write hands b to the kernel; it returns before the bytes are on the wire. Errors:
// os.ErrDeadlineExceeded with the number of bytes that were taken, fault.PortLost.
func (p *Port) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	return n, p.lost("write", err)
}

// SetReadDeadline bounds Read; the zero time takes the bound away.
func (p *Port) SetReadDeadline(t time.Time) error { return p.file.SetReadDeadline(t) }

// SetWriteDeadline bounds Write; the zero time takes the bound away.
func (p *Port) SetWriteDeadline(t time.Time) error { return p.file.SetWriteDeadline(t) }

// DiscardOutput throws away what is written and not yet sent (TCOFLUSH). What the
// UART or the adapter has in its own buffer still goes out.
func (p *Port) DiscardOutput() error {
	if err := p.flush(unix.TCOFLUSH); err != nil {
		return p.lost("discard output", err)
	}
	return nil
}

// DiscardInput throws away what has been received and not yet read (TCIFLUSH).
func (p *Port) DiscardInput() error {
	if err := p.flush(unix.TCIFLUSH); err != nil {
		return p.lost("discard input", err)
	}
	return nil
}

// Close gives the port back; a waiting Read or Write returns at once. Bytes that are
// written and not yet sent are discarded: closing a real port would otherwise wait
// for them, up to 30 s on a line that takes none. It may be called again.
func (p *Port) Close() error {
	p.once.Do(func() {
		_ = p.flush(unix.TCOFLUSH)
		p.include()
		p.err = p.file.Close()
	})
	return p.err
}

func (p *Port) flush(which int) error {
	return p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, which) })
}

// present tells whether the path still leads to the device that is open.
func (p *Port) present() error {
	now, err := os.Stat(p.path)
	if err != nil {
		return p.lost("look at the device", err)
	}
	if !os.SameFile(now, p.node) {
		return fmt.Errorf("port %s: another device has the name now: %w", p.path, fault.PortLost)
	}
	return nil
}

// control runs f on the descriptor without File.Fd, which would put it back into
// blocking mode and take the deadlines away.
func (p *Port) control(f func(fd int) error) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

func (p *Port) lost(what string, err error) error {
	return fmt.Errorf("port %s: %s: %w (%w)", p.path, what, fault.PortLost, err)
}
