package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Run is the committer: it writes what Append gives, the state behind the
// acknowledgements and the records of losses, tries a disk again that took
// nothing, and fills the pool while nothing else is to do. It returns nil when ctx
// ends, after what waits then is written, or after Close.
func (j *Journal) Run(ctx context.Context) error {
	select {
	case <-j.turn:
	case <-ctx.Done():
		return nil
	case <-j.closing:
		return nil
	}
	defer func() { j.turn <- struct{}{} }()
	j.mend()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(j.chores(ctx))
		select {
		case <-ctx.Done():
			j.drain()
			return nil
		case <-j.closing:
			return nil
		case <-j.work:
			j.gather()
			j.commit()
		case <-j.kick:
		case <-timer.C:
		}
	}
}

// mend ends what a Run that panicked left half done: how far its write came is
// not known, so that segment is sealed and its writers refused.
func (j *Journal) mend() {
	for rank, b := range j.taken {
		if b != nil {
			unknown := errors.New("the commit did not end")
			j.sealFailed(rank, unknown)
			j.finish(rank, unknown)
		}
	}
}

// drain commits what waits now and writes the state.
func (j *Journal) drain() {
	j.take()
	j.commit()
	if j.begun && j.isDirty() {
		if err := j.writeState(false); err != nil {
			j.log.Warn("journal: the acknowledgements are not on disk and their records will be sent again", "error", err)
		}
	}
}

func (j *Journal) isDirty() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dirty
}

// chores does what is due and returns the time until the next is.
func (j *Journal) chores(ctx context.Context) time.Duration {
	now := j.sinceOpen()
	if j.down.Load() {
		if now >= j.retryAt {
			j.retry(ctx)
		}
		if j.down.Load() {
			return max(j.retryAt-now, 0)
		}
	}
	j.mu.Lock()
	dirty, since, lost := j.dirty, j.dirtyAt, len(j.losses) > 0
	j.mu.Unlock()
	wait := time.Hour
	if lost {
		if err := j.tellFound(); err != nil {
			j.fail("telling what was lost", err)
			return retryEvery
		}
	}
	if err := j.keepCeiling(gapRank, 0); err != nil {
		j.fail("trimming the gap records", err)
		return retryEvery
	}
	if dirty {
		if wait = since + ackDelay - now; wait <= 0 {
			if err := j.writeState(false); err != nil {
				j.fail("writing the state", err)
				return retryEvery
			}
			wait = time.Hour
		}
	}
	age, err := j.expire(now)
	if err != nil {
		j.fail("giving up what is too old", err)
		return retryEvery
	}
	return min(wait, age, j.calm(now), j.fill(now))
}

// calm clears the conditions of things that do not last.
func (j *Journal) calm(now time.Duration) time.Duration {
	wait := time.Hour
	for _, c := range []struct {
		at   *time.Duration
		code string
	}{{&j.dropAt, "journal.dropped"}, {&j.hurtAt, "journal.damage"}} {
		switch {
		case *c.at == 0:
		case now-*c.at >= calmAfter:
			*c.at = 0
			j.notice(c.code, "", false)
		default:
			wait = min(wait, calmAfter-(now-*c.at))
		}
	}
	return wait
}

// fail sends what is appended to memory until a retry succeeds.
func (j *Journal) fail(what string, err error) {
	j.down.Store(true)
	j.retryAt = j.sinceOpen() + retryEvery
	j.log.Error("journal: the disk takes no records", "doing", what, "error", err)
	j.notice("journal.storage", fmt.Sprintf("%s: %v", what, err), true)
}

// well sends it to the disk again.
func (j *Journal) well() {
	if j.down.Swap(false) {
		j.notice("journal.storage", "", false)
	}
}

// retry opens what could not be opened, or tries whether the disk takes something.
func (j *Journal) retry(ctx context.Context) {
	err := j.start(ctx)
	if err == nil {
		err = j.probe()
	}
	if err == nil {
		err = j.unload()
	}
	if err != nil {
		j.fail("trying again", err)
		return
	}
	j.well()
	wake(j.grown)
}

// probe writes the state, and a new piece of a file where no free file is left: a
// full disk takes the one and not the other.
func (j *Journal) probe() error {
	if err := j.writeState(false); err != nil {
		return err
	}
	j.mu.Lock()
	spare := len(j.free) > 1
	j.mu.Unlock()
	if spare {
		return nil
	}
	s := &segment{name: "probe"}
	name := filepath.Join(j.o.Dir, s.name)
	f, err := j.fs.Open(name, true)
	if err != nil {
		return err
	}
	err = j.writeAt(f, make([]byte, 16*pageSize), 0)
	if err == nil {
		err = j.sync(f)
	}
	if err == nil {
		j.fullTil = 0 // there is space again, and nothing has to give way
	}
	return errors.Join(err, f.Close(), j.fs.Remove(name))
}

func (j *Journal) notice(code, detail string, raised bool) {
	if j.o.Notice != nil {
		j.o.Notice(code, detail, raised)
	}
}

// Close writes what waits, marks the run as cleanly ended and closes the files.
// Run, if it is under way, returns. Later appends get ErrClosed. Where the disk
// does not let it end before ctx does, nothing more is written.
func (j *Journal) Close(ctx context.Context) error {
	j.once.Do(func() { close(j.closing) })
	j.door.Lock()
	j.shut = true
	j.door.Unlock()
	select {
	case <-j.turn:
	case <-ctx.Done():
		return fmt.Errorf("journal: not closed: %w", context.Cause(ctx))
	case <-j.gone:
		return nil
	}
	j.mend()
	j.drain()
	if j.down.Load() && j.holds() > 0 {
		j.retry(ctx)
		if n := j.holds(); n > 0 {
			j.log.Error("journal: records in memory end with the process", "records", n)
		}
	}
	var err error
	if j.begun && !j.down.Load() {
		err = j.writeState(true)
	}
	for rank := range ranks {
		j.sealFailed(rank, nil)
	}
	close(j.gone)
	return err
}
