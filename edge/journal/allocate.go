package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"path/filepath"
	"syscall"
)

// isFull tells whether the disk had no space a short time ago: then nothing grows
// and records are written over others.
func (j *Journal) isFull() bool { return j.fullTil > j.sinceOpen() }

// allocate begins a new segment for a class, in a free file, in a new one, or in
// that of the least important records. need is what it must hold at least.
func (j *Journal) allocate(rank int, need int64) (*segment, error) {
	if rank != gapRank { // that one is trimmed in chores: it cannot tell of itself from here
		if err := j.keepCeiling(rank, j.segment); err != nil {
			return nil, err
		}
	}
	full, last := j.isFull(), false
	if err := j.harvest(rank); err != nil {
		return nil, err
	}
	for {
		s := j.takeFree(rank, need, full)
		if s == nil && !full && j.headroom(rank) >= need {
			j.mu.Lock()
			j.files++
			s = &segment{name: segmentName(j.files)}
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

// harvest writes the state if that gives files back while none is free: one sync
// more is cheaper than a file that grows.
func (j *Journal) harvest(rank int) error {
	j.mu.Lock()
	wanted := (len(j.free) == 0 || len(j.free) == 1 && rank != gapRank) && len(j.ripe()) > 0
	j.mu.Unlock()
	if !wanted {
		return nil
	}
	return j.writeState(false)
}

// beginSegment writes the header page and an end mark, and makes them durable
// together with the file's name before any record is written.
func (j *Journal) beginSegment(rank int, s *segment) (err error) {
	st := j.current().streams[rank]
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails: crypto/rand
	wall := j.wall()
	j.mu.Lock()
	j.serial++
	h := header{used: s.used, class: classOf(rank), run: j.o.Run, salt: binary.LittleEndian.Uint64(salt[:]), serial: j.serial, first: st.next, state: j.state, wall: wall}
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
	*s = segment{name: s.name, size: max(s.size, 2*pageSize), named: true, used: true, head: h, last: h.first - 1, end: pageSize, file: f, tail: tail[:0], begun: j.lived}
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
