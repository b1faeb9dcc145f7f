package journal

import (
	"fmt"
	"path/filepath"
	"slices"

	"fuqiao/edged/edge/wire"
)

// begin writes what an open has to write: FORMAT, run.closed for what came before,
// gap records for what was found lost, and the state, in this order. Where it was
// cut short it is done again: what is on disk already is not told twice.
func (j *Journal) begin() error {
	if err := j.writeFormat(); err != nil {
		return fmt.Errorf("journal %s: writing %s: %w", j.o.Dir, formatName, err)
	}
	if err := j.syncTails(); err != nil {
		return err
	}
	if err := j.setAside(); err != nil {
		return err
	}
	if err := j.closeRuns(); err != nil {
		return err
	}
	if err := j.tellFound(); err != nil {
		return err
	}
	if err := j.syncDir(); err != nil { // removed files stay removed: only now may their runs be forgotten
		return err
	}
	j.mu.Lock()
	own := j.current()
	j.runs = slices.DeleteFunc(j.runs, func(r *run) bool { return r != own && r.closed && !j.named(r) })
	j.mu.Unlock()
	return j.writeState(false)
}

// named tells whether a file's header names a run, also that of a free file: to the
// next open it looks like a segment, and only the state says that it is done with.
// The caller holds mu.
func (j *Journal) named(r *run) bool {
	for _, st := range r.streams {
		if len(st.segs) > 0 {
			return true
		}
	}
	return slices.ContainsFunc(j.free, func(s *segment) bool { return s.head.run == r.id })
}

func (j *Journal) writeFormat() error {
	name := filepath.Join(j.o.Dir, formatName)
	text := fmt.Appendf(nil, "%s%d\n", formatText, version)
	b, err := j.readFile(name, pageSize)
	if err != nil || string(b) == string(text) {
		return err
	}
	f, err := j.fs.Open(name, true)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // after the sync there is nothing left to fail
	if err := j.writeAt(f, text, 0); err != nil {
		return err
	}
	return j.sync(f)
}

// syncTails makes sure that what was read at the ends is on the medium: a daemon
// that was killed leaves records that only the page cache has.
func (j *Journal) syncTails() error {
	for _, r := range j.runs {
		for _, st := range r.streams {
			s := st.tailOf()
			if r.closed || s == nil || !s.sealed {
				continue
			}
			f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
			if err != nil {
				return err
			}
			err = j.sync(f)
			_ = f.Close() // only synced
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// closeRuns appends run.closed for every class that has records, of every run that
// is not closed yet; a run that wrote nothing is closed by one for class gap.
func (j *Journal) closeRuns() error {
	var records [][]byte
	var told []*bool
	for _, r := range j.runs {
		if r.closed || r == j.current() {
			continue
		}
		wrote := false
		for _, st := range r.streams {
			wrote = wrote || st.next > 1 || st.cut > 0
		}
		for rank, st := range r.streams {
			if r.told[rank] || st.next == 1 && st.cut == 0 && (wrote || rank != gapRank) {
				continue
			}
			c := Closed{Run: r.id, Class: classOf(rank), Last: st.next - 1, Cut: st.cut, Why: "crash", MonoMS: j.sinceOpen().Milliseconds()}
			switch {
			case r.clean:
				c.Why = "clean"
			case st.cut > 0:
				c.Why = "torn"
			}
			b, err := wrap(wire.TypeRunClosed, j.wall(), c)
			if err != nil {
				return err
			}
			records = append(records, b)
			told = append(told, &r.told[rank])
		}
	}
	if len(records) > 0 {
		if _, err := j.putOwn(kindRecord, records...); err != nil {
			return err
		}
	}
	for _, t := range told {
		*t = true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.runs {
		r.closed = r != j.current()
	}
	return nil
}

// setAside copies files that may hold what is missing, for the maintainer, and
// frees them. There is room for few; more are only told of.
func (j *Journal) setAside() error {
	for len(j.suspects) > 0 {
		s := j.suspects[0]
		if j.kept < maxAside && j.headroom(resultRank) >= s.size {
			j.log.Error("journal: a damaged segment is set aside", "file", s.name)
			if err := j.copyFile(s.name, "bad-"+s.name); err != nil {
				return err
			}
			j.kept++
		} else {
			j.log.Error("journal: a damaged segment is used again, there is no room to set it aside", "file", s.name)
		}
		j.mu.Lock()
		j.suspects = j.suspects[1:]
		j.free = append(j.free, s)
		j.mu.Unlock()
	}
	return nil
}

func (j *Journal) copyFile(from, to string) error {
	b, err := j.readFile(filepath.Join(j.o.Dir, from), j.segment)
	if err != nil {
		return err
	}
	f, err := j.fs.Open(filepath.Join(j.o.Dir, to), true)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // after the sync there is nothing left to fail
	if err := j.writeAt(f, b, 0); err != nil {
		return err
	}
	j.mu.Lock()
	j.aside += int64(len(b))
	j.mu.Unlock()
	return j.sync(f)
}
