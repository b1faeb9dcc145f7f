package kernel

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Hook answers system calls in the kernel's place.
type Hook interface {
	// Syscalls lists the calls that Handle wants to see.
	Syscalls() []Syscall
	// Handle answers one. It runs on the goroutine that answers for the whole
	// program: it must not block. Calls that other hooks asked for arrive too;
	// the answer to them is Continue().
	Handle(c *Call) Answer
}

// Answer is what becomes of a call.
type Answer struct {
	kind  answerKind
	value int64
	errno unix.Errno
}

type answerKind uint8

const (
	goOn answerKind = iota // the kernel does it
	done                   // value or errno is the result
	sent                   // the answer has been given already
)

// Continue lets the next hook, and after the last the kernel, carry out the call.
func Continue() Answer { return Answer{} }

// Return ends the call with a value.
func Return(value int64) Answer { return Answer{kind: done, value: value} }

// Fail ends the call with an error.
func Fail(errno unix.Errno) Answer { return Answer{kind: done, errno: errno} }

// Never leaves the call without an answer: its thread hangs in the kernel, as before a
// driver that is stuck, until its process is killed. A signal lets the kernel ask again.
func Never() Answer { return Answer{kind: sent} }

// Call is one system call that waits for its answer.
type Call struct {
	// Pid is the thread that makes the call; /proc/Pid is its process's.
	Pid int
	// Process is the program's first process, as Process.Pid says it.
	Process int
	// Nr is the call's number, Args its arguments.
	Nr   uintptr
	Args [6]uint64

	listener int
	id       uint64
}

// notif, notifResp and addFD are struct seccomp_notif, seccomp_notif_resp and
// seccomp_notif_addfd (linux/seccomp.h).
type notif struct {
	ID    uint64
	Pid   uint32
	Flags uint32
	Nr    int32
	Arch  uint32
	IP    uint64
	Args  [6]uint64
}

type notifResp struct {
	ID    uint64
	Val   int64
	Error int32
	Flags uint32
}

type addFD struct {
	ID         uint64
	Flags      uint32
	SrcFD      uint32
	NewFD      uint32
	NewFDFlags uint32
}

// ioctl makes one request with a struct; it returns the call's value.
func ioctl[T any](fd int, req uintptr, arg *T) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), req, uintptr(unsafe.Pointer(arg)))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// view is v's memory: the structs of the ABI are what goes over to the program.
func view[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Read fills p from the caller's memory.
func (c *Call) Read(addr uint64, p []byte) error {
	n, err := c.read(addr, p)
	if err == nil && n < len(p) {
		err = unix.EFAULT
	}
	return err
}

func (c *Call) read(addr uint64, p []byte) (int, error) {
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	return unix.ProcessVMReadv(c.Pid, local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(p)}}, 0)
}

// Write puts p into the caller's memory.
func (c *Call) Write(addr uint64, p []byte) error {
	local := []unix.Iovec{{Base: &p[0]}}
	local[0].SetLen(len(p))
	n, err := unix.ProcessVMWritev(c.Pid, local, []unix.RemoteIovec{{Base: uintptr(addr), Len: len(p)}}, 0)
	if err == nil && n < len(p) {
		err = unix.EFAULT
	}
	return err
}

// Text reads a C string of at most 4096 bytes. It never asks for more than the
// rest of a page, for the next one may not be there.
func (c *Call) Text(addr uint64) (string, error) {
	const page = 4096
	var out []byte
	for len(out) < unix.PathMax {
		buf := make([]byte, min(256, page-int(addr%page)))
		n, err := c.read(addr, buf)
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(buf[:n], 0); end >= 0 {
			return string(append(out, buf[:end]...)), nil
		}
		out = append(out, buf[:n]...)
		addr += uint64(n)
	}
	return "", unix.ENAMETOOLONG
}

// Target says what the caller's descriptor is: a path, "pipe:[123]", …
func (c *Call) Target(fd uint64) (string, error) {
	return os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.Pid, int32(fd)))
}

// Alive tells whether the call still waits. What was read from /proc before is the
// caller's only if it does: numbers of dead threads are used again.
func (c *Call) Alive() bool {
	id := c.id
	_, err := ioctl(c.listener, unix.SECCOMP_IOCTL_NOTIF_ID_VALID, &id)
	return err == nil
}

// Install copies the own descriptor fd into the caller and returns its number
// there. The caller goes on waiting.
func (c *Call) Install(fd int, cloexec bool) (int, error) {
	return c.addFD(fd, 0, cloexec)
}

// Open copies the own descriptor fd into the caller and ends the call with its
// number there, in one step.
func (c *Call) Open(fd int, cloexec bool) Answer {
	if _, err := c.addFD(fd, unix.SECCOMP_ADDFD_FLAG_SEND, cloexec); err != nil {
		if errors.Is(err, unix.EMFILE) {
			return Fail(unix.EMFILE)
		}
		// The caller is gone (ENOENT): nobody waits for an answer.
	}
	return Answer{kind: sent}
}

func (c *Call) addFD(fd int, flags uint32, cloexec bool) (int, error) {
	a := addFD{ID: c.id, Flags: flags, SrcFD: uint32(fd)}
	if cloexec {
		a.NewFDFlags = unix.O_CLOEXEC
	}
	for {
		n, err := ioctl(c.listener, unix.SECCOMP_IOCTL_NOTIF_ADDFD, &a)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}
