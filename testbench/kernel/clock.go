package kernel

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is a hook that says how good the system's clock is: it answers
// adjtimex(2). The time itself cannot be changed this way (Go reads it past the
// kernel).
type Clock struct {
	mu       sync.Mutex
	synced   bool
	maxError time.Duration
}

// NewClock makes a clock that nobody disciplines.
func NewClock() *Clock { return &Clock{maxError: 16 * time.Second} }

// Sync says that the clock is disciplined now, to within maxError.
func (k *Clock) Sync(maxError time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.synced, k.maxError = true, maxError
}

// Lose says that nobody disciplines it any more. 16 s is where the kernel's error
// estimate ends (NTP_PHASE_LIMIT, include/linux/timex.h).
func (k *Clock) Lose() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.synced, k.maxError = false, 16*time.Second
}

// The state and the flag that mean "not synchronised" (adjtimex(2)).
const (
	timeOK    = 0
	timeError = 5
	staUnsync = 0x40
)

// Syscalls are the two that ask for the clock's state.
func (k *Clock) Syscalls() []Syscall {
	return []Syscall{{Nr: unix.SYS_ADJTIMEX}, {Nr: unix.SYS_CLOCK_ADJTIME}}
}

// Handle answers questions; an attempt to change the clock goes on.
func (k *Clock) Handle(c *Call) Answer {
	addr := c.Args[0]
	switch c.Nr {
	case unix.SYS_CLOCK_ADJTIME:
		if c.Args[0] != unix.CLOCK_REALTIME {
			return Continue()
		}
		addr = c.Args[1]
	case unix.SYS_ADJTIMEX:
	default:
		return Continue()
	}
	var t unix.Timex
	if c.Read(addr, view(&t)) != nil {
		return Fail(unix.EFAULT)
	}
	if t.Modes != 0 {
		return Continue()
	}
	k.mu.Lock()
	synced, maxError := k.synced, k.maxError
	k.mu.Unlock()
	t = unix.Timex{Status: staUnsync, Tick: 10000}
	state := int64(timeError)
	if synced {
		t.Status, state = 0, timeOK
	}
	micros := maxError.Microseconds()
	setLong(&t.Maxerror, micros)
	setLong(&t.Esterror, micros)
	t.Time = unix.NsecToTimeval(time.Now().UnixNano())
	if c.Write(addr, view(&t)) != nil {
		return Fail(unix.EFAULT)
	}
	return Return(state)
}

// setLong stores into a C long, whatever its size on this machine.
func setLong[T int32 | int64](to *T, v int64) { *to = T(v) }
