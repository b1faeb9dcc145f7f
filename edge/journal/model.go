package journal

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/edge/wire"
)

// Journal is the records of one directory. All methods may be called at any time
// from any goroutine; Run is the only one that writes while it runs.
type Journal struct {
	o       Options
	fs      FS
	log     *slog.Logger
	segment int64 // size of a segment's file
	pool    int   // files that are kept
	share   [ranks]Share
	most    int // bytes in memory while the disk takes nothing
	opened  time.Time

	door    sync.Mutex // guards pending and shut
	pending [ranks]*batch
	shut    bool
	waiting atomic.Int32  // records in pending
	work    chan struct{} // gets a token with the first of them
	kick    chan struct{}
	grown   chan struct{}
	turn    chan struct{} // holds a token while nobody commits
	closing chan struct{}
	gone    chan struct{}
	once    sync.Once
	batches sync.Pool
	down    atomic.Bool

	syncs, written atomic.Int64

	// The committer's own.
	taken    [ranks]*batch // what is being committed
	enc      []byte
	places   []mark
	expect   int           // requests in the last commit
	patience time.Duration // how long the next one waits for as many
	zeros    []byte
	loaded   bool       // the directory has been read
	begun    bool       // and may be written
	suspects []*segment // to be set aside
	kept     int        // files set aside so far
	gaps     map[gapKey]*openGap
	lastPut  time.Duration
	dropAt   time.Duration // when something was dropped last, 0 = calm
	hurtAt   time.Duration
	retryAt  time.Duration
	stateAt  time.Duration // when the state was written last
	fillAt   time.Duration // when the pool is looked at again
	fullTil  time.Duration // until then the disk is taken to be full

	mu      sync.Mutex
	runs    []*run // in their order, the present one last
	free    []*segment
	aside   int64  // bytes in files that were set aside
	serial  uint64 // of the newest segment
	files   int    // highest number in a file name
	state   uint64 // number of the state on disk
	dirty   bool
	dirtyAt time.Duration
	losses  []loss           // found by readers, not yet told
	handed  Seq              // highest gap record of this run that Next gave out
	resume  [ranks][2]resume // of a live and of a backlog cursor
	dropped [ranks]tally
	damaged uint64        // records
	lived   time.Duration // with a trusted clock, over all runs
	livedAt time.Duration // when that was counted last, since open
	mem     memory
}

// run is what is on disk of one life of the daemon.
type run struct {
	id      wire.Run
	closed  bool
	clean   bool
	told    [ranks]bool // run.closed is on disk for this class
	streams [ranks]*stream
}

// stream is one class of one run.
type stream struct {
	rank int
	run  *run
	segs []*segment // in their order
	next Seq        // the number of the next record
	done ranges     // acknowledged, or told of by a gap record
	hurt ranges     // not to be delivered, and not done yet
	cut  int64      // bytes cut from the tail at open
}

// tally counts what was dropped.
type tally struct{ records, bytes uint64 }

func newRun(id wire.Run) *run {
	r := &run{id: id}
	for rank := range r.streams {
		r.streams[rank] = &stream{rank: rank, run: r, next: 1}
	}
	return r
}
