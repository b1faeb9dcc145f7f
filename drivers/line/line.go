// Package line is the seam between a driver and a half-duplex wire. A driver
// holds one Line for its device and never sees the port, the other devices on
// the wire or the time between frames; package bus implements Line over a serial
// port, drivertest implements it over a script.
package line

import (
	"context"
	"time"
)

// Frame is one piece of talk on the wire: bytes out and, where Want is set, the
// reply that they ask for.
type Frame struct {
	// Write is sent in one piece, with the bus's gap of silence before it.
	// It is not changed and not kept after Exchange returns.
	Write []byte
	// Want looks at the bytes received since the frame was sent and returns
	// how many of them, counted from the first, are a whole reply; 0 means that
	// more is due. nil: no reply is waited for.
	// Bytes that are no part of a reply must be skipped by Want itself. It runs on
	// the bus's goroutine, is asked again with more bytes or other parts of them, and
	// is not called any more when Exchange has returned.
	Want func(received []byte) int
	// Reply is how long to wait for a whole reply after the last byte has left
	// the wire. 0 takes the device's own default.
	Reply time.Duration
	// Quiet is silence to keep on the wire after this frame, beyond the bus's gap
	// (a speech chip wants > 8 ms, a relay board 200 ms after a broadcast).
	Quiet time.Duration
	// Urgent frames overtake all that waits, cut the time that a normal frame
	// waits for its reply, and are first come first served among themselves.
	// Stops are urgent.
	Urgent bool
}

// Line is one device's end of a wire.
type Line interface {
	// Exchange sends f and returns its reply (nil where Want is nil). It returns
	// when the last byte is on the wire and the reply is here or overdue; it never
	// waits for the end of an utterance or a motion.
	// Errors: fault.NoReply (sent, no answer), fault.PortLost, fault.Full (not
	// sent), ctx.Err() (not sent, unless the frame was on the wire already).
	Exchange(ctx context.Context, f Frame) ([]byte, error)
	// Listen registers take for bytes that no Exchange claimed (a speech chip's
	// 4F, a module's 3D, completions). take gets all unclaimed bytes so far and
	// returns how many from the first are this device's; bytes that no listener
	// takes are counted as foreign. It runs on the bus's goroutine and must not
	// block nor call Exchange. stop ends it.
	Listen(take func(received []byte) int) (stop func())
}

// Cut stands in the chain beside fault.NoReply when the frame's turn was ended for
// an urgent one: that no answer came says nothing about the device. The frame may
// have been carried out; whether sending it again is safe is the driver's to know.
//
//	errors.Is(err, line.Cut{})
type Cut struct{}

// Error says it in English.
func (Cut) Error() string { return "cut by an urgent frame" }

// Counter is a Line that keeps count of what only a driver can see.
type Counter interface {
	// Corrupt counts one reply whose checksum was wrong.
	Corrupt()
}
