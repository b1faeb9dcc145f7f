package journal

import (
	"fmt"
	"slices"
	"time"
)

// While the disk takes nothing, records live in memory: they have the numbers that
// they would have had, Next hands them out, Ack lets them go, and they are written
// as soon as the disk takes something again. Whoever appends is told (Held), for the
// end of the process is their end. Gap records tell of what finds no room
// here, as they do on disk.
const (
	mostHeld = 2 << 20 // bytes of records and what they cost
	heldCost = 96      // bytes of bookkeeping for each
)

// held is a record in memory.
type held struct {
	seq  Seq
	kind uint32
	wall int64         // Unix milliseconds, 0 = unknown
	at   time.Duration // since open
	data []byte
}

func (h held) cost() int { return len(h.data) + heldCost }

// memory is what is held, all of the present run. mu guards it.
type memory struct {
	kept [ranks][]held // by number
	// next is the number after the last one that was given out here; 0 where the disk
	// has them all.
	next  [ranks]Seq
	bytes int
}

// assigned is the number that the next record of a class gets. The caller holds mu.
func (j *Journal) assigned(rank int) Seq {
	return max(j.current().streams[rank].next, j.mem.next[rank])
}

// Held is the error of a record that was kept in memory because the disk takes
// nothing: it has its number and will be delivered, unless the process ends before the
// disk takes it. It is an ErrVolatile.
type Held struct {
	j     *Journal
	Class Class
	Seq   Seq
}

// Error says so.
func (h *Held) Error() string {
	return fmt.Sprintf("journal: %s %d: %v", h.Class, h.Seq, ErrVolatile)
}

// Unwrap is ErrVolatile.
func (h *Held) Unwrap() error { return ErrVolatile }

// Still tells whether the record is in memory alone even now.
func (h *Held) Still() bool {
	h.j.mu.Lock()
	defer h.j.mu.Unlock()
	_, found := h.j.mem.find(rankOf(h.Class), h.Seq)
	return found
}

// find is where a number is, or would be.
func (m *memory) find(rank int, seq Seq) (int, bool) {
	return slices.BinarySearchFunc(m.kept[rank], seq, func(h held, s Seq) int {
		switch {
		case h.seq < s:
			return -1
		case h.seq > s:
			return 1
		}
		return 0
	})
}

// remember takes what is left of a batch into memory. A batch of another class
// makes room at the cost of the lowest one.
func (j *Journal) remember(rank int, b *batch) {
	wall, now := j.wall(), j.sinceOpen()
	j.mu.Lock()
	next := j.assigned(rank)
	if b.ok == 0 {
		b.first = next
	}
	for i := b.ok; i < len(b.ends); i++ {
		h := held{next, b.kind, wall, now, slices.Clone(b.record(i))}
		j.mem.kept[rank] = append(j.mem.kept[rank], h)
		j.mem.bytes += h.cost()
		next++
	}
	j.mem.next[rank], b.held = next, true
	over := j.mem.bytes > j.most
	j.mu.Unlock()
	if over {
		j.overflow(rank)
	}
}

// overflow gives the oldest of the lowest class up, for the newest of every class
// stays, until an eighth of the memory is free: one gap record tells of many.
func (j *Journal) overflow(newest int) {
	var lost []loss
	j.mu.Lock()
	for j.mem.bytes > j.most-j.most/8 {
		rank := j.mem.victim()
		if rank < 0 {
			break
		}
		h := j.mem.kept[rank][0]
		st := j.current().streams[rank]
		lost = append(lost, loss{stream: st, span: Range{h.seq, h.seq}, bytes: int64(len(h.data)), why: reasonMemory})
		j.mem.drop(rank, 0, 1)
		j.dropped[rank].records++
		j.dropped[rank].bytes += uint64(len(h.data))
	}
	j.mu.Unlock()
	// It cannot fail: memory takes it.
	_ = j.tellBy(lost, func(records [][]byte) (Seq, error) {
		b := own(kindGap, records)
		j.remember(gapRank, b)
		return b.first + Seq(len(b.ends)) - 1, nil
	})
	if len(lost) > 0 {
		j.log.Error("journal: memory is full, records are given up", "records", len(lost), "class", classOf(newest))
		j.dropAt = j.sinceOpen()
		j.notice("journal.dropped", "the disk takes nothing and the memory is full", true)
	}
}

