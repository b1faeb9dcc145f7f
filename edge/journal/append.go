package journal

import (
	"context"
	"fmt"
	"sync/atomic"

	"fuqiao/edged/drivers/fault"
)

// batch is what is written of one class at a time: the records of all who append
// while the commit before is under way. It is used again when the last of them has
// read its answer.
type batch struct {
	kind uint32
	data []byte // the records, one behind the other
	ends []int  // where each one ends in data
	// walls are when they were appended, in Unix milliseconds; nil for now.
	walls []int64
	refs  atomic.Int32

	// The answer, valid when done is closed: ok records from number first on are on
	// disk, the others are not because of err.
	done  chan struct{}
	first Seq
	ok    int
	held  bool // the others are in memory
	err   error
}

// record returns the data of record i.
func (b *batch) record(i int) []byte {
	if i == 0 {
		return b.data[:b.ends[0]]
	}
	return b.data[b.ends[i-1]:b.ends[i]]
}

// Append makes a record durable and returns its number. It returns after the
// fdatasync that covers it, which is shared with all who append at that time.
// rec is copied; except in class Media it is a JSON object with at least one
// member. While the disk takes nothing the record is kept in memory, and its number
// comes at once together with a Held. When ctx ends first, whether the record is
// kept is not known.
func (j *Journal) Append(ctx context.Context, c Class, rec []byte) (Seq, error) {
	rank, err := j.check(c, rec)
	if err != nil {
		return 0, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("journal: %s: %w", c, context.Cause(ctx))
		}
		b, done, at := j.join(rank, rec)
		if b == nil {
			return 0, fmt.Errorf("journal: %s: %w", c, ErrClosed)
		}
		select {
		case <-done:
		case <-ctx.Done():
			if at >= 0 {
				j.quit(b)
			}
			return 0, fmt.Errorf("journal: %s: not known to be stored: %w", c, context.Cause(ctx))
		}
		if at >= 0 { // else the batch was full: the next one
			seq, err := b.answer(at)
			if err == nil && at >= b.ok {
				err = &Held{j: j, Class: c, Seq: seq}
			}
			j.quit(b)
			return seq, err
		}
	}
}

// answer is what became of record at.
func (b *batch) answer(at int) (Seq, error) {
	if at < b.ok || b.held {
		return b.first + Seq(at), nil
	}
	return 0, b.err
}

// join adds a record to the batch of its class, at −1 if that is full, and returns
// the batch and what is closed when it is through. After Close it is nil.
func (j *Journal) join(rank int, rec []byte) (b *batch, done chan struct{}, at int) {
	j.door.Lock()
	defer j.door.Unlock()
	if j.shut {
		return nil, nil, -1
	}
	b = j.pending[rank]
	if b == nil {
		b = j.newBatch()
		j.pending[rank] = b
	}
	at = len(b.ends)
	if at >= batchRecords || at > 0 && len(b.data)+len(rec) > batchBytes {
		return b, b.done, -1
	}
	b.data = append(b.data, rec...)
	b.ends = append(b.ends, len(b.data))
	b.refs.Add(1)
	if j.waiting.Add(1) == 1 {
		wake(j.work)
	}
	return b, b.done, at
}

// newBatch returns an empty batch that the committer holds.
func (j *Journal) newBatch() *batch {
	b, ok := j.batches.Get().(*batch)
	if !ok {
		b = &batch{}
	}
	if cap(b.data) > keepBuffer {
		b.data = nil
	}
	b.data, b.ends, b.kind = b.data[:0], b.ends[:0], kindRecord
	b.first, b.ok, b.held, b.err = 0, 0, false, nil
	b.done = make(chan struct{})
	b.refs.Store(1)
	return b
}

// quit gives a batch back when nobody looks at it any more.
func (j *Journal) quit(b *batch) {
	if b.refs.Add(-1) == 0 {
		j.batches.Put(b)
	}
}

// take gives the committer all that waits.
func (j *Journal) take() {
	j.door.Lock()
	j.taken, j.pending = j.pending, [ranks]*batch{}
	j.expect = int(j.waiting.Swap(0))
	j.door.Unlock()
}

// finish answers a batch.
func (j *Journal) finish(rank int, err error) {
	b := j.taken[rank]
	j.taken[rank] = nil
	if err != nil {
		b.err = fmt.Errorf("journal: %s: %w: %w", classOf(rank), ErrStorage, err)
	}
	close(b.done)
	j.quit(b)
}

// bad makes an error of class bad input.
func bad(format string, args ...any) error {
	return fmt.Errorf("journal: "+format+": %w", append(args, fault.BadInput)...)
}
