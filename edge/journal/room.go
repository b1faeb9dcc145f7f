package journal

import (
	"fmt"
	"path/filepath"
	"slices"
)

// headroom is how many bytes the files of a class may grow by now. Classes below
// alarm leave a tenth of the budget alone, all leave what class gap may have, and
// class gap itself is not refused: its records tell what everything else lost.
func (j *Journal) headroom(rank int) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	if rank == gapRank {
		return j.segment
	}
	_, gap := j.usage(gapRank)
	total := j.aside
	for _, s := range j.free {
		total += s.size
	}
	j.eachSegment(func(_ *stream, s *segment) { total += s.size })
	room := j.o.Budget - total - max(0, j.share[gapRank].Ceiling-gap)
	if low(rank) {
		room = min(room, j.lowBudget()-j.lows())
	}
	return room
}

// lows is the size of the files of the classes below alarm. The caller holds mu.
func (j *Journal) lows() (n int64) {
	j.eachSegment(func(st *stream, s *segment) {
		if low(st.rank) {
			n += s.size
		}
	})
	return n
}

// lowBudget is what the classes below alarm may fill together.
func (j *Journal) lowBudget() int64 { return j.o.Budget / 10 * 9 }

// takeFree takes the best free file that may hold need bytes; on a full disk it must
// have them already. The last file of a pool is left for class gap, so that a full
// disk can still tell what it lost.
func (j *Journal) takeFree(rank int, need int64, full bool) *segment {
	room := j.headroom(rank)
	j.mu.Lock()
	defer j.mu.Unlock()
	if rank != gapRank && j.pool > 0 && len(j.free) <= 1 {
		return nil
	}
	lows := j.lows()
	best := -1
	for i, s := range j.free {
		grow := max(0, need-s.size)
		switch {
		case grow > 0 && (full || grow > room):
		case low(rank) && lows+max(s.size, need) > j.lowBudget():
		case best < 0 || s.betterThan(j.free[best]):
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	s := j.free[best]
	j.free = slices.Delete(j.free, best, best+1)
	return s
}

// betterThan orders free files: sound ones first, then large ones.
func (s *segment) betterThan(t *segment) bool {
	if s.bad != t.bad {
		return t.bad
	}
	return s.size > t.size || s.size == t.size && s.name < t.name
}

// usage is what the records of a class take, and what its files do. The ceiling
// counts the one: short lives that each leave a little in a large file shall not
// cost records. The floor counts the other, like the budget: or all classes could
// be below their floors and the budget be used up. The caller holds mu.
func (j *Journal) usage(rank int) (records, files int64) {
	j.eachSegment(func(st *stream, s *segment) {
		if st.rank == rank {
			records += s.end
			files += s.size
		}
	})
	return records, files
}

// oldest is the segment of a class that would be dropped first: never its newest
// one, so that the newest record of each class survives. The caller holds mu.
func (j *Journal) oldest(rank int) (*stream, *segment) {
	var st *stream
	var first *segment
	n := 0
	j.eachSegment(func(t *stream, s *segment) {
		if t.rank != rank {
			return
		}
		if n++; first == nil {
			st, first = t, s
		}
	})
	if n < 2 || !first.sealed {
		return nil, nil
	}
	return st, first
}

// keepCeiling drops the oldest of a class until need more bytes fit below its ceiling.
func (j *Journal) keepCeiling(rank int, need int64) error {
	for {
		j.mu.Lock()
		st, s := j.oldest(rank)
		used, _ := j.usage(rank)
		over := used+need > j.share[rank].Ceiling
		j.mu.Unlock()
		if !over || s == nil {
			return nil
		}
		if err := j.drop(st, s, reasonCeiling); err != nil {
			return err
		}
	}
}

// dropOne drops one segment so that a class can go on: the oldest one of the
// lowest class that stays above its floor, else the oldest of the class itself.
func (j *Journal) dropOne(rank int) error {
	if rank == gapRank {
		return fmt.Errorf("journal: no room for a gap record: %w", ErrStorage)
	}
	j.mu.Lock()
	top := gapRank
	if low(rank) && j.lows()+j.segment > j.lowBudget() {
		top = eventRank // the others stand in the reserve: their going would not help
	}
	var st *stream
	var s *segment
	for r := telemetryRank; r <= top && s == nil; r++ {
		_, files := j.usage(r)
		if t, o := j.oldest(r); o != nil && files-o.size >= j.share[r].Floor {
			st, s = t, o
		}
	}
	if s == nil {
		st, s = j.oldest(rank)
	}
	j.mu.Unlock()
	if s == nil {
		return fmt.Errorf("journal: %s: no room within the budget of %d bytes, and nothing that may go: %w", classOf(rank), j.o.Budget, ErrStorage)
	}
	return j.drop(st, s, reasonQuota)
}

// drop gives a segment up. The gap records are on disk before anything of it is
// gone, so that a crash in between neither loses without telling nor tells twice.
func (j *Journal) drop(st *stream, s *segment, why reason) error {
	j.mu.Lock()
	pending := j.dirty && st.done.count(s.span()) > 0
	j.mu.Unlock()
	if pending { // what is acknowledged in it must be so on disk before it goes
		if err := j.writeState(false); err != nil {
			return err
		}
	}
	j.mu.Lock()
	lost := st.done.missing(s.span())
	held := slices.Contains(st.segs, s)
	j.mu.Unlock()
	if !held {
		return nil
	}
	list := make([]loss, 0, len(lost))
	for _, r := range lost {
		list = append(list, loss{stream: st, span: r, bytes: j.weigh(s, r), why: why})
	}
	if err := j.tell(list); err != nil {
		return err
	}
	j.mu.Lock()
	for _, l := range list {
		j.dropped[st.rank].records += uint64(l.span.Last - l.span.First + 1)
		j.dropped[st.rank].bytes += uint64(l.bytes)
	}
	j.forget(map[*segment]bool{s: true})
	read := s.pins > 0
	if !read {
		j.free = append(j.free, s)
	}
	j.mu.Unlock()
	if read { // its reader keeps the file open, so that nothing is overwritten under it
		if err := j.fs.Remove(filepath.Join(j.o.Dir, s.name)); err != nil && !isMissing(err) {
			j.log.Warn("journal: a file cannot be removed", "file", s.name, "error", err)
		}
	}
	if len(list) > 0 && why != reasonExpired {
		j.dropAt = j.sinceOpen()
		j.notice("journal.dropped", fmt.Sprintf("class %s of run %s: %d to %d", classOf(st.rank), st.run.id, list[0].span.First, list[len(list)-1].span.Last), true)
	}
	return nil
}

// weigh is how many bytes of data the records r of a segment have. Where not all
// of it is meant the segment is read.
func (j *Journal) weigh(s *segment, r Range) (n int64) {
	if r == s.span() {
		return s.bytes
	}
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // only read
	j.mu.Lock()
	m := s.markBefore(r.First)
	sc := scanSegment(f, s.head, s.end)
	sc.off, sc.last = m.off, m.seq-1
	j.mu.Unlock()
	for {
		st, err := sc.next()
		if err != nil || st.found == foundEnd || st.found == foundTorn || st.found == foundRecord && st.frame.seq > r.Last {
			return n
		}
		if st.found == foundRecord && st.frame.seq >= r.First {
			n += int64(st.frame.n)
		}
	}
}
