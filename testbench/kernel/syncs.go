package kernel

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Syncs is a hook that counts what makes a card write: every sync of any kind, renames, and
// files opened to be written through.
type Syncs struct {
	mu    sync.Mutex
	names []string
}

// Count is how many there were; What names them, as call and file.
func (s *Syncs) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.names)
}

// What names them from the nth on, as call and file.
func (s *Syncs) What(n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.names[min(n, len(s.names)):]...)
}

// Syscalls are those that reach the card.
func (s *Syncs) Syscalls() []Syscall {
	return []Syscall{
		{Nr: unix.SYS_FDATASYNC}, {Nr: unix.SYS_FSYNC}, {Nr: unix.SYS_SYNC_FILE_RANGE}, {Nr: unix.SYS_SYNCFS}, {Nr: unix.SYS_SYNC},
		{Nr: unix.SYS_RENAMEAT}, {Nr: unix.SYS_RENAMEAT2}, {Nr: unix.SYS_OPENAT},
	}
}

// Handle counts and lets the call go on.
func (s *Syncs) Handle(c *Call) Answer {
	name := ""
	switch c.Nr {
	case unix.SYS_FDATASYNC, unix.SYS_FSYNC, unix.SYS_SYNC_FILE_RANGE, unix.SYS_SYNCFS:
		path, _ := c.Target(c.Args[0]) // one that has no name is counted too
		name = "sync " + path
	case unix.SYS_SYNC:
		name = "sync"
	case unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2:
		path, _ := c.at(c.Args[2], c.Args[3])
		name = "rename " + path
	case unix.SYS_OPENAT:
		if c.Args[2]&(unix.O_SYNC|unix.O_DSYNC) != 0 {
			path, _ := c.at(c.Args[0], c.Args[1])
			name = "open through " + path
		}
	}
	if name != "" {
		s.mu.Lock()
		s.names = append(s.names, name)
		s.mu.Unlock()
	}
	return Continue()
}
