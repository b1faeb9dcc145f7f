package journal

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
)

const sector = 512

// errDead is what a disk says whose power is gone: what was not synced may have
// reached it all the same.
var errDead = errors.New("the power is gone")

// memFS is a file system in RAM that knows what a power cut would leave: all that
// was synced, and of what was written since any subset of its 512-byte sectors.
type memFS struct {
	mu    sync.Mutex
	files map[string]*memFile
	// lasting is what names are on the medium.
	lasting map[string]*memFile
	// fail, if set, may refuse an operation: "list", "open", "remove",
	// "read", "write" (n bytes of which are written all the same), "sync".
	fail  func(op, name string) (n int, err error)
	syncs map[string]int
}

type memFile struct {
	data    []byte // what a reader sees
	durable []byte
	pending []memWrite
	broken  bool // a sync failed: the pages are marked clean and never written
}

type memWrite struct {
	off  int64
	data []byte
}

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, lasting: map[string]*memFile{}, syncs: map[string]int{}}
}

func (m *memFS) failing(op, name string) (int, error) {
	if m.fail == nil {
		return 0, nil
	}
	return m.fail(op, filepath.Base(name))
}

func (m *memFS) List(string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.failing("list", ""); err != nil {
		return nil, err
	}
	var names []string
	for name := range m.files {
		names = append(names, name)
	}
	return names, nil
}

func (m *memFS) Open(name string, write bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.failing("open", name); err != nil {
		return nil, err
	}
	base := filepath.Base(name)
	if base == "journal" {
		return &memHandle{fs: m, name: base}, nil
	}
	f := m.files[base]
	if f == nil {
		if !write {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		f = &memFile{}
		m.files[base] = f
	}
	return &memHandle{fs: m, name: base, file: f}, nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.failing("remove", name); err != nil {
		return err
	}
	delete(m.files, filepath.Base(name))
	return nil
}

// memHandle is one descriptor.
type memHandle struct {
	fs   *memFS
	name string
	file *memFile // nil for the directory
}

func (h *memHandle) ReadAt(b []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if _, err := h.fs.failing("read", h.name); err != nil {
		return 0, err
	}
	if off >= int64(len(h.file.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.file.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) WriteAt(b []byte, off int64) (int, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	n, err := h.fs.failing("write", h.name)
	if err != nil {
		b = b[:min(n, len(b))]
	}
	h.file.data = overlay(h.file.data, off, b)
	h.file.pending = append(h.file.pending, memWrite{off, slices.Clone(b)})
	return len(b), err
}

func (h *memHandle) Sync() error {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	h.fs.syncs[h.name]++
	if _, err := h.fs.failing("sync", h.name); err != nil {
		if h.file != nil && !errors.Is(err, errDead) {
			h.file.pending = nil // the kernel has marked the pages clean
			h.file.broken = true
		}
		return err
	}
	if h.file == nil {
		clear(h.fs.lasting)
		for name, f := range h.fs.files {
			h.fs.lasting[name] = f
		}
		return nil
	}
	for _, w := range h.file.pending {
		h.file.durable = overlay(h.file.durable, w.off, w.data)
	}
	h.file.pending = nil
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return int64(len(h.file.data)), nil
}

func (h *memHandle) Close() error { return nil }

// overlay writes b at off into data, with zeros in between.
func overlay(data []byte, off int64, b []byte) []byte {
	if need := int(off) + len(b); need > len(data) {
		data = append(data, make([]byte, need-len(data))...)
	}
	copy(data[off:], b)
	return data
}

// cut is the medium after a power cut: r decides which unsynced sectors and names
// made it. With lie, some of what was synced did not either.
func (m *memFS) cut(r *rand.Rand) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	names := map[string]*memFile{}
	for name, f := range m.lasting {
		if m.files[name] == f || r.IntN(2) == 0 { // a removal that was not synced may be undone
			names[name] = f
		}
	}
	for name, f := range m.files {
		if m.lasting[name] != f && r.IntN(2) == 0 {
			names[name] = f
		}
	}
	for name, f := range names {
		data := slices.Clone(f.durable)
		for _, w := range f.pending {
			for at := 0; at < len(w.data); at += sector {
				if r.IntN(2) == 0 {
					data = overlay(data, w.off+int64(at), w.data[at:min(at+sector, len(w.data))])
				}
			}
		}
		g := &memFile{data: data, durable: slices.Clone(data)}
		after.files[name], after.lasting[name] = g, g
	}
	return after
}

// clone is the same medium once more, all of it durable: what a SIGKILL leaves.
func (m *memFS) clone() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	for name, f := range m.files {
		g := &memFile{data: slices.Clone(f.data), durable: slices.Clone(f.data)}
		after.files[name], after.lasting[name] = g, g
	}
	return after
}
