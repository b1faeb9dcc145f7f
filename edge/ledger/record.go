package ledger

import (
	"encoding/binary"
	"hash/crc32"
)

// Layout. The file is a ring of segments. Each begins with a header that is on disk
// before its first record; its random salt enters every record's checksum, so what
// an earlier use of the segment left behind, and zeros, never verify.
//
//	header: magic(8) version(2) slots(2) segment size(4) gen(8) salt(8) since(8) run(16) zero(4) crc(4)
//	record: length(4) crc(4) batch(4) body
//
// All numbers are big endian. A record's crc is CRC-32C over salt, the record's
// offset in its segment, batch and body. A batch is what one sync covers; since is
// the gen of the run's first segment and tells runs apart. Segments are replayed in the order of gen; later records of
// the same thing replace earlier ones.
const (
	magic      = "EDGEDLGR"
	version    = 1
	headerSize = 64
	recordHead = 12
)

// geometry of a file.
type geometry struct {
	segments int
	size     int // of one segment in bytes
}

// standard is 12 MiB: what can be alive at most (maxEntries, maxResults, maxOpen)
// fills little more than half of it.
func standard() geometry { return geometry{segments: 96, size: 128 << 10} }

// maxBody is the largest body that a segment holds beside its seal.
func (g geometry) maxBody() int { return g.size - headerSize - 2*recordHead - 1 }

// Kinds of record.
const (
	recEntry = 'E' // an order and its place in the window
	recSlot  = 'D' // what became of it on one device
	recFloor = 'F' // the lower end of a window that had to be shortened
	recSeal  = 'Z' // no more records in this segment
)

// table is CRC-32C (Castagnoli); MakeTable returns the shared one.
func table() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// header is a segment's header.
type header struct {
	gen   uint64
	salt  uint64
	since uint64
	run   string
}

func (h header) encode(g geometry) []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint16(b, uint16(g.segments))
	b = binary.BigEndian.AppendUint32(b, uint32(g.size))
	b = binary.BigEndian.AppendUint64(b, h.gen)
	b = binary.BigEndian.AppendUint64(b, h.salt)
	b = binary.BigEndian.AppendUint64(b, h.since)
	var run [16]byte
	copy(run[:], h.run)
	b = append(b, run[:]...)
	b = append(b, make([]byte, headerSize-4-len(b))...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, table()))
}

// decodeHeader reads a header. newer: it is ours, of a version that we do not know.
func decodeHeader(b []byte, g geometry) (h header, newer, ok bool) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return h, false, false
	}
	if binary.BigEndian.Uint16(b[8:]) > version {
		return h, true, false
	}
	if binary.BigEndian.Uint32(b[headerSize-4:]) != crc32.Checksum(b[:headerSize-4], table()) ||
		int(binary.BigEndian.Uint16(b[10:])) != g.segments || int(binary.BigEndian.Uint32(b[12:])) != g.size {
		return h, false, false
	}
	h.gen, h.salt = binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[24:])
	h.since = binary.BigEndian.Uint64(b[32:])
	return h, false, h.gen > 0
}

func checksum(salt uint64, off int, batch uint32, body []byte) uint32 {
	var seed [16]byte
	binary.BigEndian.PutUint64(seed[:], salt)
	binary.BigEndian.PutUint32(seed[8:], uint32(off))
	binary.BigEndian.PutUint32(seed[12:], batch)
	return crc32.Update(crc32.Checksum(seed[:], table()), table(), body)
}

// appendRecord frames body for offset off of a segment.
func appendRecord(b []byte, salt uint64, off int, batch uint32, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	b = binary.BigEndian.AppendUint32(b, checksum(salt, off, batch, body))
	b = binary.BigEndian.AppendUint32(b, batch)
	return append(b, body...)
}

// batchWindow is how far batch numbers of neighbouring records can lie apart. It
// keeps remains of an earlier use, whose numbers are lower, from costing a checksum.
const batchWindow = 1 << 20

// recordAt reads the record at off of a segment; last is the newest batch before it.
// ok: it verifies.
func recordAt(seg []byte, salt uint64, off int, last uint32) (body []byte, batch uint32, ok bool) {
	if off+recordHead > len(seg) {
		return nil, 0, false
	}
	n := binary.BigEndian.Uint32(seg[off:])
	if n == 0 || uint64(n) > uint64(len(seg)-off-recordHead) {
		return nil, 0, false
	}
	if batch = binary.BigEndian.Uint32(seg[off+8:]); last != 0 && (batch < last || batch-last > batchWindow) {
		return nil, 0, false
	}
	body = seg[off+recordHead : off+recordHead+int(n)]
	return body, batch, binary.BigEndian.Uint32(seg[off+4:]) == checksum(salt, off, batch, body)
}

// The bodies. Strings carry their length in one byte, texts in four.

func (e *entry) encode(b []byte) []byte {
	b = append(b, recEntry, flag(e.settled))
	b = binary.BigEndian.AppendUint64(b, e.seq)
	b = append(b, e.hash[:]...)
	b = short(short(b, e.kid), e.id)
	if e.settled {
		return b
	}
	b = long(b, e.order)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.slots)))
	for _, s := range e.slots {
		b = short(b, s.device)
	}
	return b
}

func (s *slot) encode(b []byte) []byte {
	b = append(b, recSlot, byte(s.state))
	b = binary.BigEndian.AppendUint64(b, s.e.seq)
	b = short(short(b, s.e.kid), s.device)
	return long(b, s.terminal)
}

func (w *window) encode(b []byte) []byte {
	b = append(b, recFloor, 0)
	b = binary.BigEndian.AppendUint64(b, w.floor)
	return short(b, w.kid)
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func short(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

func long(b, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// reader takes a body apart; after a short read everything is empty and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) short() string { return string(r.take(int(r.u8()))) }

func (r *reader) long() []byte { return append([]byte(nil), r.take(int(r.u32()))...) }
