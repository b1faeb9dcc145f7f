package journal

import (
	"path/filepath"
	"slices"
)

// ripe lists the sealed segments in which all is done. The caller holds mu.
func (j *Journal) ripe() (out []*segment) {
	for _, r := range j.runs {
		for _, st := range r.streams {
			for _, s := range st.segs {
				if s.sealed && s.pins == 0 && st.done.covers(s.span()) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// giveBack frees segments whose end is on disk, and removes files beyond the pool.
func (j *Journal) giveBack(ripe []*segment) {
	var removed bool
	j.mu.Lock()
	gone := map[*segment]bool{}
	for _, s := range ripe {
		if s.pins == 0 { // a reader may have come since: the next time
			gone[s] = true
			j.free = append(j.free, s)
		}
	}
	j.forget(gone)
	j.mu.Unlock()
	for j.surplus() {
		removed = true
	}
	if removed {
		if err := j.syncDir(); err != nil {
			j.log.Warn("journal: removal of files is not durable yet", "error", err)
		}
	}
}

// forget takes segments out of their streams. The caller holds mu.
func (j *Journal) forget(gone map[*segment]bool) {
	if len(gone) == 0 {
		return
	}
	for _, r := range j.runs {
		for _, st := range r.streams {
			st.segs = slices.DeleteFunc(st.segs, func(s *segment) bool { return gone[s] })
		}
	}
}

// surplus removes the smallest free file if there are more files than the pool has.
func (j *Journal) surplus() bool {
	j.mu.Lock()
	files := len(j.free)
	j.eachSegment(func(*stream, *segment) { files++ })
	n := len(j.free)
	j.mu.Unlock()
	return files > j.pool && n > 0 && j.removeFree(func(*segment) bool { return true })
}

// removeSmall removes a free file that cannot hold need bytes.
func (j *Journal) removeSmall(need int64) bool {
	return j.removeFree(func(s *segment) bool { return s.size < need })
}

// removeFree removes the smallest free file that which allows.
func (j *Journal) removeFree(which func(*segment) bool) bool {
	j.mu.Lock()
	best := -1
	for i, s := range j.free {
		if which(s) && (best < 0 || s.size < j.free[best].size) {
			best = i
		}
	}
	if best < 0 {
		j.mu.Unlock()
		return false
	}
	s := j.free[best]
	j.free = slices.Delete(j.free, best, best+1)
	j.mu.Unlock()
	if err := j.fs.Remove(filepath.Join(j.o.Dir, s.name)); err != nil && !isMissing(err) {
		j.log.Warn("journal: a file cannot be removed", "file", s.name, "error", err)
	}
	return true
}
