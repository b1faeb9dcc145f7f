package journal

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// FS is the little of a file system that the journal needs; tests put faults into
// it. Names are paths.
type FS interface {
	// List returns the names in a directory, which it makes (0700) if it is absent.
	List(dir string) ([]string, error)
	// Open opens a file for reading, or for reading and writing, where a missing one
	// is made (0600). Opening a directory for reading is for its Sync.
	Open(name string, write bool) (File, error)
	Remove(name string) error
}

// File is an open file. Sync is fdatasync.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Size() (int64, error)
}

// osFS is the real one.
type osFS struct{}

func (osFS) List(dir string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osFS) Open(name string, write bool) (File, error) {
	flag := os.O_RDONLY
	if write {
		flag = os.O_RDWR | os.O_CREATE
	}
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Remove(name string) error { return os.Remove(name) }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Sync is fdatasync(2): it flushes the data and only that metadata which is needed
// to read it again, so that an overwritten file costs one flush and not two.
func (f osFile) Sync() error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			if failed = syscall.Fdatasync(int(fd)); failed != syscall.EINTR {
				return
			}
		}
	})
	if failed != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: failed}
	}
	return err
}

// writeAt writes all of b; a short write is an error even from an FS that does not say so.
func (j *Journal) writeAt(f File, b []byte, off int64) error {
	n, err := f.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	j.written.Add(int64(n))
	return err
}

func (j *Journal) sync(f File) error {
	j.syncs.Add(1)
	return f.Sync()
}

// syncDir makes names in the journal's directory durable.
func (j *Journal) syncDir() error {
	d, err := j.fs.Open(j.o.Dir, false)
	if err != nil {
		return err
	}
	err = j.sync(d)
	return errors.Join(err, d.Close())
}

// readFull reads as much of b as the file has. Where the medium cannot read (EIO)
// the page in question is left zero, which never verifies: the records in it are
// found to be damaged and all others are still delivered.
func readFull(f io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := f.ReadAt(b, off)
	if err == nil || errors.Is(err, io.EOF) {
		return n, nil
	}
	if !errors.Is(err, syscall.EIO) {
		return n, err
	}
	done := 0
	for done < len(b) {
		step := min(len(b)-done, pageSize-int((off+int64(done))%pageSize))
		page := b[done : done+step]
		n, err := f.ReadAt(page, off+int64(done))
		switch {
		case errors.Is(err, io.EOF):
			return done + n, nil
		case errors.Is(err, syscall.EIO):
			clear(page)
		case err != nil:
			return done, err
		}
		done += step
	}
	return done, nil
}
