package ledger

import (
	"errors"
	"fmt"
)

// rebuild writes a new file with all that RAM knows and puts it in the place of the
// old one. It makes the first file, and it mends after an error: what the kernel
// still holds of the old file cannot be trusted any more.
func (l *Ledger) rebuild() error {
	f, err := l.o.FS.Create(newName)
	if err != nil {
		return err
	}
	r := &ring{f: f, g: l.o.geometry, heads: make([]header, l.o.geometry.segments), run: string(l.o.Run), next: l.generation(), batch: 1}
	r.since = r.next
	if err := l.fill(r); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := l.o.FS.Rename(newName, fileName); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := l.o.FS.SyncDir(); err != nil {
		return errors.Join(err, f.Close())
	}
	l.mu.Lock()
	old := l.ring
	l.ring = r
	l.mu.Unlock()
	if old != nil {
		if err := old.f.Close(); err != nil {
			l.o.Log.Warn("old ledger file not closed", "error", err)
		}
	}
	return nil
}

// generation continues above every gen that entries in RAM still carry.
func (l *Ledger) generation() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ring != nil {
		return l.ring.next
	}
	return 1
}

// fill preallocates the file with zeros, so that no later write can run out of
// space or has to grow it, and writes the state.
func (l *Ledger) fill(r *ring) error {
	zero := make([]byte, r.g.size)
	for i := range r.g.segments {
		if _, err := r.f.WriteAt(zero, r.start(i)); err != nil {
			return fmt.Errorf("preallocate: %w", err)
		}
	}
	for i := range 3 {
		if err := r.prepare(i); err != nil {
			return err
		}
	}
	r.cur, r.spare, r.off = r.spare[0], r.spare[1:], headerSize
	if err := r.sync(); err != nil {
		return err
	}
	pending := l.snapshot()
	for len(pending) > 0 {
		n, err := l.place(r, pending)
		if err != nil {
			return err
		}
		pending = pending[n:]
		if err := r.sync(); err != nil {
			return err
		}
		for len(r.spare) < 2 {
			i := r.unused()
			if i < 0 {
				return errFull
			}
			if err := r.prepare(i); err != nil {
				return err
			}
		}
		if err := r.sync(); err != nil {
			return err
		}
	}
	return nil
}

// snapshot lists everything that has to be in the file: what has been on disk, and
// what waits to be.
func (l *Ledger) snapshot() []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []item
	for _, e := range l.entries {
		if e.gen == 0 && !e.dirty {
			continue // only in RAM, and meant to be
		}
		out = append(out, item{e: e})
		for _, s := range e.slots {
			if s.gen != 0 || s.dirty {
				out = append(out, item{s: s})
			}
		}
	}
	for _, w := range l.windows {
		if w.gen != 0 || w.dirty {
			out = append(out, item{w: w})
		}
	}
	return out
}

// place puts items into r until it wants a sync, and returns how many.
func (l *Ledger) place(r *ring, items []item) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var body []byte
	start := r.cur
	for n, it := range items {
		body = it.encode(body[:0])
		if !r.room(len(body)) && r.cur != start {
			return n, nil
		}
		if !r.fits(len(body)) {
			return n, errFull
		}
		r.put(body)
		it.place(r.gen())
		it.mark(false)
	}
	return len(items), nil
}

// mend tries to get back onto the disk.
func (l *Ledger) mend() error {
	var err error
	if l.ring == nil {
		err = l.load() // the disk was not there at the start
	} else {
		err = l.rebuild()
	}
	if err != nil {
		l.o.Log.Debug("ledger still cannot be written", "error", err)
		return err
	}
	l.mu.Lock()
	l.broken = nil
	l.mu.Unlock()
	l.o.Log.Info("ledger can be written again")
	l.o.Notice(false, "")
	return nil
}
