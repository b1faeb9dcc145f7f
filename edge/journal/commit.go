package journal

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// gather gives the writers that the last commit woke a small part of the time that
// a sync takes to come again, so that as many as then share this one, and takes
// what waits.
func (j *Journal) gather() {
	began := time.Now()
	for n := 0; n < mostYields && int(j.waiting.Load()) < j.expect && time.Since(began) < j.patience; n++ {
		runtime.Gosched()
	}
	j.take()
}

// commit writes what was taken, the most important class first, and answers it.
func (j *Journal) commit() {
	if j.taken == ([ranks]*batch{}) {
		return
	}
	j.lastPut = j.sinceOpen()
	for rank := ranks - 1; rank >= 0; rank-- {
		switch b := j.taken[rank]; {
		case b == nil:
		case !j.begun || j.down.Load():
			j.remember(rank, b)
			j.finish(rank, nil)
		default:
			if err := j.put(rank, b); err != nil {
				j.remember(rank, b)
			}
			j.finish(rank, nil)
		}
	}
	wake(j.grown)
	j.mu.Lock()
	state := j.begun && j.dirty && j.sinceOpen()-j.stateAt >= ackGap
	j.mu.Unlock()
	if state {
		if err := j.writeState(false); err != nil {
			j.fail("writing the state", err)
		}
	}
}

// own makes a batch of the journal's own records.
func own(kind uint32, records [][]byte) *batch {
	b := &batch{kind: kind}
	for _, r := range records {
		b.data = append(b.data, r...)
		b.ends = append(b.ends, len(b.data))
	}
	return b
}

// putOwn writes records of class gap and returns the number of the last.
func (j *Journal) putOwn(kind uint32, records ...[]byte) (Seq, error) {
	if err := j.unloadClass(gapRank); err != nil { // their numbers come first
		return 0, err
	}
	b := own(kind, records)
	err := j.put(gapRank, b)
	wake(j.grown)
	return b.first + Seq(b.ok) - 1, err
}

// put writes a batch of one class and counts in it what is on disk. After a failed
// write or sync the descriptor is never synced again, for the kernel has marked
// its pages clean: the segment is sealed, and what was not acknowledged is written
// from RAM into a fresh one. When that fails too, the disk is given up for a while.
func (j *Journal) put(rank int, b *batch) (err error) {
	b.first = j.current().streams[rank].next
	for b.ok < len(b.ends) {
		if err = j.putSome(rank, b); err != nil {
			j.log.Warn("journal: a commit failed, trying a fresh segment", "class", classOf(rank), "error", err)
			j.sealFailed(rank, err)
			err = j.putSome(rank, b)
		}
		if err != nil {
			j.sealFailed(rank, err)
			if j.begun {
				j.fail("a commit", err)
			}
			return err
		}
	}
	return nil
}

// sealFailed seals a class's active segment, if it has one.
func (j *Journal) sealFailed(rank int, why error) {
	if errors.Is(why, syscall.ENOSPC) {
		j.fullTil = j.sinceOpen() + fullFor
	}
	if s := j.current().streams[rank].tailOf(); s != nil && !s.sealed {
		j.seal(s, why != nil)
	}
}

// chunk is one write to a segment: whole pages, so that the kernel need not read
// first. It begins with what the page at at holds already.
type chunk struct {
	b     []byte
	at    int64
	end   int64 // where the records end
	n     int   // records
	last  Seq
	bytes int64 // of data
}

// putSome writes as many of a batch's remaining records as the active segment
// takes, at least one, with one write and one fdatasync.
func (j *Journal) putSome(rank int, b *batch) error {
	s, limit, err := j.active(rank, frameSize(len(b.record(b.ok))))
	if err != nil {
		return err
	}
	st := j.current().streams[rank]
	w := j.encode(s, st.next, b, limit)
	if err := j.writeAt(s.file, w.b, w.at); err != nil {
		return err
	}
	began := time.Now()
	if err := j.sync(s.file); err != nil {
		return err
	}
	j.patience = min(time.Since(began)/3, mostPatience)
	page := w.end&^(pageSize-1) - w.at
	s.tail = append(s.tail[:0], w.b[page:w.end-w.at]...)
	j.mu.Lock()
	for _, m := range j.places {
		s.mark(m)
	}
	s.size, s.end, s.last, s.bytes = max(s.size, w.at+int64(len(w.b))), w.end, w.last, s.bytes+w.bytes
	st.next = w.last + 1
	j.mu.Unlock()
	b.ok += w.n
	return nil
}

// lastMark is where a segment's last mark is. Readers set marks too.
func (j *Journal) lastMark(s *segment) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(s.marks); n > 0 {
		return s.marks[n-1].off
	}
	return -markEvery
}

// encode makes the chunk for as many records of a batch as stay below limit.
func (j *Journal) encode(s *segment, first Seq, from *batch, limit int64) chunk {
	w := chunk{at: s.end &^ (pageSize - 1)}
	c, wall, now := newCodec(s.head.salt), j.wall(), j.sinceOpen()
	b := append(j.enc[:0], s.tail...)
	j.places = j.places[:0]
	marked := j.lastMark(s)
	for i := from.ok; i < len(from.ends); i++ {
		off, rec := w.at+int64(len(b)), from.record(i)
		if w.n > 0 && off+frameSize(len(rec))+frameHead > limit {
			break
		}
		seq := first + Seq(w.n)
		if from.walls != nil {
			wall = from.walls[i]
		}
		if off >= marked+markEvery {
			marked = off
			j.places = append(j.places, mark{seq, off, now})
		}
		b = c.append(b, seq, from.kind, wall, rec)
		w.bytes += int64(len(rec))
		w.n++
	}
	w.last, w.end = first+Seq(w.n)-1, w.at+int64(len(b))
	b = c.end(b, w.last)
	w.b = append(b, make([]byte, pages(int64(len(b)))-int64(len(b)))...)
	if j.enc = w.b; cap(j.enc) > keepBuffer {
		j.enc = nil
	}
	return w
}
