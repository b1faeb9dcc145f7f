package journal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

const (
	ackDelay      = 5 * time.Second        // an acknowledgement is on disk after this long at the latest
	ackGap        = time.Second            // and with a commit, if the last time is this long ago
	retryEvery    = 3 * time.Second        // while the disk takes no records
	calmAfter     = time.Minute            // without damage or drops their condition is cleared
	idleAfter     = time.Second            // without appends the pool is filled
	fillEvery     = 100 * time.Millisecond // one step of filling
	mostPatience  = time.Millisecond       // that a commit waits for as many writers as the last one had
	mostYields    = 5000                   // and this often it gives way to them
	fullFor       = time.Minute            // after ENOSPC nothing grows
	fillStep      = 256 << 10              // bytes
	batchRecords  = 256                    // of one class in one commit
	batchBytes    = 1 << 20                // of one class in one commit
	keepBuffer    = 256 << 10              // larger buffers are not kept for reuse
	poolPerClass  = 2
	leastSegments = 16 // in a budget
)

// Options of a journal.
type Options struct {
	// Dir is the journal's own directory; it is made if it is absent. The caller
	// sees to it that nobody else writes there.
	Dir string
	// Run is this life's id, 1–16 bytes.
	Run wire.Run
	// Budget is the total in bytes of all files, 64 MiB if 0.
	Budget int64
	// Classes override the default shares.
	Classes map[Class]Share
	// FS is the real file system if nil.
	FS  FS
	Log *slog.Logger
	// Notice raises and clears the conditions journal.storage, journal.damage and
	// journal.dropped; it must not block. May be nil.
	Notice func(code, detail string, raised bool)
	// Now is wall time and whether it is known; never known if nil.
	Now func() (time.Time, bool)

	// Trusted tells whether wall time can be relied upon, for Share.TTL; never if nil.
	Trusted func() bool

	// segment, pool and memory are set by tests that want them small.
	segment int64
	pool    int
	memory  int
}

// Open reads the directory and closes the earlier runs. It always gives a journal:
// damage is passed over, set aside and told of, and where the disk cannot be read
// or written the journal says so through Notice, keeps records in memory (ErrVolatile)
// and tries again in Run. Errors are bad options, and ErrNewer: a directory of a newer
// version is left untouched.
func Open(ctx context.Context, o Options) (*Journal, error) {
	if n := len(o.Run); n == 0 || n > 16 {
		return nil, fmt.Errorf("journal: run %q: must have 1 to 16 bytes: %w", o.Run, fault.BadInput)
	}
	if o.Dir == "" {
		return nil, fmt.Errorf("journal: no directory named: %w", fault.BadInput)
	}
	if o.Budget == 0 {
		o.Budget = 64 << 20
	}
	j := &Journal{
		o: o, fs: o.FS, log: o.Log, opened: time.Now(),
		work: make(chan struct{}, 1), kick: make(chan struct{}, 1), grown: make(chan struct{}, 1),
		turn: make(chan struct{}, 1), closing: make(chan struct{}), gone: make(chan struct{}),
		gaps: map[gapKey]*openGap{}, runs: []*run{newRun(o.Run)},
	}
	if j.fs == nil {
		j.fs = osFS{}
	}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if err := j.size(); err != nil {
		return nil, err
	}
	j.down.Store(true)
	if err := j.start(ctx); err != nil {
		if isNewer(err) || ctx.Err() != nil {
			return nil, err
		}
		j.fail("opening the journal", err)
	}
	j.turn <- struct{}{}
	return j, nil
}

// size fixes the size of segments, of the pool and of the shares: small segments
// for small budgets, because every class holds one that is not full.
func (j *Journal) size() (err error) {
	j.segment = min(max(j.o.Budget/64, 1<<20), 4<<20) &^ (pageSize - 1)
	if j.o.segment > 0 {
		j.segment = j.o.segment
	}
	j.pool = min(poolPerClass*ranks, int(j.o.Budget*3/4/j.segment))
	if j.o.pool != 0 {
		j.pool = max(0, j.o.pool)
	}
	if j.most = j.o.memory; j.most == 0 {
		j.most = mostHeld
	}
	if least := leastSegments * j.segment; j.o.Budget < least {
		return fmt.Errorf("journal: budget %d: must be at least %d: %w", j.o.Budget, least, fault.BadInput)
	}
	j.share, err = j.o.shares(j.segment)
	return err
}

// start does what is left of opening: reading the directory, then writing to it.
func (j *Journal) start(ctx context.Context) error {
	if !j.loaded {
		if err := j.load(); err != nil {
			return err
		}
		j.loaded = true
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !j.begun {
		if err := j.begin(); err != nil {
			return err
		}
		j.begun = true
	}
	j.well()
	return nil
}

// current is this life's run. The caller holds mu or is the committer.
func (j *Journal) current() *run { return j.runs[len(j.runs)-1] }

// Grown gets a token when something new can be read.
func (j *Journal) Grown() <-chan struct{} { return j.grown }

// NextSeq is the number that the next record of each class of this run will get.
func (j *Journal) NextSeq() map[Class]Seq {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := make(map[Class]Seq, ranks)
	for rank := range ranks {
		next[classOf(rank)] = j.assigned(rank)
	}
	return next
}

// Ack says that the platform has stored these records of a run and class. It is
// known in RAM at once, and on disk with the next commit or after 5 s; until then
// a crash makes them be sent again, with the same identities. Unknown runs and
// numbers, and what is acknowledged already, are passed over; so is what would make
// more than 256 separate ranges, and is sent again.
func (j *Journal) Ack(of wire.Run, c Class, acked ...Range) {
	rank := rankOf(c)
	if rank < 0 {
		return
	}
	j.mu.Lock()
	for _, r := range j.runs {
		if r.id == of {
			for _, a := range acked {
				st := r.streams[rank]
				last := st.next - 1
				if r == j.current() {
					last = j.assigned(rank) - 1
				}
				a.First, a.Last = max(a.First, 1), min(a.Last, last)
				if a.First <= a.Last && (len(st.done) < maxRanges || st.done.touches(a)) {
					j.markDone(st, a)
				}
			}
			if r == j.current() {
				j.letGo(rank)
			}
		}
	}
	j.mu.Unlock()
}

// markDone adds numbers to a stream's set. The caller holds mu.
func (j *Journal) markDone(s *stream, a Range) {
	done, changed := s.done.with(a)
	s.done = done
	if changed && !j.dirty {
		j.dirty, j.dirtyAt = true, j.sinceOpen()
		wake(j.kick)
	}
}

// sinceOpen is this journal's monotonic clock; it is never 0.
func (j *Journal) sinceOpen() time.Duration { return time.Since(j.opened) + 1 }

// wall is the time in Unix milliseconds, 0 while it is unknown.
func (j *Journal) wall() int64 {
	if j.o.Now == nil {
		return 0
	}
	if t, known := j.o.Now(); known {
		return t.UnixMilli()
	}
	return 0
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
