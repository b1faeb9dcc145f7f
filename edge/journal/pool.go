package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// fill zero-writes the pool, a piece at a time while nobody appends, so that an
// append overwrites and does not grow a file. It syncs nothing: the header's sync
// does when the file is used, and the kernel has written the zeros long before.
// It returns the time until it wants to go on.
func (j *Journal) fill(now time.Duration) time.Duration {
	if j.fillAt > now {
		return j.fillAt - now
	}
	s := j.unfilled()
	if s == nil {
		j.zeros = nil
		return time.Hour
	}
	if quiet := now - j.lastPut; j.lastPut > 0 && quiet < idleAfter {
		return idleAfter - quiet
	}
	j.fillAt = now + fillEvery
	if err := j.fillSome(s, false); err != nil {
		j.log.Warn("journal: the pool of segments cannot be filled", "error", err)
		j.fillAt = now + time.Minute
	}
	return j.fillAt - now
}

// unfilled is a free file that is not full-size, or a new one if the pool lacks
// one and the budget has room; nil when the pool is as it should be.
func (j *Journal) unfilled() *segment {
	roomy := j.headroom(resultRank) >= j.segment
	j.mu.Lock()
	defer j.mu.Unlock()
	files := len(j.free)
	for _, s := range j.free {
		if s.size < j.segment && roomy {
			return s
		}
	}
	j.eachSegment(func(*stream, *segment) { files++ })
	if files >= j.pool || !roomy {
		return nil
	}
	j.files++
	s := &segment{name: segmentName(j.files)}
	j.free = append(j.free, s)
	return s
}

// fillSome adds one piece of zeros to a file.
func (j *Journal) fillSome(s *segment, sync bool) error {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), true)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // what counts is synced, or will be
	if j.zeros == nil {
		j.zeros = make([]byte, fillStep)
	}
	at := s.size &^ (pageSize - 1)
	n := min(j.segment-at, fillStep)
	if err := j.writeAt(f, j.zeros[:n], at); err != nil {
		return err
	}
	j.mu.Lock()
	s.size = at + n
	j.mu.Unlock()
	if sync && s.size == j.segment {
		return j.sync(f)
	}
	return nil
}

// Prepare fills the whole pool at once, with syncs: for the first start of a box,
// and for measurements. It waits for Run to end, so it is called before Run.
func (j *Journal) Prepare(ctx context.Context) error {
	select {
	case <-j.turn:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { j.turn <- struct{}{} }()
	if !j.begun {
		return fmt.Errorf("journal: %w", ErrStorage)
	}
	return j.fillAll(ctx)
}

func (j *Journal) fillAll(ctx context.Context) error {
	for s := j.unfilled(); s != nil; s = j.unfilled() {
		if err := errors.Join(ctx.Err(), j.fillSome(s, true)); err != nil {
			return err
		}
	}
	j.zeros = nil
	return j.syncDir()
}
