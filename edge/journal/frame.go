package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is one record in a segment, little endian, padded with zeros to 8 bytes:
//
//	 0  u32  length of the data, 1 … 257 KiB (0 is invalid)
//	 4  u32  kind: 0 as appended, 1 a gap tuple, 2 the end mark
//	 8  u64  seq
//	16  i64  wall time of the append in Unix milliseconds, 0 while unknown
//	24  u32  CRC-32C of salt, seq and data
//	28  u32  CRC-32C of salt and the 28 bytes before
//	32       the data
//
// The head has a CRC of its own: a frame whose data is bad still tells its number
// and where the next one begins. The end mark has length 0xffffffff, no data, and
// the seq of the last frame.
const (
	frameHead = 32
	align     = 8

	kindRecord = 0
	kindGap    = 1
	kindEnd    = 2

	endLength = 0xffffffff
)

// frameSize is what n bytes of data take.
func frameSize(n int) int64 { return int64(frameHead+n+align-1) &^ (align - 1) }

// frame is a decoded head.
type frame struct {
	n    int
	kind uint32
	seq  Seq
	wall int64
	sum  uint32
}

func (f frame) size() int64 { return frameSize(f.n) }

// codec writes and reads the frames of one segment.
type codec struct{ seed uint32 }

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

func newCodec(salt uint64) codec {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	return codec{crc32.Checksum(b[:], castagnoli())}
}

func (c codec) dataSum(seq []byte, data []byte) uint32 {
	return crc32.Update(crc32.Update(c.seed, castagnoli(), seq), castagnoli(), data)
}

// append adds a frame to dst.
func (c codec) append(dst []byte, seq Seq, kind uint32, wall int64, data []byte) []byte {
	at := len(dst)
	dst = c.head(dst, uint32(len(data)), seq, kind, wall, data)
	dst = append(dst, data...)
	for (len(dst)-at)%align != 0 {
		dst = append(dst, 0)
	}
	return dst
}

// end adds the end mark.
func (c codec) end(dst []byte, last Seq) []byte {
	return c.head(dst, endLength, last, kindEnd, 0, nil)
}

func (c codec) head(dst []byte, n uint32, seq Seq, kind uint32, wall int64, data []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, n)
	dst = binary.LittleEndian.AppendUint32(dst, kind)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(seq))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(wall))
	dst = binary.LittleEndian.AppendUint32(dst, c.dataSum(dst[at+8:at+16], data))
	return binary.LittleEndian.AppendUint32(dst, crc32.Update(c.seed, castagnoli(), dst[at:at+28]))
}

// parse reads a head of at least frameHead bytes; false where it does not verify.
func (c codec) parse(b []byte) (frame, bool) {
	n, kind := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if kind > kindEnd || n == 0 || (n > MaxMedia) != (kind == kindEnd) {
		return frame{}, false // quick: most of what a search meets ends here
	}
	f := frame{int(n), kind, Seq(binary.LittleEndian.Uint64(b[8:])), int64(binary.LittleEndian.Uint64(b[16:])), binary.LittleEndian.Uint32(b[24:])}
	if kind == kindEnd {
		if n != endLength {
			return frame{}, false
		}
		f.n = 0
	}
	return f, crc32.Update(c.seed, castagnoli(), b[:28]) == binary.LittleEndian.Uint32(b[28:])
}

// good tells whether data belongs to f.
func (c codec) good(f frame, data []byte) bool {
	var seq [8]byte
	binary.LittleEndian.PutUint64(seq[:], uint64(f.seq))
	return c.dataSum(seq[:], data) == f.sum
}
