// Package ledger remembers orders across restarts, so that none acts twice. Per key
// it knows the last 4,096 orders by seq, id and hash, and what became of them; for
// every once order it has written the intent to disk before anything is done, and
// it closes the entry with the terminal result.
//
// An order's entry goes through these states per device:
//
//	open ─(Queued)→ queued ─(Begin)→ begun ─(Close)→ closed ─(Journalled)→ settled
//
// After a crash, open and begun mean "may have been done": the terminal is unknown.
// Queued means "surely not begun": the order may go back to the queue. Closed means
// that the terminal must be appended to the journal once more.
//
// On disk it is one preallocated file, a ring of segments that are overwritten in
// place (ring.go, record.go). Nothing in it depends on any clock.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/edge/wire"
)

// Bounds.
const (
	windowSize  = 4096     // orders remembered per key
	maxEntries  = 16384    // orders remembered over all keys
	maxResults  = 3 << 20  // bytes of stored results; the oldest settled ones go first
	maxOpen     = 3 << 19  // bytes of orders that are not settled
	maxTerminal = 32 << 10 // bytes of one terminal result
	maxDevices  = 256      // of one order

	intentTime = 250 * time.Millisecond // an intent is durable within this, or refused
	behind     = 100 * time.Millisecond // what is written behind waits at most this for company
)

// ErrStorage means: it is not on disk, and whoever asked must act accordingly.
const ErrStorage = storageError("the ledger is not durable")

// ErrNewer means that the file is of a newer format; it is left as it is.
const ErrNewer = storageError("the ledger is of a newer format than this program knows")

type storageError string

func (e storageError) Error() string { return string(e) }

// Options of a Ledger.
type Options struct {
	// Dir holds the file; it is made if it is not there.
	Dir string
	// Run is this life of the daemon; it is noted in the file for whoever reads it.
	Run wire.Run
	// FS is the disk; nil is the real one.
	FS FS
	// Log takes what a maintainer may want to know.
	Log *slog.Logger
	// Notice is told when the disk begins or ceases to fail; nil for nobody.
	Notice func(failing bool, detail string)

	window   int      // size of a window; 0: windowSize
	entries  int      // over all keys; 0: maxEntries
	geometry geometry // of the file; zero: standard
}

// Ledger is safe for concurrent use. Only Run touches the file.
type Ledger struct {
	o    Options
	wake chan struct{} // urgent work is there
	lazy chan struct{} // work to be written behind is there

	mu      sync.Mutex
	windows map[string]*window
	entries map[place]*entry
	total   int // entries in windows
	results int // bytes of stored results
	opened  int // bytes of orders that are not settled
	told    []*entry
	broken  error // why nothing can be written now
	found   []Entry

	urgent, later   []item
	queued, written uint64 // tickets of urgent work
	waiters         []waiter
	busy            time.Time // since when the disk owes an answer; zero: it owes none

	ring *ring // owned by Run, once it turns
}

// place is where an order stands.
type place struct {
	kid string
	seq uint64
}

// waiter waits until the ticket is on disk.
type waiter struct {
	ticket uint64
	done   chan error
}

// Open reads the ledger. Where the disk is not there it comes back all the same,
// remembers in RAM, answers intents with ErrStorage, and Run keeps trying. Only a
// file of a newer format is an error (ErrNewer).
func Open(ctx context.Context, o Options) (*Ledger, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Notice == nil {
		o.Notice = func(bool, string) {}
	}
	if o.FS == nil {
		o.FS = Disk(o.Dir)
	}
	if o.window == 0 {
		o.window = windowSize
	}
	if o.entries == 0 {
		o.entries = maxEntries
	}
	if o.geometry.segments == 0 {
		o.geometry = standard()
	}
	l := &Ledger{
		o: o, wake: make(chan struct{}, 1), lazy: make(chan struct{}, 1),
		windows: map[string]*window{}, entries: map[place]*entry{},
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	err := l.load()
	if errors.Is(err, ErrNewer) {
		return nil, fmt.Errorf("ledger %s: %w", o.Dir, err)
	}
	if err != nil {
		l.fail(err)
	}
	return l, nil
}

// fail notes that nothing can be written, and lets go whoever waits.
func (l *Ledger) fail(err error) {
	l.mu.Lock()
	first := l.broken == nil
	l.broken, l.busy = err, time.Time{}
	for _, w := range l.waiters {
		w.done <- fmt.Errorf("%w: %w", ErrStorage, err)
	}
	l.waiters = nil
	l.mu.Unlock()
	if first {
		l.o.Log.Error("ledger cannot be written", "error", err)
		l.o.Notice(true, err.Error())
	}
}

// Shut closes the file. Run must have ended.
func (l *Ledger) Shut() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.ring
	l.ring, l.broken = nil, errors.New("the ledger is shut")
	if r == nil {
		return nil
	}
	if err := r.f.Close(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Entry is an order on one device that a crash left unfinished.
type Entry struct {
	// Order is what was ordered. Where the entry's text could not be read any more
	// it carries id, seq, kid and hash only.
	Order  *wire.Order
	Device string
	// Queued: it had to queue and surely never began. It may go back to the queue
	// while not_after holds.
	Queued bool
	// Terminal is set where the order was closed but perhaps not journalled: it is to
	// be appended again. Where it is nil and Queued is not set, nobody knows what was
	// done: the terminal is unknown.
	Terminal []byte
}

// Recover lists what the runs before left unfinished, oldest first. It is asked once
// at the start, and again after Notice has told that a disk which was missing at the
// start is there.
func (l *Ledger) Recover() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.found
	l.found = nil
	return out
}
