// Package bus owns serial ports. One goroutine per port (Run) decides what is on
// the wire: at most one frame is in the kernel at any time, urgent frames go before
// normal ones, silence is kept between frames, replies are waited for, and bytes
// that nobody asked for are offered to those who listen. Drivers see a line.Line
// and nothing else.
//
// The laws of the wire:
//
//   - After Write the owner waits the computed line time (bits × bytes / baud), then
//     the gap, then it may write the next frame. A kernel takes 4 KiB at once; a bus
//     that wrote ahead could not let a stop overtake.
//   - Urgent frames are first come first served among themselves, so that the domes
//     of a wire, each of which stops three times, all get their first stop before
//     any gets its second.
//   - An urgent frame ends the time that a normal frame waits for its reply, and
//     takes a normal frame off the wire (TCOFLUSH, then a gap) if more than 100 ms of
//     it are still to be sent. The normal Exchange then ends in fault.NoReply with
//     line.Cut in its chain. It is not sent again by the bus: whether a second time
//     is safe only the driver knows.
//   - A query is not started if it could still be under way shortly before a motion
//     lease on this wire ends (Reserve).
//   - An Exchange whose ctx ends before its frame was started never reaches the
//     wire. One that ends later returns at once; the wire stays taken until the
//     reply is here or overdue, so that a late answer meets no other question.
//   - The port is closed the moment it is lost and opened again by its name, first
//     after 100 ms, at last every 2 s. While it is away every Exchange ends at once
//     in fault.PortLost.
package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/drivers/line"
)

// Port is what the owner needs of a serial port; package tty has it. Read and Write
// end in os.ErrDeadlineExceeded at their deadline; any other error means that the
// port is lost.
type Port interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// DiscardOutput drops what is written and not yet on the wire.
	DiscardOutput() error
}

// Config describes one bus.
type Config struct {
	// Name is the bus's id in the configuration.
	Name string
	// Baud is the speed in bits per second (9600 when 0); it gives the line time.
	Baud int
	// Bits is the length of a character on the wire in bits: 10 (start, 8 data,
	// stop; also when 0) or 11 with parity.
	Bits int
	// Gap is the silence between two frames on this wire. A device may want more
	// (Options.Gap, line.Frame.Quiet).
	Gap time.Duration
	// Open opens the port by its name. It is called on the owner's goroutine, again
	// and again while it fails. An error with a method Locked() bool that returns
	// true says that another program has the port.
	Open func(ctx context.Context) (Port, error)
	// Go runs a goroutine that is supervised and ends with the bus. The owner reads
	// the port through it, once per open port.
	Go func(name string, run func(ctx context.Context) error)
	// Log carries run already.
	Log *slog.Logger
	// Notice raises (or clears) a condition of this bus: bus.port_lost, bus.locked,
	// bus.write_stalled, bus.foreign_bytes. It is called on the owner's goroutine
	// when something changes, and must not block.
	Notice func(code, detail string, raised bool)
}

// Stats are a bus's counters since it was made, and whether its port is open now.
type Stats struct {
	// Frames were written whole; BytesOut and BytesIn crossed the port.
	Frames, BytesOut, BytesIn uint64
	// Timeouts are replies that never came, Cuts frames that an urgent one ended.
	Timeouts, Cuts uint64
	// Corrupt are replies with a wrong checksum, as drivers report them.
	Corrupt uint64
	// Foreign are received bytes that belong to no device.
	Foreign uint64
	// Reopens are successful openings after the first, Stalls writes that the port
	// did not take within 500 ms.
	Reopens, Stalls uint64
	Open            bool
}

// Bus owns one port.
type Bus struct {
	c     Config
	queue *queue
	pings chan struct{}
	phase atomic.Int32

	mu    sync.Mutex
	stats Stats
	takes []*take

	// The rest belongs to the owner's goroutine alone.
	current *request
	raised  map[string]bool
	opened  bool      // the port has been open before
	foreign time.Time // when the last foreign byte came
}

// New makes a bus. Nothing is opened before Run.
func New(c Config) *Bus {
	if c.Bits == 0 {
		c.Bits = 10
	}
	if c.Baud <= 0 {
		c.Baud = 9600
	}
	return &Bus{c: c, queue: newQueue(), pings: make(chan struct{}), raised: map[string]bool{}}
}

// Name is the bus's id.
func (b *Bus) Name() string { return b.c.Name }

// Stats returns the counters of this moment.
func (b *Bus) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *Bus) count(change func(*Stats)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.stats)
}

// phase is what the owner is doing, for the error of a ping.
type phase int32

const (
	stopped phase = iota
	opening
	absent
	idle
	writing
	waiting
)

func (p phase) String() string {
	return [...]string{"not running", "opening the port", "waiting for the port to come back", "idle", "writing", "waiting for a reply"}[p]
}

func (b *Bus) enter(p phase) { b.phase.Store(int32(p)) }

// Ping returns nil when the owner's loop turns. It is answered within 60 ms also
// while the port is absent or takes no bytes; otherwise it ends with ctx, and the
// error says what the owner was doing.
func (b *Bus) Ping(ctx context.Context) error {
	select {
	case b.pings <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("bus %s: owner does not answer (%s): %w", b.c.Name, phase(b.phase.Load()), ctx.Err())
	}
}

// Reserve says that a motion lease of the given length on this wire ends at `at`,
// when a stop will have to go out without delay. Until then no query (a normal
// frame that wants a reply) is started that could still be under way within
// min(150 ms, lease/4) before `at`. A lease is renewed by reserving again under the
// same name; it is forgotten by Release, or by itself 50 ms after `at`.
func (b *Bus) Reserve(device string, at time.Time, lease time.Duration) {
	b.queue.reserve(device, at, min(leaseWindow, lease/4))
}

// Release takes a device's reservation back: it has stopped.
func (b *Bus) Release(device string) { b.queue.release(device) }

// lineTime is how long n characters take on the wire.
func (b *Bus) lineTime(n int) time.Duration {
	return time.Duration(n) * time.Duration(b.c.Bits) * time.Second / time.Duration(b.c.Baud)
}

// notice tells each change of a condition once.
func (b *Bus) notice(code, detail string, raised bool) {
	if b.raised[code] == raised {
		return
	}
	b.raised[code] = raised
	b.c.Notice(code, detail, raised)
}

// isLocked finds the mark of an error that says another program has the port.
func isLocked(err error) bool {
	var l interface{ Locked() bool }
	return errors.As(err, &l) && l.Locked()
}

// Attach gives a device its end of the wire. The returned Line is also a
// line.Counter. Any number of devices may be attached, before Run and during it.
func (b *Bus) Attach(device string, o Options) line.Line {
	if o.Reply == 0 {
		o.Reply = defaultReply
	}
	return &tap{b: b, device: device, o: o}
}
