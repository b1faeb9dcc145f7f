package kernel

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Syscall is a system call that a hook wants to see.
type Syscall struct {
	// Nr is the number, unix.SYS_….
	Nr uintptr
	// Cmd narrows SYS_IOCTL to one request (unix.TIOCGICOUNT); 0 does not.
	Cmd uint32
	// Type narrows SYS_IOCTL to all requests of one type byte (0xB4 is GPIO); 0
	// does not. An ioctl with neither is refused: the daemon makes too many.
	Type uint8
}

// Offsets in struct seccomp_data (linux/seccomp.h); the low half of an argument
// comes first on the little-endian machines that this runs on.
const (
	dataNr   = 0
	dataArch = 4
	dataArg1 = 16 + 8
)

// filter builds the BPF program that sends wanted calls to the listener and lets
// all others pass. Each test is followed by its own return, so no jump is longer
// than one instruction and the program may grow.
func filter(wanted []Syscall) ([]unix.SockFilter, error) {
	arch, err := auditArch(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	notify := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_USER_NOTIF}
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	skipUnless := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: k}
	}
	skipIf := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: k}
	}
	prog := []unix.SockFilter{load(dataArch), skipIf(arch), allow, load(dataNr)}
	var cmds, types []uint32
	for _, w := range wanted {
		switch {
		case w.Nr != unix.SYS_IOCTL:
			prog = append(prog, skipUnless(uint32(w.Nr)), notify)
		case w.Cmd != 0:
			cmds = append(cmds, w.Cmd)
		case w.Type != 0:
			types = append(types, uint32(w.Type))
		default:
			return nil, fmt.Errorf("a hook wants every ioctl: name a Cmd or a Type")
		}
	}
	if len(cmds)+len(types) > 0 {
		prog = append(prog, skipIf(unix.SYS_IOCTL), allow, load(dataArg1))
		for _, c := range cmds {
			prog = append(prog, skipUnless(c), notify)
		}
		prog = append(prog,
			unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_RSH | unix.BPF_K, K: 8},
			unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0xff})
		for _, t := range types {
			prog = append(prog, skipUnless(t), notify)
		}
	}
	return append(prog, allow), nil
}

// auditArch names the ABI whose numbers the filter compares (linux/audit.h).
func auditArch(goarch string) (uint32, error) {
	switch goarch {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, nil
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, nil
	case "arm":
		return unix.AUDIT_ARCH_ARM, nil
	}
	return 0, fmt.Errorf("the kernel stand-in does not know %s: use amd64, arm64 or arm", goarch)
}

// packFilter and unpackFilter carry the program to the launcher in its arguments.
func packFilter(prog []unix.SockFilter) string {
	var b []byte
	for _, i := range prog {
		b = binary.LittleEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.LittleEndian.AppendUint32(b, i.K)
	}
	return hex.EncodeToString(b)
}

func unpackFilter(s string) ([]unix.SockFilter, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%8 != 0 {
		return nil, fmt.Errorf("filter %q is not a packed program", s)
	}
	var prog []unix.SockFilter
	for ; len(b) > 0; b = b[8:] {
		prog = append(prog, unix.SockFilter{
			Code: binary.LittleEndian.Uint16(b), Jt: b[2], Jf: b[3], K: binary.LittleEndian.Uint32(b[4:]),
		})
	}
	return prog, nil
}
