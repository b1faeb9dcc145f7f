package pelco

// Length is the number of bytes of a command and of an extended reply.
const Length = 7

// syncByte begins every frame (TF-0002). It may occur inside a frame as well.
const syncByte = 0xFF

// Command is one Pelco-D frame without its sync and checksum.
type Command struct {
	// Address is 1–254, sent as it is; 0 and 255 are not used by most makers, and
	// 255 looks like the sync.
	Address                  byte
	Cmd1, Cmd2, Data1, Data2 byte
}

// Sum is the frame's checksum: its five bytes modulo 256, without the sync (TF-0002).
func (c Command) Sum() byte {
	return c.Address + c.Cmd1 + c.Cmd2 + c.Data1 + c.Data2
}

// Append appends the frame's 7 bytes to dst and returns the extended slice. With
// room in dst it allocates nothing.
func (c Command) Append(dst []byte) []byte {
	return append(dst, syncByte, c.Address, c.Cmd1, c.Cmd2, c.Data1, c.Data2, c.Sum())
}

// Extended tells whether command 2 is an opcode; otherwise it is bits of motion.
func (c Command) Extended() bool { return c.Cmd2&1 == 1 }

// The bits of command 2 in a motion frame (TF-0002).
const (
	bitRight = 0x02
	bitLeft  = 0x04
	bitUp    = 0x08
	bitDown  = 0x10
	bitTele  = 0x20
	bitWide  = 0x40
	bitFar   = 0x80
)

// The bits of command 1 in a motion frame (TF-0002).
const (
	bitNear      = 0x01
	bitIrisOpen  = 0x02
	bitIrisClose = 0x04
	bitOnOff     = 0x08
	bitScan      = 0x10
	bitSense     = 0x80
)

// Opcodes that the driver sends: command 2 of an extended frame (TF-0002).
const (
	opSetPreset   = 0x03
	opClearPreset = 0x05
	opGotoPreset  = 0x07
)

// Speeds of the data bytes (TF-0002). 00 with a direction bit is the slowest motion
// there and a stop in D-1999, so it is never sent with one.
const (
	slowest = 0x01
	fastest = 0x3F
)

// Stop is the frame that stops a dome of any maker: all bits of motion are 0.
func Stop(address byte) Command { return Command{Address: address} }

// Motion is the state that a motion frame asks for. Pan and tilt are −63…63 steps
// of speed or, for pan, ±Turbo; the rest are −1, 0 or 1, since a frame has no speed for
// them. Positive is right, up, tele, far (the lens looks far) and open.
type Motion struct {
	Pan, Tilt         int
	Zoom, Focus, Iris int
	// Turbo is the pan byte that stands for "faster than 3F": 0x40 in TF-0002, 0xFF
	// in D-1999, 0 where the dome has none. It is sent instead of 3F.
	Turbo byte
}

// Command encodes m. Values beyond their range are cut to it.
func (m Motion) Command(address byte) Command {
	c := Command{Address: address}
	c.Data1 = axis(&c.Cmd2, m.Pan, bitRight, bitLeft)
	c.Data2 = axis(&c.Cmd2, m.Tilt, bitUp, bitDown)
	if c.Data1 == fastest && m.Turbo != 0 {
		c.Data1 = m.Turbo
	}
	axis(&c.Cmd2, m.Zoom, bitTele, bitWide)
	axis(&c.Cmd1, m.Iris, bitIrisOpen, bitIrisClose)
	switch {
	case m.Focus > 0:
		c.Cmd2 |= bitFar
	case m.Focus < 0:
		c.Cmd1 |= bitNear
	}
	return c
}

// axis sets the bit of v's direction and returns its speed byte.
func axis(bits *byte, v int, plus, minus byte) byte {
	switch {
	case v > 0:
		*bits |= plus
	case v < 0:
		*bits |= minus
		v = -v
	}
	return byte(min(v, fastest))
}

// SetPreset stores preset n (ClearPreset clears and GotoPreset calls it), 1–255 (TF-0002). Numbers
// that are functions in disguise are not this function's business; see hidden.
func SetPreset(address, n byte) Command {
	return Command{Address: address, Cmd2: opSetPreset, Data2: n}
}

// ClearPreset forgets preset n.
func ClearPreset(address, n byte) Command {
	return Command{Address: address, Cmd2: opClearPreset, Data2: n}
}

// GotoPreset turns to preset n.
func GotoPreset(address, n byte) Command {
	return Command{Address: address, Cmd2: opGotoPreset, Data2: n}
}
