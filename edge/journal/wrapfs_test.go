package journal

import (
	"bytes"
	"syscall"
	"time"
)

// growthFS says ENOSPC to every write beyond a file's end.
type growthFS struct{ *memFS }

type growthFile struct{ File }

func (g *growthFS) Open(name string, write bool) (File, error) {
	f, err := g.memFS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return growthFile{f}, nil
}

func (f growthFile) WriteAt(b []byte, off int64) (int, error) {
	if size, _ := f.Size(); off+int64(len(b)) > size {
		n, _ := f.File.WriteAt(b[:max(0, size-off)], off)
		return n, syscall.ENOSPC
	}
	return f.File.WriteAt(b, off)
}

// slowFS takes virtual time for a sync.
type slowFS struct{ *memFS }

type slowFile struct{ File }

func (s slowFS) Open(name string, write bool) (File, error) {
	f, err := s.memFS.Open(name, write)
	if err != nil {
		return nil, err
	}
	return slowFile{f}, nil
}

func (f slowFile) Sync() error {
	time.Sleep(10 * time.Millisecond)
	return f.File.Sync()
}

// durableOnly is the disk with nothing on it but what was synced.
func (m *memFS) durableOnly() *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemFS()
	for name, f := range m.lasting {
		g := &memFile{data: bytes.Clone(f.durable), durable: bytes.Clone(f.durable)}
		after.files[name], after.lasting[name] = g, g
	}
	return after
}
