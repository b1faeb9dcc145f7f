package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"fuqiao/edged/drivers/fault"
)

// request is one Append on its way; it is used again.
type request struct {
	rank int
	data []byte
	seq  Seq
	err  error
	done chan struct{}
}

// item is one record that the committer writes: of the batch's request at, or the
// journal's own.
type item struct {
	data []byte
	kind uint32
	at   int
}

const ownItem = -1

// Append makes a record durable and returns its number. It returns after the
// fdatasync that covers it, which is shared with all who append at that time.
// rec is copied; except in class Media it is a JSON object with at least one
// member. While the disk takes nothing the error is ErrStorage, at once. When ctx
// ends first, whether the record is kept is not known.
func (j *Journal) Append(ctx context.Context, c Class, rec []byte) (Seq, error) {
	rank, err := j.check(c, rec)
	if err != nil {
		return 0, err
	}
	if j.down.Load() {
		return 0, fmt.Errorf("journal: %s: %w", c, ErrStorage)
	}
	r := j.request()
	r.rank, r.data = rank, append(r.data[:0], rec...)
	select {
	case <-j.closing:
		return 0, fmt.Errorf("journal: %s: %w", c, ErrClosed)
	default:
	}
	select {
	case j.queue <- r:
	case <-ctx.Done():
		return 0, fmt.Errorf("journal: %s: %w", c, context.Cause(ctx))
	case <-j.closing:
		return 0, fmt.Errorf("journal: %s: %w", c, ErrClosed)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		return 0, fmt.Errorf("journal: %s: not known to be stored: %w", c, context.Cause(ctx))
	case <-j.gone:
		return 0, fmt.Errorf("journal: %s: %w", c, ErrClosed)
	}
	seq, err := r.seq, r.err
	if cap(r.data) > keepBuffer {
		r.data = nil
	}
	j.reqs.Put(r)
	return seq, err
}

func (j *Journal) request() *request {
	if r, ok := j.reqs.Get().(*request); ok {
		r.seq, r.err = 0, nil
		return r
	}
	return &request{done: make(chan struct{}, 1)}
}

// answer ends one request of the batch. It is forgotten before it is answered,
// because its owner may use it again at once.
func (j *Journal) answer(at int, seq Seq, err error) {
	if at < 0 || j.batch[at] == nil {
		return
	}
	r := j.batch[at]
	j.batch[at] = nil
	r.seq, r.err = seq, err
	r.done <- struct{}{} // one place, one answer: never blocks
}

// collect takes what waits behind first. The writers that the last commit woke are
// about to come again: it gives way to as many for a small part of the time that a
// sync takes, so that they share this one.
func (j *Journal) collect(first *request) {
	j.batch = append(j.batch[:0], first)
	n := len(first.data)
	began, yields := time.Now(), 0
	for n < batchBytes && len(j.batch) < queueLength {
		select {
		case r := <-j.queue:
			j.batch = append(j.batch, r)
			n += len(r.data)
			continue
		default:
		}
		if yields++; len(j.batch) >= j.expect || yields > mostYields || time.Since(began) > j.patience {
			break
		}
		runtime.Gosched()
	}
	j.expect = len(j.batch)
}

// commit writes the batch, the most important class first, and answers it.
func (j *Journal) commit() {
	j.lastPut = j.sinceOpen()
	for rank := ranks - 1; rank >= 0; rank-- {
		items := j.items[:0]
		for i, r := range j.batch {
			if r != nil && r.rank == rank {
				items = append(items, item{data: r.data, at: i})
			}
		}
		j.items = items
		switch {
		case len(items) == 0:
		case !j.begun:
			j.refuse(rank, items, ErrStorage)
		default:
			_, _ = j.put(rank, items) // each request has its own answer
		}
		clear(items)
	}
	j.batch = j.batch[:0]
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

func (j *Journal) refuse(rank int, items []item, err error) {
	for _, it := range items {
		j.answer(it.at, 0, fmt.Errorf("journal: %s: %w: %w", classOf(rank), ErrStorage, err))
	}
}

// putOwn writes records of class gap.
func (j *Journal) putOwn(own ...item) (Seq, error) {
	last, err := j.put(gapRank, own)
	wake(j.grown)
	return last, err
}

// put writes records of one class and returns the number of the last. After a
// failed write or sync the descriptor is never synced again, for the kernel has
// marked its pages clean: the segment is sealed, and what was not acknowledged is
// written from RAM into a fresh one. When that fails too, the disk is given up for
// a while.
func (j *Journal) put(rank int, items []item) (last Seq, err error) {
	for len(items) > 0 {
		var n int
		if n, last, err = j.putSome(rank, items); err != nil {
			j.log.Warn("journal: a commit failed, trying a fresh segment", "class", classOf(rank), "error", err)
			j.sealFailed(rank, err)
			n, last, err = j.putSome(rank, items)
		}
		if err != nil {
			j.sealFailed(rank, err)
			j.refuse(rank, items, err)
			if j.begun {
				j.fail("a commit", err)
			}
			return 0, err
		}
		items = items[n:]
	}
	return last, nil
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

// putSome writes as many records as the active segment takes, at least one, with
// one write and one fdatasync, and answers them.
func (j *Journal) putSome(rank int, items []item) (int, Seq, error) {
	s, limit, err := j.active(rank, frameSize(len(items[0].data)))
	if err != nil {
		return 0, 0, err
	}
	st := j.current().streams[rank]
	first := st.next
	w := j.encode(s, first, items, limit)
	if err := j.writeAt(s.file, w.b, w.at); err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := j.sync(s.file); err != nil {
		return 0, 0, err
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
	for i, it := range items[:w.n] {
		j.answer(it.at, first+Seq(i), nil)
	}
	return w.n, w.last, nil
}

// encode makes the chunk for as many items as stay below limit.
func (j *Journal) encode(s *segment, first Seq, items []item, limit int64) chunk {
	w := chunk{at: s.end &^ (pageSize - 1)}
	c, wall, now := newCodec(s.head.salt), j.wall(), j.sinceOpen()
	b := append(j.enc[:0], s.tail...)
	j.places = j.places[:0]
	marked := int64(-markEvery)
	if n := len(s.marks); n > 0 {
		marked = s.marks[n-1].off
	}
	for _, it := range items {
		off := w.at + int64(len(b))
		if w.n > 0 && off+frameSize(len(it.data))+frameHead > limit {
			break
		}
		seq := first + Seq(w.n)
		if off >= marked+markEvery {
			marked = off
			j.places = append(j.places, mark{seq, off, now})
		}
		b = c.append(b, seq, it.kind, wall, it.data)
		w.bytes += int64(len(it.data))
		w.n++
	}
	w.last, w.end = first+Seq(w.n)-1, w.at+int64(len(b))
	b = c.end(b, w.last)
	w.b = append(b, make([]byte, pages(int64(len(b)))-int64(len(b)))...)
	if j.enc = w.b; cap(j.enc) > mostChunk {
		j.enc = nil
	}
	return w
}

// bad makes an error of class bad input.
func bad(format string, args ...any) error {
	return fmt.Errorf("journal: "+format+": %w", append(args, fault.BadInput)...)
}
