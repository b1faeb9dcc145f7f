package tty

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

// LockedError says that another program holds the port. It is a fault.PortLost: the
// port is not there for us now, and may be later.
type LockedError struct {
	// Path is the port as it was named.
	Path string
	// Holder is who has the lock, such as "edged (process 4711)"; empty where the
	// kernel does not say.
	Holder string
}

// Error names the port and who to look for.
func (e *LockedError) Error() string {
	who := e.Holder
	if who == "" {
		who = "another program"
	}
	return fmt.Sprintf("port %s: %s holds it: look for a second edged or a terminal program (fuser -v %s) and stop it: %s",
		e.Path, who, e.Path, fault.PortLost)
}

// Unwrap returns the class.
func (e *LockedError) Unwrap() error { return fault.PortLost }

// Locked tells this error from that of a port which is not there at all, to
// callers that do not import this package.
func (e *LockedError) Locked() bool { return true }

// lock takes the advisory lock of the device node. It belongs to the open file and
// goes with it, also when the process is killed: there is no stale lock.
func (p *Port) lock() error {
	err := p.control(func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return &LockedError{Path: p.path, Holder: holder(p.path)}
	}
	return p.lost("lock", err)
}

// exclude shuts out programs that do not know of the lock (screen, minicom). Root
// gets past it, which is why the lock is needed as well. A pseudo terminal is left
// out: it keeps the mark after its owner was killed for as long as the far end
// lives, and an unprivileged daemon would never get back in.
func (p *Port) exclude() error {
	return p.control(func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		// 136–143 are UNIX98 pseudo terminals (Linux, admin-guide/devices.txt).
		if major := unix.Major(st.Rdev); major >= 136 && major <= 143 {
			return nil
		}
		return unix.IoctlSetInt(fd, unix.TIOCEXCL, 0)
	})
}

// include takes the mark back. It is the terminal's own and would outlive our
// descriptor while anyone else has the terminal open.
func (p *Port) include() {
	_ = p.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TIOCNXCL, 0) })
}

// holder finds the lock's owner in /proc/locks. It is a help for a person and
// nothing else: what cannot be read is left out.
func holder(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	pid := flockOwner(string(table), st.Dev, st.Ino)
	if pid == "" {
		return ""
	}
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return "process " + pid
	}
	return strings.TrimSpace(string(name)) + " (process " + pid + ")"
}

// flockOwner reads lines such as "7: FLOCK  ADVISORY  WRITE 4711 00:18:5 0 EOF"
// (proc_locks(5); device numbers are hexadecimal, the inode is decimal).
func flockOwner(table string, dev, inode uint64) string {
	place := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), inode)
	for entry := range strings.Lines(table) {
		f := strings.Fields(entry)
		// A process that waits for the lock has "->" as its second word.
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == place {
			return f[4]
		}
	}
	return ""
}
