package journal

import (
	"fmt"
	"slices"
	"time"
)

// segment is one file: free, active (the last of a stream of this run) or sealed.
// Its fields are written by the committer with mu held, except file and tail,
// which are the committer's own.
type segment struct {
	name  string
	size  int64 // of the file
	named bool  // its name is durable
	used  bool  // it holds bytes of a former use
	bad   bool  // a write or sync of it failed: taken last

	head   header
	last   Seq   // last record on disk, head.first−1 if there is none
	end    int64 // where the records end
	bytes  int64 // of data in it
	sealed bool
	pins   int // readers
	// begun and full are when its first record may have come and when it was sealed, by
	// the journal's own clock.
	begun, full time.Duration
	marks       []mark

	file File
	tail []byte // the page that is not full yet
}

// mark is a place in a segment where reading may begin, and when it was written.
type mark struct {
	seq Seq
	off int64
	at  time.Duration // since open, 0 = in an earlier run
}

const markEvery = 64 << 10

func segmentName(n int) string { return fmt.Sprintf("seg-%06d", n) }

func (s *segment) span() Range { return Range{s.head.first, s.last} }

func (s *segment) count() int64 { return int64(s.last - s.head.first + 1) }

// mark adds a place if the last one is far enough. The caller holds mu.
func (s *segment) mark(m mark) {
	if n := len(s.marks); n == 0 || m.off >= s.marks[n-1].off+markEvery {
		s.marks = append(s.marks, m)
	}
}

// markBefore is the last mark at or before seq.
func (s *segment) markBefore(seq Seq) mark {
	best := mark{seq: s.head.first, off: pageSize}
	for _, m := range s.marks {
		if m.seq > seq {
			break
		}
		best = m
	}
	return best
}

// tailOf is a stream's last segment, nil if there is none.
func (s *stream) tailOf() *segment {
	if n := len(s.segs); n > 0 {
		return s.segs[n-1]
	}
	return nil
}

// active returns the segment of this run that takes a frame of need bytes, and
// up to which offset it may be written now.
func (j *Journal) active(rank int, need int64) (*segment, int64, error) {
	st := j.current().streams[rank]
	if s := st.tailOf(); s != nil && !s.sealed {
		if limit := j.limit(rank, s); s.end+need+frameHead <= limit {
			return s, limit, nil
		}
		j.seal(s, false)
	}
	s, err := j.allocate(rank, pages(pageSize+need+frameHead))
	if err != nil {
		return nil, 0, err
	}
	return s, j.limit(rank, s), nil
}

func pages(n int64) int64 { return (n + pageSize - 1) &^ (pageSize - 1) }

// limit is how far a segment may be written: to the end of its file, and where the
// budget allows beyond that.
func (j *Journal) limit(rank int, s *segment) int64 {
	if s.size >= j.segment {
		return j.segment
	}
	if j.isFull() {
		return s.size
	}
	return min(j.segment, s.size+max(0, j.headroom(rank))&^(pageSize-1))
}

// seal ends a segment: nothing more is written to it, and its descriptor is not
// synced again. One without records goes back to the free ones.
func (j *Journal) seal(s *segment, failed bool) {
	_ = s.file.Close() // all that counts is synced
	j.mu.Lock()
	defer j.mu.Unlock()
	s.file, s.tail, s.sealed, s.bad, s.full = nil, nil, true, failed, j.lived
	if s.last >= s.head.first {
		return
	}
	st := j.current().streams[rankOf(s.head.class)]
	st.segs = slices.DeleteFunc(st.segs, func(x *segment) bool { return x == s })
	j.free = append(j.free, s)
}

// eachSegment calls do for every segment that is not free. The caller holds mu.
func (j *Journal) eachSegment(do func(*stream, *segment)) {
	for _, r := range j.runs {
		for _, st := range r.streams {
			for _, s := range st.segs {
				do(st, s)
			}
		}
	}
}
