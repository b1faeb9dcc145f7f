package dome

// Length tells serial.Wire where Pelco-D frames end: 7 bytes that begin with FF
// (TF-0002: the sync byte may also stand inside a frame).
func Length(b []byte) int {
	if b[0] != syncByte {
		return -1
	}
	return size
}

const (
	syncByte = 0xFF
	size     = 7
)

// The opcodes of extended commands that this dome knows (TF-0002; byte 4).
const (
	opSetPreset   = 0x03
	opClearPreset = 0x05
	opCallPreset  = 0x07
	opAuxOn       = 0x09
	opAuxOff      = 0x0B
	opReset       = 0x0F
	opSetPan      = 0x4B
	opSetTilt     = 0x4D
	opSetZoom     = 0x4F
	opQueryPan    = 0x51
	opQueryTilt   = 0x53
	opQueryZoom   = 0x55
	opPan         = 0x59
	opTilt        = 0x5B
	opZoom        = 0x5D
)

// The bits of command 2 in standard commands (TF-0002; bit 0 marks extended ones), and
// those of command 1 that move the lens.
const (
	bitRight = 0x02
	bitLeft  = 0x04
	bitUp    = 0x08
	bitDown  = 0x10
	bitTele  = 0x20
	bitWide  = 0x40
)

// sum is the checksum: bytes 2 to 6, modulo 256.
func sum(b []byte) byte {
	s := byte(0)
	for _, c := range b[1:6] {
		s += c
	}
	return s
}

// ear puts frames together from what passes on the wire.
type ear struct {
	part []byte
	bad  int
}

// take gives one byte and returns a good frame when it is whole. A frame whose checksum
// is wrong is not a frame at all: the search for a start goes on behind its sync byte,
// for FF may be data.
func (e *ear) take(c byte) []byte {
	e.part = append(e.part, c)
	for {
		for len(e.part) > 0 && e.part[0] != syncByte {
			e.part = e.part[1:]
		}
		if len(e.part) < size {
			return nil
		}
		f := e.part[:size:size]
		if sum(f) == f[6] {
			e.part = nil
			return f
		}
		e.bad++
		e.part = e.part[1:]
	}
}

// reply is a seven byte answer.
func reply(addr, op byte, value int) []byte {
	f := []byte{syncByte, addr, 0, op, byte(value >> 8), byte(value), 0}
	f[6] = sum(f)
	return f
}
