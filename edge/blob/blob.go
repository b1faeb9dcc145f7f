// Package blob keeps files that are too large for the journal, clips of cameras above
// all, until the platform has them. A file is there whole or not at all: it is written
// under another name, synced, renamed, and its directory synced. The store has a budget
// of its own; beyond it the oldest of the least important files goes first, and whoever
// asks for one that is gone is told so (ErrGone).
//
// A file's name is all that is known of it:
//
//	b-<importance>-<number>-<sha256>
//
// with the importance in one digit and the number in 16 hexadecimal ones, rising with
// every file, so that the names in their order are the order of giving up.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"fuqiao/edged/drivers/fault"
)

// MaxSize is the largest file in bytes.
const MaxSize = 20 << 20

// Fault is a kind of failure; find it with errors.Is.
type Fault string

// The faults.
const (
	// ErrGone: the file is not there; it was given up, or it is done with.
	ErrGone Fault = "the file is gone"
	// ErrRoom: there is no room for the file within the budget, or on the disk.
	ErrRoom Fault = "no room for the file"
	// ErrSize: the file is larger than MaxSize.
	ErrSize Fault = "the file is too large"
)

// Error makes a Fault an error.
func (f Fault) Error() string { return string(f) }

// Options of a store.
type Options struct {
	// Dir is the store's own directory; it is made if it is absent.
	Dir string
	// Budget is what all files may take together, in bytes; 0 keeps none.
	Budget int64
	Log    *slog.Logger
}

// Store is the files of one directory. Its methods may be called from any goroutine.
type Store struct {
	o Options

	mu      sync.Mutex
	names   []string // in the order of giving up
	sizes   map[string]int64
	used    int64 // with what is being written
	next    uint64
	dropped uint64
}

// Stats are a store's books.
type Stats struct {
	// Files and Bytes are kept now; Dropped were given up for want of room in this life.
	Files   int
	Bytes   int64
	Dropped uint64
}

// Open reads the directory. What an earlier life left half written is removed. A store
// is given in any case: with an error it keeps nothing new and finds nothing old, and
// Put tries the directory again.
func Open(o Options) (*Store, error) {
	s := &Store{o: o, sizes: map[string]int64{}}
	if s.o.Log == nil {
		s.o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dir == "" {
		return s, fmt.Errorf("blob: no directory named: %w", fault.BadInput)
	}
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil // it is made with the first file
	}
	if err != nil {
		return s, fmt.Errorf("blob: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), partPrefix) {
			err = errors.Join(err, os.Remove(s.path(e.Name())))
			continue
		}
		n, ok := number(e.Name())
		info, infoErr := e.Info()
		if !ok || infoErr != nil {
			s.o.Log.Warn("blob: a file that is none of ours", "name", e.Name())
			continue
		}
		s.next = max(s.next, n)
		s.names = append(s.names, e.Name())
		s.sizes[e.Name()] = info.Size()
		s.used += info.Size()
	}
	slices.Sort(s.names)
	if err != nil {
		return s, fmt.Errorf("blob: %w", err)
	}
	return s, nil
}

const (
	partPrefix = "part-"
	nameLength = len("b-0-0123456789abcdef-") + 2*sha256.Size
)

// number is the number in a name of ours.
func number(name string) (uint64, bool) {
	if len(name) != nameLength || name[:2] != "b-" || name[3] != '-' || name[20] != '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(name[4:20], 16, 64)
	return n, err == nil
}

func (s *Store) path(name string) string { return filepath.Join(s.o.Dir, name) }

// Ref says what was kept.
type Ref struct {
	// Name finds the file again.
	Name string
	// SHA256 is its hash in hex, Size its length in bytes.
	SHA256 string
	Size   int64
}

// Put keeps what r gives, to its end, and returns when it is on disk. Importance is
// 0–9, 9 the last to be given up; nothing is given up for what is less important, nor for
// what in the end finds no room: until it is whole both are on the disk. Errors are
// ErrSize, ErrRoom, and what r and the disk say.
func (s *Store) Put(ctx context.Context, importance int, r io.Reader) (Ref, error) {
	if importance < 0 || importance > 9 {
		return Ref{}, fmt.Errorf("blob: importance %d: must be 0 to 9: %w", importance, fault.BadInput)
	}
	if err := os.MkdirAll(s.o.Dir, 0o700); err != nil {
		return Ref{}, fmt.Errorf("blob: %w", err)
	}
	f, err := os.CreateTemp(s.o.Dir, partPrefix)
	if err != nil {
		return Ref{}, fmt.Errorf("blob: %w", err)
	}
	w := &writer{s: s, ctx: ctx, f: f, sum: sha256.New(), importance: importance}
	ref, err := w.take(r)
	if err != nil {
		_ = os.Remove(f.Name()) // the error that matters is the first one
		s.restore(w)
		if errors.Is(err, syscall.ENOSPC) {
			err = fmt.Errorf("%w: %w", ErrRoom, err)
		}
		return Ref{}, fmt.Errorf("blob: %w", err)
	}
	return ref, nil
}

