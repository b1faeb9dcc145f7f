package speech

import "time"

// Length tells serial.Wire where SYN6288 frames end (4.1): FD, two bytes of length that
// count everything behind them, command, parameter, text, XOR.
func Length(b []byte) int {
	switch {
	case b[0] != head:
		return -1
	case len(b) < 3:
		return 0
	}
	return 3 + int(b[1])<<8 + int(b[2])
}

const (
	head = 0xFD
	// longest is command + parameter + 200 bytes of text + XOR (4.3.3), shortest
	// command + XOR.
	longest, shortest = 203, 2
	// pause breaks a frame when it is between two of its bytes (4.1), and is needed
	// between two frames.
	pause = 8 * time.Millisecond
	// char is one byte at 9600 Bd.
	char = time.Second * 10 / 9600
)

// The commands (4.4).
const (
	cmdSay    = 0x01
	cmdStop   = 0x02
	cmdPause  = 0x03
	cmdResume = 0x04
	cmdStatus = 0x21
	cmdBaud   = 0x31
	cmdSleep  = 0x88
)

// The answers, one byte each (2.2).
const (
	ready    = 0x4A
	accepted = 0x41
	refused  = 0x45
	speaking = 0x4E
	idle     = 0x4F
)

// ear puts frames together.
type ear struct {
	part   []byte
	last   time.Time
	broken int  // frames that a pause broke
	hasty  int  // frames that came too soon after the one before
	skip   bool // until the next pause: what follows an impossible length
	end    time.Time
}

// verdict is what the ear makes of a byte.
type verdict uint8

const (
	more verdict = iota
	good
	wrong
)

// take gives one byte that had arrived at at; with good it returns the frame.
func (e *ear) take(c byte, at time.Time) (verdict, []byte) {
	silence := at.Sub(e.last) - char
	e.last = at
	if silence > pause {
		if len(e.part) > 0 {
			e.broken++
		}
		e.part, e.skip = nil, false
	}
	if e.skip || len(e.part) == 0 && c != head {
		return more, nil
	}
	if len(e.part) == 0 && !e.end.IsZero() && at.Sub(e.end)-char < pause-time.Millisecond {
		e.hasty++
	}
	e.part = append(e.part, c)
	if len(e.part) < 3 {
		return more, nil
	}
	n := Length(e.part)
	if n < 3+shortest || n > 3+longest {
		e.part, e.skip = nil, true
		return wrong, nil
	}
	if len(e.part) < n {
		return more, nil
	}
	f := e.part
	e.part, e.end = nil, at
	x := byte(0)
	for _, c := range f[:n-1] {
		x ^= c
	}
	if x != f[n-1] {
		return wrong, nil
	}
	return good, f
}
