package journal

import (
	"bytes"
	"io"
)

// scanner reads the frames of one segment, past damage.
type scanner struct {
	f    io.ReaderAt
	c    codec
	off  int64 // of the next frame
	end  int64 // nothing is read from here on
	last Seq   // last number passed
	used bool  // old bytes of a former use may follow

	chunk int  // bytes to read at a time
	keep  bool // the caller keeps data: read into a new buffer each time
	buf   []byte
	bufAt int64
}

// found is what scanner.next came upon.
type found uint8

const (
	foundRecord found = iota // frame and data
	foundLoss                // numbers in lost are not readable, and others follow
	foundEnd                 // the end mark, or the end of what may be read
	foundTorn                // nothing valid follows; cut is how much of it there is
)

// step is one answer of scanner.next.
type step struct {
	found found
	frame frame
	data  []byte
	at    int64 // where the frame begins
	lost  Range
	cut   int64
}

// scanSegment begins at a segment's first frame.
func scanSegment(f io.ReaderAt, h header, end int64) *scanner {
	return &scanner{f: f, c: newCodec(h.salt), off: pageSize, end: end, last: h.first - 1, used: h.used, chunk: 256 << 10}
}

// next returns the next record, loss or end.
func (s *scanner) next() (step, error) {
	if s.off >= s.end {
		return step{found: foundEnd, at: s.off}, nil
	}
	head, err := s.window(s.off, frameHead)
	if err != nil {
		return step{}, err
	}
	f, ok := frame{}, false
	if len(head) == frameHead {
		f, ok = s.c.parse(head)
	}
	switch {
	case ok && f.kind == kindEnd && f.seq == s.last:
		return step{found: foundEnd, at: s.off}, nil
	case ok && f.kind == kindEnd && f.seq > s.last:
		return s.jump(f.seq), nil
	case ok && f.kind != kindEnd && f.seq > s.last+1:
		return s.jump(f.seq - 1), nil
	case ok && f.kind != kindEnd && f.seq == s.last+1:
		return s.record(f)
	}
	return s.resume(s.off+align, 0)
}

// jump passes numbers that are not there.
func (s *scanner) jump(to Seq) step {
	lost := Range{s.last + 1, to}
	s.last = to
	return step{found: foundLoss, lost: lost}
}

// record takes the frame at s.off, whose head is good.
func (s *scanner) record(f frame) (step, error) {
	data, err := s.window(s.off+frameHead, f.n)
	if err != nil {
		return step{}, err
	}
	if len(data) < f.n || !s.c.good(f, data) {
		return s.resume(s.off+f.size(), frameHead+int64(f.n))
	}
	st := step{found: foundRecord, frame: f, data: data, at: s.off}
	s.off += f.size()
	s.last = f.seq
	return st, nil
}

// resume goes on at the next valid frame from from. Without one the rest is a torn
// tail; known is how much of it is surely ours.
func (s *scanner) resume(from, known int64) (step, error) {
	for o := from; o+frameHead <= s.end; o += align {
		b, err := s.window(o, frameHead)
		if err != nil {
			return step{}, err
		}
		if len(b) < frameHead {
			break
		}
		f, ok := s.c.parse(b)
		if !ok || f.seq < s.last || f.seq == s.last && f.kind != kindEnd || uint64(f.seq-s.last) > uint64(o-s.off)/uint64(frameSize(1))+1 {
			continue
		}
		if f.kind != kindEnd {
			data, err := s.window(o+frameHead, f.n)
			if err != nil {
				return step{}, err
			}
			if len(data) < f.n || !s.c.good(f, data) {
				continue
			}
		}
		s.off = o
		return s.next()
	}
	cut, err := s.torn(known)
	return step{found: foundTorn, at: s.off, cut: cut}, err
}

// torn measures a tail: up to its last byte that is not zero, in a file with old
// bytes only within the page, because writes are whole pages.
func (s *scanner) torn(known int64) (int64, error) {
	end := s.end
	if s.used {
		end = min(end, (s.off/pageSize+1)*pageSize)
	}
	cut := min(known, s.end-s.off)
	for o := s.off; o < end; o += int64(s.chunk) {
		b, err := s.window(o, int(min(int64(s.chunk), end-o)))
		if err != nil {
			return cut, err
		}
		if n := len(bytes.TrimRight(b, "\x00")); n > 0 {
			cut = max(cut, o+int64(n)-s.off)
		}
		if len(b) == 0 {
			break
		}
	}
	return cut, nil
}

// window returns n bytes at off, fewer at the end.
func (s *scanner) window(off int64, n int) ([]byte, error) {
	n = int(max(0, min(int64(n), s.end-off)))
	if off < s.bufAt || off+int64(n) > s.bufAt+int64(len(s.buf)) {
		size := int(min(int64(max(s.chunk, n)), s.end-off))
		if s.keep || cap(s.buf) < size {
			s.buf = make([]byte, size)
		}
		s.buf = s.buf[:size]
		got, err := readFull(s.f, s.buf, off)
		s.buf, s.bufAt = s.buf[:got], off
		if err != nil {
			return nil, err
		}
	}
	from := int(off - s.bufAt)
	return s.buf[from:min(from+n, len(s.buf)):min(from+n, len(s.buf))], nil
}
