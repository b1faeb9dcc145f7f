package kernel

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Disk is a hook that makes the file system under one directory fail on demand:
// the real binary meets a full, worn-out or read-only card.
type Disk struct {
	under string

	mu     sync.Mutex
	faults map[uintptr]*diskFault
	failed int
}

// diskFault is what one kind of call does.
type diskFault struct {
	errno unix.Errno
	after int // calls that still succeed
	times int // calls that still fail; < 0: all
}

// NewDisk makes a disk that works, for files below the directory.
func NewDisk(under string) *Disk {
	if real, err := filepath.EvalSymlinks(under); err == nil {
		under = real
	}
	return &Disk{under: strings.TrimSuffix(under, "/") + "/", faults: map[uintptr]*diskFault{}}
}

// Fail lets the next calls of one kind fail: after of them still succeed, then
// times of them fail (times <= 0: all). nr is one of unix.SYS_FDATASYNC, SYS_FSYNC,
// SYS_PWRITE64, SYS_FALLOCATE, SYS_FTRUNCATE, SYS_OPENAT (only for writing) and
// SYS_RENAMEAT. A later Fail of the same kind replaces the earlier.
func (d *Disk) Fail(nr uintptr, errno unix.Errno, after, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if times <= 0 {
		times = -1
	}
	d.faults[nr] = &diskFault{errno: errno, after: after, times: times}
}

// Heal ends all faults.
func (d *Disk) Heal() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.faults)
}

// Failed is how many calls have failed so far: a test whose fault was never met
// shows nothing.
func (d *Disk) Failed() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed
}

// Syscalls are those of Fail.
func (d *Disk) Syscalls() []Syscall {
	return []Syscall{
		{Nr: unix.SYS_FDATASYNC}, {Nr: unix.SYS_FSYNC}, {Nr: unix.SYS_PWRITE64}, {Nr: unix.SYS_FALLOCATE},
		{Nr: unix.SYS_FTRUNCATE}, {Nr: unix.SYS_OPENAT}, {Nr: unix.SYS_RENAMEAT},
	}
}

// Handle fails what is due.
func (d *Disk) Handle(c *Call) Answer {
	d.mu.Lock()
	_, armed := d.faults[c.Nr]
	d.mu.Unlock()
	if !armed {
		return Continue()
	}
	path, err := d.file(c)
	if err != nil || !strings.HasPrefix(path, d.under) || !c.Alive() {
		return Continue()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.faults[c.Nr]
	if f == nil || f.times == 0 {
		return Continue()
	}
	if f.after > 0 {
		f.after--
		return Continue()
	}
	f.times--
	d.failed++
	return Fail(f.errno)
}

// file is the path of the file that the call is about.
func (d *Disk) file(c *Call) (string, error) {
	switch c.Nr {
	case unix.SYS_OPENAT:
		if c.Args[2]&(unix.O_WRONLY|unix.O_RDWR|unix.O_CREAT) == 0 {
			return "", unix.EINVAL
		}
		return c.at(c.Args[0], c.Args[1])
	case unix.SYS_RENAMEAT:
		return c.at(c.Args[2], c.Args[3])
	}
	return c.Target(c.Args[0])
}

// at resolves a path relative to a directory descriptor or the working directory.
func (c *Call) at(dirfd, addr uint64) (string, error) {
	path, err := c.Text(addr)
	if err != nil || strings.HasPrefix(path, "/") {
		return path, err
	}
	var dir string
	if int32(dirfd) == unix.AT_FDCWD {
		dir, err = os.Readlink("/proc/" + strconv.Itoa(c.Pid) + "/cwd")
	} else {
		dir, err = c.Target(dirfd)
	}
	return filepath.Join(dir, path), err
}
