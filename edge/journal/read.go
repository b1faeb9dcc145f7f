package journal

import (
	"fmt"
	"path/filepath"
	"slices"
	"sort"
)

const (
	defaultRecords = 64
	defaultBytes   = 256 << 10
	leastChunk     = 32 << 10
	mostChunk      = 256 << 10
)

// resume is where a Next ended.
type resume struct {
	serial uint64
	seq    Seq
	off    int64
}

// view is a piece of one segment that Next reads without holding mu.
type view struct {
	st    *stream
	seg   *segment
	head  header
	after Seq    // nothing up to here is wanted
	last  Seq    // what is synced ends here
	end   int64  // and here
	skip  ranges // done or hurt
	off   int64  // where to begin
	prev  Seq    // the number before that place
}

// reading is what came of a view.
type reading struct {
	records []Record
	bytes   int
	lost    []Range
	marks   []mark
	off     int64
	seq     Seq // last number passed
	full    bool
}

// Next returns synced records of a class that are not acknowledged and come after
// the given identity, in the order of runs and numbers; the zero ID begins at the
// oldest. It returns at most limit records (64 if 0) and maxBytes of data (256 KiB
// if 0), but at least one record if there is any. It never waits for a writer. A
// run that is not known, because all of it is done with, comes before all others.
func (j *Journal) Next(c Class, after ID, limit, maxBytes int) ([]Record, error) {
	rank := rankOf(c)
	if rank < 0 {
		return nil, bad("class %q: unknown, allowed are %v", c, Classes())
	}
	if limit <= 0 {
		limit = defaultRecords
	}
	if maxBytes <= 0 {
		maxBytes = defaultBytes
	}
	var out []Record
	for len(out) < limit {
		v := j.view(rank, after)
		if v == nil {
			out = append(out, j.heldAfter(rank, after, limit-len(out), maxBytes, len(out) == 0)...)
			break
		}
		r, err := j.read(v, limit-len(out), maxBytes, len(out) == 0)
		out = append(out, j.leave(v, r)...)
		if isMissing(err) {
			j.vanished(v)
			continue
		}
		if err != nil {
			return out, fmt.Errorf("journal: reading %s of run %s: %w", c, v.head.run, err)
		}
		after = ID{v.head.run, c, r.seq}
		maxBytes -= r.bytes
		if r.full {
			break
		}
	}
	return out, nil
}

// view finds the next segment with something to deliver and pins it.
func (j *Journal) view(rank int, after ID) *view {
	j.mu.Lock()
	defer j.mu.Unlock()
	from := max(0, slices.IndexFunc(j.runs, func(r *run) bool { return r.id == after.Run }))
	for _, r := range j.runs[from:] {
		st, seq := r.streams[rank], Seq(0)
		if r.id == after.Run {
			seq = after.Seq
		}
		first := sort.Search(len(st.segs), func(i int) bool { return st.segs[i].last > seq })
		for _, s := range st.segs[first:] {
			want := Range{max(seq+1, s.head.first), s.last}
			skip := st.done.within(want)
			for _, h := range st.hurt.within(want) {
				skip, _ = skip.with(h)
			}
			if skip.covers(want) {
				continue
			}
			s.pins++
			v := &view{st: st, seg: s, head: s.head, after: seq, last: s.last, end: s.end, skip: skip}
			v.place(j.resume[rank])
			return v
		}
	}
	return nil
}

// place finds the nearest place before the first number that is wanted.
func (v *view) place(ended [2]resume) {
	want := max(v.after+1, v.head.first)
	if len(v.skip) > 0 && v.skip[0].First <= want {
		want = v.skip[0].Last + 1
	}
	m := v.seg.markBefore(want)
	v.off, v.prev = m.off, m.seq-1
	for _, r := range ended {
		if r.serial == v.head.serial && r.seq >= v.prev && r.seq < want {
			v.off, v.prev = r.off, r.seq
		}
	}
}

// read reads a view; first says that one record is wanted whatever its size.
func (j *Journal) read(v *view, limit, maxBytes int, first bool) (r reading, err error) {
	r.off, r.seq = v.off, v.prev
	f, err := j.fs.Open(filepath.Join(j.o.Dir, v.seg.name), false)
	if err != nil {
		return r, err
	}
	defer func() { _ = f.Close() }() // only read
	sc := scanSegment(f, v.head, v.end)
	sc.off, sc.last, sc.keep = v.off, v.prev, true
	sc.chunk = min(mostChunk, max(leastChunk, maxBytes))
	for len(r.records) < limit {
		st, err := sc.next()
		if err != nil {
			return r, err
		}
		switch st.found {
		case foundLoss:
			r.lost = append(r.lost, st.lost)
			r.seq = st.lost.Last
			continue
		case foundEnd, foundTorn:
			if sc.last < v.last {
				r.lost = append(r.lost, Range{sc.last + 1, v.last})
			}
			r.seq = v.last
			return r, nil
		}
		if st.frame.seq > v.last { // of a commit that failed
			r.seq = v.last
			return r, nil
		}
		if st.frame.seq > v.after && !v.skip.has(st.frame.seq) && !r.take(v, st, maxBytes, first) {
			r.full = true
			return r, nil
		}
		if n := len(r.marks); n == 0 || st.at >= r.marks[n-1].off+markEvery {
			r.marks = append(r.marks, mark{seq: st.frame.seq, off: st.at})
		}
		r.off, r.seq = sc.off, st.frame.seq
	}
	r.full = true
	return r, nil
}

// take adds a record; false says that it has no place any more.
func (r *reading) take(v *view, st step, maxBytes int, first bool) bool {
	data := st.data
	if st.frame.kind == kindGap {
		var err error
		if data, err = expandGap(data, st.frame.wall); err != nil {
			r.lost = append(r.lost, Range{st.frame.seq, st.frame.seq})
			return true
		}
	}
	if r.bytes+len(data) > maxBytes && (!first || len(r.records) > 0) {
		return false
	}
	r.records = append(r.records, Record{ID{v.head.run, v.head.class, st.frame.seq}, data})
	r.bytes += len(data)
	return true
}

// leave unpins a view, keeps what was learnt, and returns the records: without
// gap records that a wider one has replaced meanwhile.
func (j *Journal) leave(v *view, r reading) []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	v.seg.pins--
	ended := &j.resume[v.st.rank]
	if ended[0].serial != v.head.serial {
		ended[1] = ended[0]
	}
	ended[0] = resume{v.head.serial, r.seq, r.off}
	for _, m := range r.marks {
		if n := len(v.seg.marks); n == 0 || m.seq > v.seg.marks[n-1].seq {
			v.seg.mark(m)
		}
	}
	for _, l := range r.lost {
		j.hurt(v.st, l)
		wake(j.kick)
	}
	if v.st.rank == gapRank && v.st.run == j.current() {
		r.records = slices.DeleteFunc(r.records, func(x Record) bool { return v.st.hurt.has(x.ID.Seq) })
		if n := len(r.records); n > 0 {
			j.handed = max(j.handed, r.records[n-1].ID.Seq)
		}
	}
	return r.records
}

// vanished is told when a view's file is not there: either the segment has been
// dropped since, or somebody has taken it away and all in it is lost.
func (j *Journal) vanished(v *view) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if slices.Contains(v.st.segs, v.seg) && v.seg.head == v.head {
		j.hurt(v.st, Range{max(v.after+1, v.head.first), v.last})
		wake(j.kick)
	}
}
