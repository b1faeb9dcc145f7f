package journal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"fuqiao/edged/edge/wire"
)

// The header page of a segment is 4 KiB with two copies of the header, at 0 and at
// 2048, so that one bad sector does not cost the segment. Little endian:
//
//	  0  8    "fqjsegmt"
//	  8  u32  format version, 1
//	 12  u32  flags: 1 = the file was used before, old bytes may follow the end mark
//	 16  16   class, padded with zeros
//	 32  16   run, padded with zeros
//	 48  u64  random salt
//	 56  u64  serial: rises with every segment, whatever its class or file
//	 64  u64  seq of the first record
//	 72  u64  where the previous segment of this run and class ends, 0 if there is none
//	 80  u64  bytes of data in that segment
//	 88  u64  number of the state file that was on disk when the segment was begun
//	 96  i64  wall time in Unix milliseconds, 0 while unknown
//	104  u64  serial of the previous segment of this run and class, 0 if there is none
//	112  12   zeros
//	124  u32  CRC-32C of the 124 bytes before
//
// The last seq of a segment is one before the first of its successor: what a failed
// commit left behind that is void. Where the successor is gone the state says it.
const (
	pageSize   = 4096
	copyAt     = 2048
	headerSize = 128
	version    = 1

	flagUsed = 1
)

func magic() []byte { return []byte("fqjsegmt") }

// header is a segment's first page, decoded.
type header struct {
	used      bool
	class     Class
	run       wire.Run
	salt      uint64
	serial    uint64
	first     Seq
	prevEnd   int64
	prevBytes int64
	prev      uint64
	state     uint64
	wall      int64
}

// encode makes the header page.
func (h *header) encode() []byte {
	b := make([]byte, pageSize)
	copy(b, magic())
	binary.LittleEndian.PutUint32(b[8:], version)
	if h.used {
		binary.LittleEndian.PutUint32(b[12:], flagUsed)
	}
	copy(b[16:32], h.class)
	copy(b[32:48], h.run)
	for i, v := range []uint64{h.salt, h.serial, uint64(h.first), uint64(h.prevEnd), uint64(h.prevBytes), h.state, uint64(h.wall), h.prev} {
		binary.LittleEndian.PutUint64(b[48+8*i:], v)
	}
	binary.LittleEndian.PutUint32(b[124:], crc32.Checksum(b[:124], castagnoli()))
	copy(b[copyAt:], b[:headerSize])
	return b
}

// look is what a header page is found to be.
type look uint8

const (
	lookGood  look = iota
	lookBlank      // zeros: a file of the pool that was never used
	lookBad        // neither copy verifies
	lookNewer      // both copies name one newer version
)

// decodeHeader reads the beginning of a file, which may be short: two pages, for a
// segment that was begun has an end mark in the second even if the first is wiped. Where the copies differ (a
// rewrite was torn) the newer one counts: its segment has no records yet.
func decodeHeader(b []byte) (header, look) {
	page := make([]byte, 2*pageSize)
	copy(page, b)
	first, ok1 := decodeCopy(page)
	second, ok2 := decodeCopy(page[copyAt:])
	switch {
	case ok1 && (!ok2 || first.serial >= second.serial):
		return first, lookGood
	case ok2:
		return second, lookGood
	case newer(page) > version && newer(page) == newer(page[copyAt:]):
		return header{}, lookNewer
	case len(bytes.Trim(page, "\x00")) == 0:
		return header{}, lookBlank
	}
	return header{}, lookBad
}

// newer returns the version of a copy whose magic is right, else 0.
func newer(b []byte) uint32 {
	if !bytes.Equal(b[:8], magic()) {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

func decodeCopy(b []byte) (header, bool) {
	if newer(b) != version || crc32.Checksum(b[:124], castagnoli()) != binary.LittleEndian.Uint32(b[124:]) {
		return header{}, false
	}
	var v [8]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[48+8*i:])
	}
	h := header{
		used:  binary.LittleEndian.Uint32(b[12:])&flagUsed != 0,
		class: Class(bytes.TrimRight(b[16:32], "\x00")),
		run:   wire.Run(bytes.TrimRight(b[32:48], "\x00")),
		salt:  v[0], serial: v[1], first: Seq(v[2]), prevEnd: int64(v[3]), prevBytes: int64(v[4]), state: v[5], wall: int64(v[6]), prev: v[7],
	}
	return h, rankOf(h.class) >= 0 && h.run != "" && h.first > 0
}
