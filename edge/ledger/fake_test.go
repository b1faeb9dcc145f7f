package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
)

const sector = 512

// op is one step of a fake disk, as it could be cut after.
type op struct {
	file *memFile
	at   int64  // write
	data []byte // write
	sync bool
	from string // rename
	to   string
	dir  bool // directory synced
}

// memFS is a disk that remembers what was done to it, so that a power cut can be
// played at any step, with any part of what was not synced kept.
type memFS struct {
	mu    sync.Mutex
	files map[string]*memFile
	ops   []op
	keep  bool // record ops

	missing  error         // every call fails with it
	failSync int           // this many syncs fail from now on
	stall    chan struct{} // syncs wait until it is closed
	misused  bool          // a poisoned file was synced again
	syncs    int
}

type memFile struct {
	d      *memFS
	name   string
	data   []byte
	poison bool
}

func newMem() *memFS { return &memFS{files: map[string]*memFile{}} }

func (d *memFS) Open(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.missing != nil {
		return nil, d.missing
	}
	f := d.files[name]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return f, nil
}

func (d *memFS) Create(name string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.missing != nil {
		return nil, d.missing
	}
	f := &memFile{d: d, name: name}
	d.files[name] = f
	return f, nil
}

func (d *memFS) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[from] == nil {
		return fs.ErrNotExist
	}
	d.files[to] = d.files[from]
	delete(d.files, from)
	d.note(op{from: from, to: to})
	return nil
}

func (d *memFS) SyncDir() error { d.mu.Lock(); defer d.mu.Unlock(); d.note(op{dir: true}); return nil }

func (d *memFS) note(o op) {
	if d.keep {
		d.ops = append(d.ops, o)
	}
}

func (f *memFile) ReadAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if at >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if grow := at + int64(len(b)) - int64(len(f.data)); grow > 0 {
		f.data = append(f.data, make([]byte, grow)...)
	}
	copy(f.data[at:], b)
	f.d.note(op{file: f, at: at, data: append([]byte(nil), b...)})
	return len(b), nil
}

func (f *memFile) Sync() error {
	f.d.mu.Lock()
	stall := f.d.stall
	f.d.mu.Unlock()
	if stall != nil {
		<-stall
	}
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.poison {
		f.d.misused = true
	}
	if f.d.failSync > 0 {
		f.d.failSync--
		f.poison = true
		return errors.New("fdatasync: input/output error")
	}
	f.d.syncs++
	f.d.note(op{file: f, sync: true})
	return nil
}

func (f *memFile) Size() (int64, error) { return int64(len(f.data)), nil }
func (f *memFile) Close() error         { return nil }

// image is the ledger file alone as a power cut after step k leaves it, starting
// from base: synced writes are there, of the others keep decides per sector.
func (d *memFS) image(base []byte, k int, keep func(i int) bool) (*memFS, int) {
	data := append([]byte(nil), base...)
	var loose []op
	for _, o := range d.ops[:k] {
		switch {
		case o.sync:
			for _, w := range loose {
				copy(data[w.at:], w.data)
			}
			loose = nil
		case o.data != nil:
			loose = append(loose, split(o)...)
		}
	}
	for i, w := range loose {
		if keep(i) {
			copy(data[w.at:], w.data)
		}
	}
	m := newMem()
	m.files[fileName] = &memFile{d: m, name: fileName, data: data}
	return m, len(loose)
}

// split cuts a write at sector boundaries of the device.
func split(o op) []op {
	var out []op
	for len(o.data) > 0 {
		n := min(int(sector-o.at%sector), len(o.data))
		out = append(out, op{at: o.at, data: o.data[:n]})
		o.at, o.data = o.at+int64(n), o.data[n:]
	}
	return out
}

// copyOf is the disk as the next process finds it after a kill: all that was written.
func (d *memFS) copyOf() *memFS {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := newMem()
	for n, f := range d.files {
		m.files[n] = &memFile{d: m, name: n, data: append([]byte(nil), f.data...)}
	}
	return m
}

// bench is a ledger with its Run going.
type running struct {
	*Ledger
	t    testing.TB
	stop context.CancelFunc
	done chan struct{}
}

// small is a ring that goes round soon.
func small() geometry { return geometry{segments: 16, size: 16 << 10} }

func start(t testing.TB, d FS) *running {
	t.Helper()
	return startWith(t, Options{FS: d, Run: "0123456789abcdef", geometry: small()})
}

func startWith(t testing.TB, o Options) *running {
	t.Helper()
	l, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return turn(t, l)
}

func turn(t testing.TB, l *Ledger) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Ledger: l, t: t, stop: cancel, done: make(chan struct{})}
	go func() { defer close(r.done); _ = l.Run(ctx) }()
	t.Cleanup(r.halt)
	return r
}

func (r *running) halt() { r.stop(); <-r.done }

// order makes a once order number n of kid.
func order(kid string, n uint64) *wire.Order {
	id := fmt.Sprintf("%s-%d", kid, n)
	return &wire.Order{
		Contract: 1, ID: id, Seq: n, Kid: kid, Kids: []string{kid}, Hash: sha256.Sum256([]byte(id)),
		Issued: time.Unix(1795507200, 0).UTC(), NotAfter: time.Unix(1795507230, 0).UTC(), Person: "wang", Reach: wire.Urgent,
		Gateway: "gw-1", Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "请勿占道经营"},
	}
}

func terminal(o *wire.Order, device string) []byte {
	return fmt.Appendf(nil, `{"order":%q,"device":%q,"status":"done","pad":"%0380d"}`, o.ID, device, o.Seq)
}

func (r *running) fresh(o *wire.Order) {
	r.t.Helper()
	if v, _ := r.Admit(o, true); v != Fresh {
		r.t.Fatalf("%s: admitted as %v, want fresh", o.ID, v)
	}
}

func (r *running) intent(o *wire.Order, devices ...string) {
	r.t.Helper()
	r.fresh(o)
	if err := r.Intent(context.Background(), o, devices); err != nil {
		r.t.Fatalf("%s: %v", o.ID, err)
	}
}

func (r *running) sync() {
	r.t.Helper()
	if err := r.Sync(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
