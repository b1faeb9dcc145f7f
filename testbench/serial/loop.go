package serial

import (
	"encoding/binary"
	"errors"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// run is the wire's life. It has a thread of its own so that the lag of the scheduler
// is small and the same in all runs.
func (w *Wire) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.done)
	defer w.end()
	w.empty = time.Now()
	for {
		w.happen()
		w.mu.Lock()
		closed, stalled := w.closed, w.f.stalled
		idle := w.agenda.next(time.Now(), w.o.Look)
		w.mu.Unlock()
		if closed {
			return
		}
		fds := []unix.PollFd{{Fd: int32(w.wake), Events: unix.POLLIN}, {Fd: -1}, {Fd: -1}}
		if w.pty != nil {
			fds[1] = unix.PollFd{Fd: int32(w.pty.notes), Events: unix.POLLIN}
			if stalled {
				w.pty.top()
			} else {
				fds[2] = unix.PollFd{Fd: int32(w.pty.master), Events: unix.POLLIN}
			}
		}
		before := time.Now()
		poll(fds, idle)
		w.serve(fds, before)
	}
}

// serve looks at what poll has found. before is when it was asked.
func (w *Wire) serve(fds []unix.PollFd, before time.Time) {
	if fds[0].Revents != 0 {
		var b [8]byte
		_, _ = unix.Read(w.wake, b[:])
	}
	if fds[1].Revents != 0 {
		w.hands(before)
	}
	switch {
	case fds[2].Fd < 0:
	case fds[2].Revents&unix.POLLIN != 0:
		w.take()
	default:
		w.empty = before
	}
}

// hands notes who holds the port now.
func (w *Wire) hands(before time.Time) {
	what, left := w.pty.look()
	w.mu.Lock()
	stalled := w.f.stalled
	w.mu.Unlock()
	if what == "closed" && !stalled { // a stalled queue holds only our own filling
		w.take() // what it had written last
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if what == "closed" {
		w.cut(before, now)
	}
	if left {
		// Whoever comes next cannot know what its forerunner has left in the UART.
		w.in.endLow = time.Time{}
	}
	if what != "" {
		w.book.port(now, what)
		w.mu.Changed()
	}
}

// take reads what the gateway has written.
func (w *Wire) take() {
	for {
		before := time.Now()
		n, err := unix.Read(w.pty.master, w.buf[:])
		now := time.Now()
		if err != nil || n <= 0 {
			w.empty = before
			return
		}
		right := !w.o.CheckBaud || w.pty.baud() == w.o.Baud
		w.mu.Lock()
		// The first byte is 0 before data, and flags without data otherwise; data may wait
		// behind the flags.
		if w.buf[0]&unix.TIOCPKT_FLUSHWRITE != 0 {
			w.cut(w.empty, now)
		} else if w.buf[0] == 0 {
			w.arrive(w.buf[1:n], w.empty, now, right)
		}
		w.mu.Changed()
		told, taps := w.book.takeTold(), w.book.taps
		w.mu.Unlock()
		for _, f := range told {
			for _, tap := range taps {
				tap(f)
			}
		}
		if w.buf[0] == 0 && n < len(w.buf) {
			// All that was there has been read, so what comes next came after this.
			w.empty = before
		}
	}
}

// happen does all whose time has come.
func (w *Wire) happen() {
	for {
		w.mu.Lock()
		e, ok := w.agenda.due(time.Now())
		w.mu.Unlock()
		if !ok {
			return
		}
		e.do()
	}
}

// end closes what the loop owns; requests that wait see w.done.
func (w *Wire) end() {
	if w.pty != nil {
		w.ended = w.pty.close()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = errors.Join(w.ended, closeFD(w.wake))
	w.wake = -1
}

// kick makes the loop look at its agenda.
func (w *Wire) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wake < 0 {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.wake, one[:])
}
