package ledger

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is what the ledger needs of an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync puts what was written on the device (fdatasync).
	Sync() error
	// Size in bytes.
	Size() (int64, error)
	Close() error
}

// FS is what the ledger needs of its directory. Names have no path.
type FS interface {
	// Open opens an existing file for reading and writing; fs.ErrNotExist where there
	// is none.
	Open(name string) (File, error)
	// Create makes an empty file, replacing one that is there.
	Create(name string) (File, error)
	Rename(from, to string) error
	// SyncDir makes the names themselves durable.
	SyncDir() error
}

// Disk is the real directory dir.
func Disk(dir string) FS { return disk(dir) }

type disk string

func (d disk) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return diskFile{f}, nil
}

func (d disk) Create(name string) (File, error) {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(string(d), name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	return diskFile{f}, nil
}

func (d disk) Rename(from, to string) error {
	if err := os.Rename(filepath.Join(string(d), from), filepath.Join(string(d), to)); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return nil
}

func (d disk) SyncDir() error {
	f, err := os.Open(string(d))
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written through it
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

type diskFile struct{ *os.File }

func (f diskFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return fmt.Errorf("fdatasync %s: %w", f.Name(), err)
		}
	}
}

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("stat: %w", err)
	}
	return info.Size(), nil
}