// writer is one file on its way.
type writer struct {
	s          *Store
	ctx        context.Context //nolint:containedctx // a writer lives within one call of Put
	f          *os.File
	sum        hash.Hash
	size       int64
	importance int
	victims    []file // that give way when this one is whole
}

// file is one that is kept.
type file struct {
	name string
	size int64
}

func (w *writer) take(r io.Reader) (Ref, error) {
	_, err := io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, 32<<10))
	if err == nil {
		err = w.f.Sync()
	}
	if err := errors.Join(err, w.f.Close()); err != nil {
		return Ref{}, err
	}
	return w.s.enter(w)
}

// Write takes a piece, within size, budget and time.
func (w *writer) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, context.Cause(w.ctx)
	}
	if w.size+int64(len(b)) > MaxSize {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrSize, MaxSize)
	}
	if err := w.s.reserve(w, int64(len(b))); err != nil {
		return 0, err
	}
	w.sum.Write(b)
	return w.f.Write(b)
}

// enter gives a complete file its name.
func (s *Store) enter(w *writer) (Ref, error) {
	sum := hex.EncodeToString(w.sum.Sum(nil))
	s.mu.Lock()
	s.next++
	name := fmt.Sprintf("b-%d-%016x-%s", w.importance, s.next, sum)
	s.mu.Unlock()
	if err := os.Rename(w.f.Name(), s.path(name)); err != nil {
		return Ref{}, err
	}
	if err := s.syncDir(); err != nil {
		return Ref{}, errors.Join(err, os.Remove(s.path(name)))
	}
	for _, v := range w.victims {
		s.o.Log.Warn("blob: given up for want of room", "name", v.name)
		if err := os.Remove(s.path(v.name)); err != nil {
			s.o.Log.Error("blob: cannot be removed", "name", v.name, "error", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += uint64(len(w.victims))
	s.add(file{name, w.size})
	return Ref{name, sum, w.size}, nil
}

func (s *Store) syncDir() error {
	d, err := os.Open(s.o.Dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// reserve makes room for n bytes more, at the cost of files of at most the same
// importance.
func (s *Store) reserve(w *writer, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.used+n > s.o.Budget {
		if len(s.names) == 0 || int(s.names[0][2]-'0') > w.importance {
			return fmt.Errorf("%w: %d bytes are in use, the budget is %d", ErrRoom, s.used, s.o.Budget)
		}
		v := file{s.names[0], s.sizes[s.names[0]]}
		s.names = s.names[1:]
		delete(s.sizes, v.name)
		s.used -= v.size
		w.victims = append(w.victims, v)
	}
	s.used += n
	w.size += n
	return nil
}

// restore takes a file back that did not become whole.
func (s *Store) restore(w *writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= w.size
	for _, v := range w.victims {
		s.add(v)
		s.used += v.size
	}
}

// add enters a file into the books. The caller holds mu, and counts its bytes.
func (s *Store) add(f file) {
	at, _ := slices.BinarySearch(s.names, f.name)
	s.names = slices.Insert(s.names, at, f.name)
	s.sizes[f.name] = f.size
}

// Open opens a file for reading; ErrGone where it is not there. What is open can be
// read to its end even if it is given up meanwhile.
func (s *Store) Open(name string) (*os.File, error) {
	if _, ok := number(name); !ok {
		return nil, fmt.Errorf("blob: %q: not a name of this store: %w", name, fault.BadInput)
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", name, ErrGone)
	}
	return f, err
}

// Remove ends a file that is done with. One that is not there is no error.
func (s *Store) Remove(name string) error {
	if _, ok := number(name); !ok {
		return fmt.Errorf("blob: %q: not a name of this store: %w", name, fault.BadInput)
	}
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if size, ok := s.sizes[name]; ok {
		s.used -= size
		delete(s.sizes, name)
		s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
	}
	return nil
}

// Stats are the books now.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Files: len(s.names), Bytes: s.used, Dropped: s.dropped}
}