// victim is the lowest class that has more than its newest record, −1 for none.
func (m *memory) victim() int {
	for rank := range gapRank {
		if len(m.kept[rank]) > 1 {
			return rank
		}
	}
	return -1
}

// drop lets records go.
func (m *memory) drop(rank, from, to int) {
	for _, h := range m.kept[rank][from:to] {
		m.bytes -= h.cost()
	}
	m.kept[rank] = slices.Delete(m.kept[rank], from, to)
	if len(m.kept[rank]) == 0 {
		m.kept[rank] = nil
	}
}

// letGo drops what is done of a class. The caller holds mu.
func (j *Journal) letGo(rank int) {
	m, done := &j.mem, j.current().streams[rank].done
	for i := 0; i < len(m.kept[rank]); {
		if done.has(m.kept[rank][i].seq) {
			m.drop(rank, i, i+1)
		} else {
			i++
		}
	}
}

// heldAfter is what Next gives out of memory, behind all that is on disk.
func (j *Journal) heldAfter(rank int, after ID, limit, maxBytes int, first bool) (out []Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.mem.kept[rank]) == 0 {
		return nil
	}
	run, i := j.current(), 0
	if after.Run == run.id {
		i, _ = j.mem.find(rank, after.Seq+1)
	}
	r := reading{}
	v := &view{st: run.streams[rank], head: header{run: run.id, class: classOf(rank)}}
	for ; i < len(j.mem.kept[rank]) && len(r.records) < limit; i++ {
		h := j.mem.kept[rank][i]
		if v.st.done.has(h.seq) || v.st.hurt.has(h.seq) {
			continue
		}
		if !r.take(v, step{frame: frame{kind: h.kind, seq: h.seq, wall: h.wall}, data: h.data}, maxBytes, first) {
			break
		}
	}
	if n := len(r.records); n > 0 && rank == gapRank {
		j.handed = max(j.handed, r.records[n-1].ID.Seq)
	}
	return r.records
}

// unload writes what memory holds, the most important first.
func (j *Journal) unload() error {
	for rank := ranks - 1; rank >= 0; rank-- {
		if err := j.unloadClass(rank); err != nil {
			return err
		}
	}
	return nil
}

// unloadClass does so for one class. What was acknowledged or given up meanwhile is
// a hole in its numbers, and a segment has none: each stretch begins a new one.
func (j *Journal) unloadClass(rank int) error {
	for {
		j.mu.Lock()
		st := j.current().streams[rank]
		b, first := j.mem.batch(rank)
		if b == nil {
			skip := j.mem.next[rank] > st.next
			j.mu.Unlock()
			if skip {
				j.sealFailed(rank, nil)
			}
			j.mu.Lock()
			st.next = max(st.next, j.mem.next[rank])
			j.mem.next[rank] = 0
			j.mu.Unlock()
			return nil
		}
		skip := st.next != first
		j.mu.Unlock()
		if skip {
			j.sealFailed(rank, nil)
			j.mu.Lock()
			st.next = first
			j.mu.Unlock()
		}
		err := j.put(rank, b)
		j.mu.Lock()
		from, _ := j.mem.find(rank, first)
		to, _ := j.mem.find(rank, first+Seq(b.ok))
		j.mem.drop(rank, from, to)
		j.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// batch makes one of the oldest stretch of records of one kind; nil where there is
// none.
func (m *memory) batch(rank int) (b *batch, first Seq) {
	for _, h := range m.kept[rank] {
		switch {
		case b == nil:
			b, first = &batch{kind: h.kind}, h.seq
		case h.kind != b.kind || h.seq != first+Seq(len(b.ends)) || len(b.ends) >= batchRecords || len(b.data)+len(h.data) > batchBytes:
			return b, first
		}
		b.data = append(b.data, h.data...)
		b.ends = append(b.ends, len(b.data))
		b.walls = append(b.walls, h.wall)
	}
	return b, first
}

// holds tells how many records are in memory alone.
func (j *Journal) holds() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for rank := range ranks {
		n += len(j.mem.kept[rank])
	}
	return n
}
