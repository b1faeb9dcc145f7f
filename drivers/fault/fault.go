// Package fault holds the classes of error that a driver, a bus or a pin may
// return. A class says what the caller can do about it; the text says which
// thing it was. One place (edge/command) turns a class into a result's reason,
// so nobody compares texts.
//
// Errors are wrapped as usual and name the thing:
//
//	fmt.Errorf("pelco-d 3: bus rs485-1: write: %w", fault.PortLost)
package fault

import "errors"

// Class is a kind of failure. It is itself an error, so that errors.Is finds it
// in a chain and no mutable sentinel variable is needed.
type Class string

// The classes.
const (
	// BadInput: the caller asked for something outside the device's range
	// (preset 300, speed 2). Nothing was sent.
	BadInput Class = "bad input"
	// Unsupported: this device cannot do it at all. Nothing was sent.
	Unsupported Class = "unsupported"
	// NoReply: it was sent, and no valid answer came within the time-out.
	NoReply Class = "no reply"
	// Refused: the device answered, and its answer was no.
	Refused Class = "refused by the device"
	// PortLost: the serial port, GPIO chip or sound card is not there now.
	PortLost Class = "port lost"
	// Full: a bounded queue has no place left. Nothing was sent.
	Full Class = "queue full"
	// Reset: the device restarted by itself in the middle of its work.
	Reset Class = "device reset"
)

// Error makes a Class an error; the text is the class's name in English.
func (c Class) Error() string { return string(c) }

// Of returns the first Class in err's chain, or "" where there is none.
func Of(err error) Class {
	var c Class
	if errors.As(err, &c) {
		return c
	}
	return ""
}
