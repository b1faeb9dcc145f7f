package pelco

import "bytes"

// Kind is the form of a dome's reply.
type Kind uint8

// The forms of reply.
const (
	// General is 4 bytes: FF, address, alarm bits, checksum (DRD14, TF-0002).
	General Kind = iota
	// Position is an extended reply of 7 bytes: FF, address, 00, opcode, two bytes of
	// data, checksum (TF-0002).
	Position
	// Accepted is the extended reply with opcode 01: the command's opcode and 01 for
	// yes or 00 for no (D-5.0.1 only).
	Accepted
	// Part is the 18-byte reply to query 45: FF, address, 15 bytes of part number,
	// checksum (TF-0002).
	Part
)

// Reply is a dome's answer.
type Reply struct {
	Kind Kind
	// Address is the answering dome's.
	Address byte
	// Alarms of a General reply: bit 0 is alarm 1 … bit 6 is alarm 7 (DRD14 p. 24).
	Alarms byte
	// Opcode of a Position reply (59 pan, 5B tilt, 5D zoom, 63 magnification), or the
	// command's own in an Accepted reply.
	Opcode byte
	// Value of a Position reply, high byte first; in hundredths of a degree for pan
	// and tilt.
	Value uint16
	// Yes of an Accepted reply.
	Yes bool
	// Number of a Part reply, 15 bytes as they came.
	Number [15]byte
}

const (
	generalLength = 4
	partLength    = 18
	opAnswer      = 0x01 // D-5.0.1
	opQueryPart   = 0x45
)

// answer is the opcode of the Position reply that a query asks for, 0 for commands.
func (c Command) answer() byte {
	switch c.Cmd2 {
	case 0x51, 0x53, 0x55: // pan, tilt, zoom: answered by 59, 5B, 5D (TF-0002)
		return c.Cmd2 + 8
	case 0x61, 0x6B, 0x6F: // magnification (TF-0002); type, diagnostics (D-5.0.1)
		return c.Cmd2 + 2
	}
	return 0
}

// Decode looks in b, received since sent was written, for the reply to it. n is the
// number of bytes up to the reply's end, 0 when it is not here or not whole.
// corrupt tells that something came that had all of a reply but a right checksum.
//
// Noise is passed over, and so is the command itself where the adapter hears what
// it sends. What kind of reply is due depends on what was asked, since a 4-byte reply
// has no length and the first bytes of some 7-byte replies look like one; address
// and opcode have to fit, so a late reply to an earlier query is none.
func Decode(sent Command, b []byte) (r Reply, n int, corrupt bool) {
	var own [Length]byte
	echo := sent.Append(own[:0])
	for i := 0; i < len(b); i++ {
		rest := b[i:]
		switch {
		case rest[0] != syncByte:
		case bytes.HasPrefix(rest, echo):
			i += Length - 1
		case bytes.HasPrefix(echo, rest):
			// The start of our own frame's echo, or by chance of a reply: the next
			// byte will tell.
			return Reply{}, 0, corrupt
		default:
			r, length, bad := sent.reply(rest)
			if length > 0 {
				return r, i + length, corrupt
			}
			corrupt = corrupt || bad
		}
	}
	return Reply{}, 0, corrupt
}

// reply reads the reply to c that begins at b[0], which is a sync.
func (c Command) reply(b []byte) (r Reply, length int, corrupt bool) {
	if len(b) < generalLength || b[1] != c.Address {
		return Reply{}, 0, false
	}
	switch want := c.answer(); {
	case c.Extended() && c.Cmd2 == opQueryPart:
		return c.part(b)
	case c.Extended() && want != 0:
		return c.position(b, want)
	}
	// A command: 7 bytes if they hold together, otherwise 4. The first four of
	// `FF 01 00 01 07 01 0A` are a General reply to a command with checksum 01.
	if len(b) >= Length {
		if f, ok := parse(b[:Length]); ok && f.Cmd1 == 0 && f.Cmd2 == opAnswer && f.Data1 == c.Cmd2 {
			return Reply{Kind: Accepted, Address: f.Address, Opcode: f.Data1, Yes: f.Data2 == 1}, Length, false
		}
	}
	// (checksum of the command + alarm byte) mod 256; bit 7 of the alarms is 0 (TF-0002).
	if b[2]&0x80 == 0 && b[3] == c.Sum()+b[2] {
		return Reply{Kind: General, Address: b[1], Alarms: b[2]}, generalLength, false
	}
	return Reply{}, 0, b[2] == 0
}

func (c Command) position(b []byte, want byte) (Reply, int, bool) {
	if len(b) < Length || b[2] != 0 || b[3] != want {
		return Reply{}, 0, false
	}
	f, ok := parse(b[:Length])
	if !ok {
		return Reply{}, 0, true
	}
	return Reply{Kind: Position, Address: f.Address, Opcode: want, Value: uint16(f.Data1)<<8 | uint16(f.Data2)}, Length, false
}

// part reads the answer to query 45. Its checksum is that of the query, plus the
// address, plus the 15 bytes (TF-0002).
func (c Command) part(b []byte) (Reply, int, bool) {
	if len(b) < partLength {
		return Reply{}, 0, false
	}
	r := Reply{Kind: Part, Address: b[1]}
	copy(r.Number[:], b[2:])
	sum := c.Sum() + b[1]
	for _, x := range r.Number {
		sum += x
	}
	if sum != b[partLength-1] {
		return Reply{}, 0, true
	}
	return r, partLength, false
}

// Unasked finds a reply at the head of b that a dome sends to a command whose reply
// nobody waited for, and returns its length, 0 if b begins with none. last is the
// command. What a second master would send to this dome is not taken for one.
func Unasked(last Command, b []byte) int {
	if len(b) < generalLength || b[0] != syncByte || b[1] != last.Address {
		return 0
	}
	if len(b) >= Length {
		if f, ok := parse(b[:Length]); ok {
			if f.Cmd1 == 0 && speaks(f.Cmd2) {
				return Length
			}
			return 0 // a command
		}
	}
	if b[2]&0x80 == 0 && b[3] == last.Sum()+b[2] {
		return generalLength
	}
	return 0
}

// speaks tells whether an opcode is one that domes send and hosts do not.
func speaks(op byte) bool {
	switch op {
	case opAnswer, 0x59, 0x5B, 0x5D, 0x63, 0x6D, 0x71:
		return true
	}
	return false
}
