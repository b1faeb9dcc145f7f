package powercut

import (
	"context"
	"errors"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// blockFile is the one file of the FUSE file system: a medium.
type blockFile struct {
	fs.Inode
	m    *Medium
	size uint64
}

var (
	_ fs.NodeOpener    = (*blockFile)(nil)
	_ fs.NodeReader    = (*blockFile)(nil)
	_ fs.NodeWriter    = (*blockFile)(nil)
	_ fs.NodeFsyncer   = (*blockFile)(nil)
	_ fs.NodeGetattrer = (*blockFile)(nil)
)

// Open lets nothing be cached: what the loop device writes reaches the medium at once.
func (f *blockFile) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Getattr says how large it is.
func (f *blockFile) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Size, out.Mode = f.size, 0o600
	return 0
}

// Read reads from the medium.
func (f *blockFile) Read(_ context.Context, _ fs.FileHandle, b []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n, err := f.m.readAt(b, off)
	if err != nil {
		return nil, errno(err)
	}
	return fuse.ReadResultData(b[:n]), 0
}

// Write writes to the medium.
func (f *blockFile) Write(_ context.Context, _ fs.FileHandle, b []byte, off int64) (uint32, syscall.Errno) {
	if err := f.m.writeAt(b, off); err != nil {
		return 0, errno(err)
	}
	return uint32(len(b)), 0
}

// Fsync flushes the medium: the loop device asks for it when its file system flushes.
func (f *blockFile) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	if err := f.m.flush(); err != nil {
		return errno(err)
	}
	return 0
}

func errno(err error) syscall.Errno {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return syscall.EIO
}

// serve mounts the file system with the medium as its file "disk".
func serve(dir string, m *Medium, size int) (*fuse.Server, error) {
	root := &fs.Inode{}
	return fs.Mount(dir, root, &fs.Options{
		OnAdd: func(ctx context.Context) {
			child := root.NewPersistentInode(ctx, &blockFile{m: m, size: uint64(size)}, fs.StableAttr{Mode: fuse.S_IFREG})
			root.AddChild("disk", child, true)
		},
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "powercut", Name: "powercut", MaxWrite: 128 << 10},
	})
}
