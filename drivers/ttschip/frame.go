package ttschip

import (
	"fmt"

	"fuqiao/edged/drivers/fault"
)

// Encoding tells the chip how the bytes of a text are to be read: the lower three
// bits of a say frame's parameter (SYN6288 4.2).
type Encoding byte

// The encodings of a SYN6288. GBK holds every GB2312 text byte for byte.
const (
	GB2312  Encoding = 0
	GBK     Encoding = 1
	BIG5    Encoding = 2
	Unicode Encoding = 3 // UTF-16, big endian on this chip, no byte order mark
)

// Commands of the SYN6288 (datasheet 4.3). The same numbers mean other things on
// its relatives: 31 sets the baud rate here and stores a text there.
const (
	head         = 0xFD
	cmdSay       = 0x01
	cmdStop      = 0x02
	cmdPause     = 0x03
	cmdResume    = 0x04
	cmdQuery     = 0x21
	cmdBaud      = 0x31
	cmdPowerDown = 0x88
)

// Format is how one family of chips puts commands into bytes. Its methods append
// one whole frame to dst and allocate nothing if dst has room (MaxText + 6 bytes).
type Format struct {
	// XOR: the last byte is the XOR of all before it, head and length included,
	// and the length counts it.
	XOR bool
	// MaxText is the most bytes of text in a say frame; more is answered 45.
	MaxText int
	// MaxMusic is the highest number of a background music, 0 = the chip has none.
	MaxMusic int
	// SetsBaud: command 31 changes the baud rate.
	SetsBaud bool
}

// SYN6288Format is the frame of SYN6288 and SYN6288E: FD, length in two bytes high
// first, command, parameter, text, XOR (datasheet V1.7, 4.1–4.3).
func SYN6288Format() Format {
	return Format{XOR: true, MaxText: 200, MaxMusic: 15, SetsBaud: true}
}

// AppendSay appends "say text", or whatever marks text consists of. The text must
// be 1…MaxText bytes in encoding e already and is not looked into.
// Errors: fault.BadInput for a text, an encoding or a music outside the format.
func (f Format) AppendSay(dst []byte, e Encoding, music int, text []byte) ([]byte, error) {
	switch {
	case len(text) == 0 || len(text) > f.MaxText:
		return dst, fmt.Errorf("say: text of %d bytes, allowed 1 to %d: %w", len(text), f.MaxText, fault.BadInput)
	case e > Unicode:
		return dst, fmt.Errorf("say: encoding %d, allowed 0 to %d: %w", e, Unicode, fault.BadInput)
	case music < 0 || music > f.MaxMusic:
		return dst, fmt.Errorf("say: music %d, allowed 0 to %d: %w", music, f.MaxMusic, fault.BadInput)
	}
	start := len(dst)
	dst = f.open(dst, 2+len(text), cmdSay)
	dst = append(dst, byte(music)<<3|byte(e)) // SYN6288 4.2: music in the upper five bits
	return f.close(append(dst, text...), start), nil
}

// AppendStop appends "be silent at once" (4.4.3).
func (f Format) AppendStop(dst []byte) []byte { return f.bare(dst, cmdStop) }

// AppendPause appends "hold the utterance" (4.4.4). It can be resumed only while no
// other say frame was sent.
func (f Format) AppendPause(dst []byte) []byte { return f.bare(dst, cmdPause) }

// AppendResume appends "go on after a pause" (4.4.5).
func (f Format) AppendResume(dst []byte) []byte { return f.bare(dst, cmdResume) }

// AppendQuery appends "are you speaking?" (4.4.6); the answer is 4E or 4F, on some
// firmware after a 41.
func (f Format) AppendQuery(dst []byte) []byte { return f.bare(dst, cmdQuery) }

// AppendPowerDown appends "sleep" (4.4.7). Any byte wakes the chip, which then needs
// 16 ms.
func (f Format) AppendPowerDown(dst []byte) []byte { return f.bare(dst, cmdPowerDown) }

// AppendBaud appends "speak at this baud rate from now on" (4.4.2): 9600, 19200 or
// 38400. The chip forgets it at every reset; at 38400 it misses about half of the
// frames that come while it is speaking.
// Errors: fault.Unsupported for a family that has no such command, fault.BadInput
// for another rate.
func (f Format) AppendBaud(dst []byte, baud int) ([]byte, error) {
	if !f.SetsBaud {
		return dst, fmt.Errorf("set baud: %w", fault.Unsupported)
	}
	var code byte
	switch baud {
	case 9600:
		code = 0
	case 19200:
		code = 1
	case 38400:
		code = 2
	default:
		return dst, fmt.Errorf("set baud: %d, allowed 9600, 19200, 38400: %w", baud, fault.BadInput)
	}
	start := len(dst)
	return f.close(append(f.open(dst, 2, cmdBaud), code), start), nil
}

// bare appends a command without parameter.
func (f Format) bare(dst []byte, cmd byte) []byte {
	return f.close(f.open(dst, 1, cmd), len(dst))
}

// open appends head, length and command; n counts the command and what follows it.
func (f Format) open(dst []byte, n int, cmd byte) []byte {
	if f.XOR {
		n++
	}
	return append(dst, head, byte(n>>8), byte(n), cmd)
}

// close appends the check byte over the frame that begins at start.
func (f Format) close(dst []byte, start int) []byte {
	if !f.XOR {
		return dst
	}
	var sum byte
	for _, b := range dst[start:] {
		sum ^= b
	}
	return append(dst, sum)
}
