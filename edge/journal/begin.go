package journal

import (
	"fmt"
	"path/filepath"
	"slices"
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
	j.runs = slices.DeleteFunc(j.runs, func(r *run) bool {
		empty := r.closed && r != j.current()
		for _, st := range r.streams {
			empty = empty && len(st.segs) == 0
		}
		return empty
	})
	j.mu.Unlock()
	return j.writeState(false)
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
	var items []item
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
			b, err := wrap("run.closed", j.wall(), c)
			if err != nil {
				return err
			}
			items = append(items, item{data: b, at: ownItem})
			told = append(told, &r.told[rank])
		}
	}
	if len(items) > 0 {
		if _, err := j.putOwn(items...); err != nil {
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
