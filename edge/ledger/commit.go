package ledger

import (
	"context"
	"fmt"
	"time"
)

// item is something whose record has to be written: one of the three.
type item struct {
	e *entry
	s *slot
	w *window
}

func (it item) mark(dirty bool) {
	switch {
	case it.s != nil:
		it.s.dirty = dirty
	case it.e != nil:
		it.e.dirty = dirty
	default:
		it.w.dirty = dirty
	}
}

func (it item) isDirty() bool {
	return it.s != nil && it.s.dirty || it.e != nil && it.e.dirty || it.w != nil && it.w.dirty
}

func (it item) encode(b []byte) []byte {
	switch {
	case it.s != nil:
		return it.s.encode(b)
	case it.e != nil:
		return it.e.encode(b)
	}
	return it.w.encode(b)
}

func (it item) place(gen uint64) {
	switch {
	case it.s != nil:
		it.s.gen = gen
	case it.e != nil:
		it.e.gen = gen
	default:
		it.w.gen = gen
	}
}

// enqueue asks for records to be written: at once, or behind. The caller holds mu.
func (l *Ledger) enqueue(urgent bool, items ...item) {
	for _, it := range items {
		was := it.isDirty()
		it.mark(true)
		switch {
		case urgent:
			l.urgent = append(l.urgent, it)
			l.queued++
		case !was:
			l.later = append(l.later, it)
		}
	}
	if urgent {
		poke(l.wake)
	} else {
		poke(l.lazy)
	}
}

// wait makes a waiter for all urgent work so far. The caller holds mu.
func (l *Ledger) wait() chan error {
	done := make(chan error, 1)
	switch {
	case l.broken != nil:
		done <- fmt.Errorf("%w: %w", ErrStorage, l.broken)
	case l.written == l.queued:
		done <- nil
	default:
		l.waiters = append(l.waiters, waiter{l.queued, done})
	}
	return done
}

// promptly is wait for those who cannot wait long: while the disk has not answered for
// longer than an intent may take, nobody has to find that out again by waiting. The
// caller holds mu.
func (l *Ledger) promptly() chan error {
	if l.busy.IsZero() || time.Since(l.busy) < intentTime {
		return l.wait()
	}
	done := make(chan error, 1)
	done <- fmt.Errorf("%w: the disk does not answer", ErrStorage)
	return done
}

// hasten moves what was to be written behind to the end of the urgent work. The
// caller holds mu.
func (l *Ledger) hasten() {
	l.urgent = append(l.urgent, l.later...)
	l.queued += uint64(len(l.later))
	l.later = l.later[:0]
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and then what is left. Intents that come together share
// one sync, and what is to be written behind goes with them; alone it waits 100 ms
// for company. After an error a new file is written from RAM, again and again until
// one holds.
func (l *Ledger) Run(ctx context.Context) error {
	retry, wait := minRetry, time.NewTimer(time.Hour)
	defer wait.Stop()
	lazily := false
	for {
		if l.failing() {
			wait.Reset(retry)
			select {
			case <-ctx.Done():
				return nil
			case <-wait.C:
			}
			if l.mend() != nil {
				retry = min(2*retry, maxRetry)
				continue
			}
			retry, lazily = minRetry, false
			l.commit()
		}
		select {
		case <-ctx.Done():
			l.commit()
			return nil
		case <-l.lazy:
			if !lazily {
				lazily = true
				wait.Reset(behind)
			}
			continue
		case <-l.wake:
		case <-wait.C:
		}
		lazily = false
		l.commit()
	}
}

const (
	minRetry = time.Second
	maxRetry = 30 * time.Second
)

func (l *Ledger) failing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken != nil
}

// commit writes everything that is dirty, the urgent first, in as many syncs as
// segments require.
func (l *Ledger) commit() {
	for !l.failing() {
		n, ticket := l.gather()
		if n == 0 {
			l.release(ticket)
			return
		}
		err := l.ring.sync()
		if err == nil {
			l.release(ticket)
			err = l.reclaim()
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// gather places records until the ring wants a sync; the ticket says how much of the
// urgent work that covers.
func (l *Ledger) gather() (n int, ticket uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hasten()
	l.busy = time.Now()
	var body []byte
	start := l.ring.cur
	for len(l.urgent) > 0 {
		it := l.urgent[0]
		if it.isDirty() {
			body = it.encode(body[:0])
			// At most one change of segment per sync: a spare is always left for reclaim.
			if !l.ring.room(len(body)) && (l.ring.cur != start || !l.ring.fits(len(body))) {
				break
			}
			l.ring.put(body)
			it.place(l.ring.gen())
			it.mark(false)
			n++
		}
		l.urgent = l.urgent[1:]
	}
	return n, l.queued - uint64(len(l.urgent))
}

// release lets go all that waited for tickets up to this one.
func (l *Ledger) release(ticket uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written, l.busy = max(l.written, ticket), time.Time{}
	keep := l.waiters[:0]
	for _, w := range l.waiters {
		if w.ticket <= l.written {
			w.done <- nil
		} else {
			keep = append(keep, w)
		}
	}
	l.waiters = keep
}

// reclaim keeps two spare segments: what is still alive in the oldest segment is
// written again at the head and synced, and only then the segment is overwritten.
func (l *Ledger) reclaim() error {
	for tries := 0; len(l.ring.spare) < 2; tries++ {
		i := l.ring.unused()
		if i < 0 {
			if i = l.ring.oldest(); i < 0 || tries > 2*l.ring.g.segments {
				return errFull
			}
			if err := l.relocate(l.ring.heads[i].gen); err != nil {
				return err
			}
		}
		if err := l.ring.prepare(i); err != nil {
			return err
		}
		if err := l.ring.sync(); err != nil {
			return err
		}
	}
	return nil
}

// relocate writes all that lives in generation gen again.
func (l *Ledger) relocate(gen uint64) error {
	l.mu.Lock()
	var body []byte
	var err error
	move := func(it item) {
		if err != nil {
			return
		}
		if body = it.encode(body[:0]); !l.ring.fits(len(body)) {
			err = errFull
			return
		}
		l.ring.put(body)
		it.place(l.ring.gen())
		it.mark(false)
	}
	for _, e := range l.entries {
		if e.gen == gen {
			move(item{e: e})
		}
		for _, s := range e.slots {
			if s.gen == gen {
				move(item{s: s})
			}
		}
	}
	for _, w := range l.windows {
		if w.gen == gen {
			move(item{w: w})
		}
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return l.ring.sync()
}
