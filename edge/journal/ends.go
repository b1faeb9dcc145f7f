package journal

import (
	"fmt"
	"math"
	"path/filepath"
)

// readEnds finds where each segment ends: its successor says it, or the state;
// only what was the last one when the daemon ended has to be read through.
func (j *Journal) readEnds(saved savedState) error {
	ends := map[uint64]savedEnd{}
	for _, sr := range saved.Runs {
		for _, sc := range sr.Classes {
			for _, e := range sc.Ends {
				ends[e.Serial] = e
			}
		}
	}
	for _, r := range j.runs {
		for _, st := range r.streams {
			for i, s := range st.segs {
				var next *segment
				if i+1 < len(st.segs) {
					next = st.segs[i+1]
				}
				if err := j.readEnd(st, s, next, ends); err != nil {
					return err
				}
				j.mu.Lock()
				st.next = max(st.next, s.last+1)
				j.mu.Unlock()
			}
		}
	}
	return nil
}

func (j *Journal) readEnd(st *stream, s, next *segment, ends map[uint64]savedEnd) error {
	bound := Seq(math.MaxUint64) // what a failed commit left from here on is void
	if next != nil {
		bound = next.head.first
	}
	e, ok := ends[s.head.serial]
	if !ok && next != nil && next.head.prev == s.head.serial {
		e, ok = savedEnd{s.head.serial, next.head.first - 1, next.head.prevEnd, next.head.prevBytes}, true
	}
	if !ok || e.Last < s.head.first-1 || e.End < pageSize {
		return j.readTail(st, s, bound)
	}
	j.mu.Lock()
	s.last, s.end, s.bytes = e.Last, e.End, e.Bytes
	j.mu.Unlock()
	return nil
}

// readTail reads a segment through, up to the number bound.
func (j *Journal) readTail(st *stream, s *segment, bound Seq) error {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
	}
	defer func() { _ = f.Close() }() // only read
	sc := scanSegment(f, s.head, s.size)
	for {
		step, err := sc.next()
		if err != nil {
			return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
		}
		step = step.below(bound)
		j.mu.Lock()
		switch step.found {
		case foundRecord:
			s.last, s.end = step.frame.seq, sc.off
			s.bytes += int64(step.frame.n)
			s.mark(mark{seq: step.frame.seq, off: step.at})
		case foundLoss:
			s.last = step.lost.Last
			j.hurt(st, step.lost)
		case foundTorn:
			st.cut = step.cut
		}
		if s.end = max(s.end, pageSize); step.found >= foundEnd {
			s.end = max(s.end, step.at)
		}
		j.mu.Unlock()
		if step.found >= foundEnd {
			return nil
		}
	}
}

// hurt notes numbers that cannot be read. The caller holds mu.
func (j *Journal) hurt(st *stream, lost Range) {
	for _, r := range st.done.missing(lost) {
		for _, r := range st.hurt.missing(r) {
			st.hurt, _ = st.hurt.with(r)
			j.losses = append(j.losses, loss{stream: st, span: r, why: reasonDamage})
			j.damaged += uint64(r.Last - r.First + 1)
		}
	}
}

// below ends a segment before the number bound.
func (s step) below(bound Seq) step {
	switch {
	case s.found == foundRecord && s.frame.seq >= bound, s.found == foundLoss && s.lost.First >= bound:
		s.found = foundEnd
	case s.found == foundLoss:
		s.lost.Last = min(s.lost.Last, bound-1)
	}
	return s
}
