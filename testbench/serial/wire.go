package serial

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"fuqiao/edged/testbench/board"
)

// Port is what a simulated device needs of its wire; tests of a device give it a fake
// one with a clock of its own.
type Port interface {
	// Send puts bytes on the wire towards the gateway, not before at, and not before
	// what was sent earlier has left.
	Send(b []byte, at time.Time)
	// At calls f on the wire's goroutine when at has come.
	At(at time.Time, f func())
}

// Device is something that hangs on a wire. Both methods run on the wire's goroutine.
type Device interface {
	// Plug tells the device where it hangs, before the first Hear.
	Plug(p Port)
	// Hear gives one byte and the time at which it had wholly arrived.
	Hear(b byte, at time.Time)
}

// Length looks at the bytes of a frame that have been seen and returns how long the
// whole frame is, 0 if more bytes are needed to tell, −1 if no frame begins so.
type Length func(b []byte) int

// AnyLength is the first answer of several protocols that is not −1.
func AnyLength(protocols ...Length) Length {
	return func(b []byte) int {
		for _, p := range protocols {
			if n := p(b); n >= 0 {
				return n
			}
		}
		return -1
	}
}

// Options of a wire.
type Options struct {
	// Link is the path that the configuration names. It is made as a symbolic link to
	// the pty's slave and must not exist.
	Link string
	// Baud is the line rate; a character has 10 bits. Default 9600.
	Baud int
	// CheckBaud makes bytes garbage (and a violation) that the gateway sends with its
	// port set to another rate.
	CheckBaud bool
	// FullDuplex wires (RS-232, UART) have no collisions.
	FullDuplex bool
	// Length finds the ends of the gateway's frames. Without it a frame is what becomes
	// readable while the wire is idle, and a second frame in one read is not found.
	Length Length
	// Gap is the silence that must be between two frames of the gateway, beyond line
	// time; less is a violation.
	Gap time.Duration
	// Piece is how many bytes at most reach the gateway at once (1–64, default 4).
	Piece int
	// Seed makes the noise and the pieces repeatable.
	Seed uint64
	// Look is how often the port is looked at; the law of the bus is judged with this
	// much doubt. Default 2 ms.
	Look time.Duration
}

// Wire is one serial line.
type Wire struct {
	o    Options
	char time.Duration
	done chan struct{}
	// ended is why the end was not clean; to be read after done.
	ended error

	mu      board.Board
	rnd     *rand.Rand
	devices []Device
	agenda  agenda
	wake    int // eventfd
	closed  bool
	f       faults
	in      incoming
	out     outgoing
	book    book

	// Only the wire's goroutine touches these.
	pty   *pair
	empty time.Time // a time at which nothing was readable
	buf   [4096]byte
}

// New makes the pty, its link and the wire's goroutine. Close ends all three.
func New(o Options) (*Wire, error) {
	if o.Baud == 0 {
		o.Baud = 9600
	}
	if o.Look == 0 {
		o.Look = 2 * time.Millisecond
	}
	o.Piece = min(max(o.Piece, 0), 64)
	if o.Piece == 0 {
		o.Piece = 4
	}
	w := &Wire{
		o:    o,
		char: time.Duration(10 * float64(time.Second) / float64(o.Baud)),
		done: make(chan struct{}),
		rnd:  newRand(o.Seed),
	}
	var err error
	if w.wake, err = newEvent(); err != nil {
		return nil, fmt.Errorf("wire %s: %w", o.Link, err)
	}
	if w.pty, err = openPair(o.Link); err != nil {
		return nil, errors.Join(fmt.Errorf("wire %s: %w", o.Link, err), closeFD(w.wake))
	}
	w.book.port(time.Now(), "plugged")
	go w.run()
	return w, nil
}

// Attach hangs devices on the wire.
func (w *Wire) Attach(devices ...Device) {
	for _, d := range devices {
		d.Plug(w)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.devices = append(w.devices, devices...)
}

// Link is the path to put into the configuration.
func (w *Wire) Link() string { return w.o.Link }

// LineTime is how long n bytes are on the wire.
func (w *Wire) LineTime(n int) time.Duration { return time.Duration(n) * w.char }

// Close unplugs the wire for good. It is idempotent.
func (w *Wire) Close() error {
	w.mu.Lock()
	first := !w.closed
	w.closed = true
	w.mu.Changed()
	w.mu.Unlock()
	if first {
		w.kick()
	}
	<-w.done
	return w.ended
}

// At implements Port. It may be called from anywhere.
func (w *Wire) At(at time.Time, f func()) {
	w.mu.Lock()
	w.agenda.add(at, f)
	w.mu.Unlock()
	w.kick()
}

// do runs f on the wire's goroutine and waits for it; not to be called from there.
func (w *Wire) do(f func() error) error {
	reply := make(chan error, 1)
	w.At(time.Now(), func() { reply <- f() })
	select {
	case err := <-reply:
		return err
	case <-w.done:
		return os.ErrClosed
	}
}

// wait waits until look, called with w.mu held, is true, or the wire is closed.
func (w *Wire) wait(ctx context.Context, look func() bool) error {
	ok := false
	err := w.mu.Until(ctx, func() bool { ok = look(); return ok || w.closed })
	if err == nil && !ok {
		return os.ErrClosed
	}
	return err
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }
