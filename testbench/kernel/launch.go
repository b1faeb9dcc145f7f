package kernel

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// launchWord is the hidden first argument that makes a program the launcher.
const launchWord = "kernel-launch"

// launchSocket is where the launcher finds its end of the socket: the first of
// exec.Cmd's ExtraFiles.
const launchSocket = 3

// Main must be the first call of every main or TestMain whose program uses Start.
// In the program itself it does nothing; in the launcher it takes over and does
// not return. exit is os.Exit.
func Main(exit func(code int)) {
	if len(os.Args) < 4 || os.Args[1] != launchWord {
		return
	}
	err := launch(os.Args[2], os.Args[3], os.Args[3:])
	// Only reached when the program did not start. The parent reads the reason.
	_ = unix.Sendmsg(launchSocket, []byte(err.Error()), nil, nil, 0)
	exit(125)
}

// launch loads the filter into this thread alone, hands the listener to the parent
// and becomes the program. The runtime's other threads stay unfiltered until exec
// ends them, so nothing here can wait for a listener that nobody serves yet.
func launch(packed, path string, argv []string) error {
	runtime.LockOSThread()
	prog, err := unpackFilter(packed)
	if err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no_new_privs: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("seccomp listener (needs Linux 5.19): %w", errno)
	}
	if err := unix.Sendmsg(launchSocket, []byte{0}, unix.UnixRights(int(fd)), nil, 0); err != nil {
		return fmt.Errorf("pass the listener: %w", err)
	}
	_ = unix.Close(int(fd))
	unix.CloseOnExec(launchSocket)
	return fmt.Errorf("exec %s: %w", path, unix.Exec(path, argv, os.Environ()))
}
