package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
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
	marks  []mark

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

// isFull tells whether the disk had no space a short time ago: then nothing grows
// and records are written over others.
func (j *Journal) isFull() bool { return j.fullTil > j.sinceOpen() }

// allocate begins a new segment for a class, in a free file, in a new one, or in
// that of the least important records. need is what it must hold at least.
func (j *Journal) allocate(rank int, need int64) (*segment, error) {
	if rank != gapRank { // that one is trimmed in chores: it cannot tell of itself from here
		if err := j.keepCeiling(rank, need); err != nil {
			return nil, err
		}
	}
	full, last := j.isFull(), false
	for {
		s := j.takeFree(rank, need, full)
		if s == nil && !full && j.headroom(rank) >= need {
			j.mu.Lock()
			j.files++
			s = &segment{name: fmt.Sprintf("seg-%06d", j.files)}
			j.mu.Unlock()
		}
		if s != nil {
			err := j.beginSegment(rank, s)
			if err == nil {
				return s, nil
			}
			if full || !errors.Is(err, syscall.ENOSPC) {
				return nil, err
			}
			j.fullTil, full = j.sinceOpen()+fullFor, true
		}
		if j.removeSmall(need) {
			full = false
			continue
		}
		if err := j.dropOne(rank); err != nil {
			if !full || last {
				return nil, err
			}
			full, last = false, true // nothing may go: perhaps there is space again
		}
	}
}

// beginSegment writes the header page and an end mark, and makes them durable
// together with the file's name before any record is written.
func (j *Journal) beginSegment(rank int, s *segment) (err error) {
	st := j.current().streams[rank]
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails: crypto/rand
	j.mu.Lock()
	j.serial++
	h := header{used: s.used, class: classOf(rank), run: j.o.Run, salt: binary.LittleEndian.Uint64(salt[:]), serial: j.serial, first: st.next, state: j.state, wall: j.wall()}
	if p := st.tailOf(); p != nil {
		h.prev, h.prevEnd, h.prevBytes = p.head.serial, p.end, p.bytes
	}
	j.mu.Unlock()
	tail := newCodec(h.salt).end(make([]byte, 0, pageSize), h.first-1)
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), true)
	if err != nil {
		return j.unusable(s, nil, err)
	}
	if err := j.writeAt(f, append(h.encode(), tail[:pageSize]...), 0); err != nil {
		return j.unusable(s, f, err)
	}
	if err := j.sync(f); err != nil {
		return j.unusable(s, f, err)
	}
	if !s.named {
		if err := j.syncDir(); err != nil {
			return j.unusable(s, f, err)
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	*s = segment{name: s.name, size: max(s.size, 2*pageSize), named: true, used: true, head: h, last: h.first - 1, end: pageSize, file: f, tail: tail[:0]}
	st.segs = append(st.segs, s)
	return nil
}

// unusable puts a file that could not be begun back: an old one among the free
// ones, a new one away.
func (j *Journal) unusable(s *segment, f File, err error) error {
	if f != nil {
		_ = f.Close() // the write's error is the one to tell
	}
	if !s.named {
		_ = j.fs.Remove(filepath.Join(j.o.Dir, s.name)) // it may not be there at all
		return err
	}
	j.mu.Lock()
	s.used, s.bad = true, true
	j.free = append(j.free, s)
	j.mu.Unlock()
	return err
}

// seal ends a segment: nothing more is written to it, and its descriptor is not
// synced again. One without records goes back to the free ones.
func (j *Journal) seal(s *segment, failed bool) {
	_ = s.file.Close() // all that counts is synced
	j.mu.Lock()
	defer j.mu.Unlock()
	s.file, s.tail, s.sealed, s.bad = nil, nil, true, failed
	if s.last >= s.head.first {
		return
	}
	st := j.current().streams[rankOf(s.head.class)]
	st.segs = slices.DeleteFunc(st.segs, func(x *segment) bool { return x == s })
	j.free = append(j.free, s)
}

// ripe lists the sealed segments in which all is done. The caller holds mu.
func (j *Journal) ripe() (out []*segment) {
	for _, r := range j.runs {
		for _, st := range r.streams {
			for _, s := range st.segs {
				if s.sealed && s.pins == 0 && st.done.covers(s.span()) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// giveBack frees segments whose end is on disk, and removes files beyond the pool.
func (j *Journal) giveBack(ripe []*segment) {
	var removed bool
	j.mu.Lock()
	gone := map[*segment]bool{}
	for _, s := range ripe {
		if s.pins == 0 { // a reader may have come since: the next time
			gone[s] = true
			j.free = append(j.free, s)
		}
	}
	j.forget(gone)
	j.mu.Unlock()
	for j.surplus() {
		removed = true
	}
	if removed {
		if err := j.syncDir(); err != nil {
			j.log.Warn("journal: removal of files is not durable yet", "error", err)
		}
	}
}

// forget takes segments out of their streams. The caller holds mu.
func (j *Journal) forget(gone map[*segment]bool) {
	if len(gone) == 0 {
		return
	}
	for _, r := range j.runs {
		for _, st := range r.streams {
			st.segs = slices.DeleteFunc(st.segs, func(s *segment) bool { return gone[s] })
		}
	}
}

// surplus removes the smallest free file if there are more files than the pool has.
func (j *Journal) surplus() bool {
	j.mu.Lock()
	files := len(j.free)
	j.eachSegment(func(*stream, *segment) { files++ })
	n := len(j.free)
	j.mu.Unlock()
	return files > j.pool && n > 0 && j.removeFree(func(*segment) bool { return true })
}

// removeSmall removes a free file that cannot hold need bytes.
func (j *Journal) removeSmall(need int64) bool {
	return j.removeFree(func(s *segment) bool { return s.size < need })
}

// removeFree removes the smallest free file that which allows.
func (j *Journal) removeFree(which func(*segment) bool) bool {
	j.mu.Lock()
	best := -1
	for i, s := range j.free {
		if which(s) && (best < 0 || s.size < j.free[best].size) {
			best = i
		}
	}
	if best < 0 {
		j.mu.Unlock()
		return false
	}
	s := j.free[best]
	j.free = slices.Delete(j.free, best, best+1)
	j.mu.Unlock()
	if err := j.fs.Remove(filepath.Join(j.o.Dir, s.name)); err != nil && !isMissing(err) {
		j.log.Warn("journal: a file cannot be removed", "file", s.name, "error", err)
	}
	return true
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
