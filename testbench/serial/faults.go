package serial

import (
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// faults is what is wrong with the wire now.
type faults struct {
	echo, deaf, mute, stalled bool
	late                      time.Duration
	noise                     float64
	fate                      func(n int, frame []byte) Fate
	drop, garble              int
}

// fateOf decides about frame n, which begins with the bytes seen.
func (f *faults) fateOf(n int, seen []byte) Fate {
	switch {
	case f.drop > 0:
		f.drop--
		return Drop
	case f.garble > 0:
		f.garble--
		return Garble
	case f.fate != nil:
		return f.fate(n, append([]byte(nil), seen...))
	}
	return Pass
}

// noisy flips one bit of c with the probability of the noise.
func (f *faults) noisy(rnd *rand.Rand, c byte) byte {
	if f.noise > 0 && rnd.Float64() < f.noise {
		c ^= 1 << rnd.IntN(8)
	}
	return c
}

// set changes the faults under the lock.
func (w *Wire) set(change func(f *faults)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.f)
}

// Echo makes the gateway hear itself, as many two-wire adapters do.
func (w *Wire) Echo(on bool) { w.set(func(f *faults) { f.echo = on }) }

// Deaf cuts the wire towards the devices.
func (w *Wire) Deaf(on bool) { w.set(func(f *faults) { f.deaf = on }) }

// Mute cuts the wire towards the gateway: what devices send meanwhile is lost.
func (w *Wire) Mute(on bool) { w.set(func(f *faults) { f.mute = on }) }

// Late delays whatever devices send by d.
func (w *Wire) Late(d time.Duration) { w.set(func(f *faults) { f.late = d }) }

// Noise flips one bit of a byte with probability p, in both directions.
func (w *Wire) Noise(p float64) { w.set(func(f *faults) { f.noise = p }) }

// DropNext loses the next n frames of the gateway.
func (w *Wire) DropNext(n int) { w.set(func(f *faults) { f.drop = n }) }

// GarbleNext changes a bit in each of the next n frames of the gateway.
func (w *Wire) GarbleNext(n int) { w.set(func(f *faults) { f.garble = n }) }

// Fates asks f about each frame of the gateway: its number and the bytes of it that
// were readable at first. nil: all pass. f must not call the wire.
func (w *Wire) Fates(f func(n int, frame []byte) Fate) { w.set(func(s *faults) { s.fate = f }) }

// Foreign puts bytes of a talker on the wire that is neither the gateway nor one of the
// devices; all hear them.
func (w *Wire) Foreign(b []byte) {
	w.mu.Lock()
	w.talk(b, time.Now(), true)
	w.mu.Unlock()
	w.kick()
}

// Stall makes the port take nothing any more: its queue is full and nobody reads. What
// was written during a stall is lost at its end.
func (w *Wire) Stall(on bool) error {
	return w.do(func() error {
		if w.pty != nil {
			w.swallow()
			if on {
				w.pty.fill()
			}
		}
		w.set(func(f *faults) { f.stalled = on })
		return nil
	})
}

// swallow empties the queue: before a stall into the books, after one into nothing.
func (w *Wire) swallow() {
	w.mu.Lock()
	stalled := w.f.stalled
	w.mu.Unlock()
	if !stalled {
		w.take()
		return
	}
	for {
		if n, err := unix.Read(w.pty.master, w.buf[:]); err != nil || n <= 0 {
			w.empty = time.Now()
			return
		}
	}
}

// Unplug pulls the adapter out: the gateway's descriptors hang up and the link goes.
func (w *Wire) Unplug() error {
	return w.do(func() error {
		if w.pty == nil {
			return nil
		}
		err := w.pty.close()
		w.pty = nil
		w.mu.Lock()
		defer w.mu.Unlock()
		w.book.port(time.Now(), "unplugged")
		w.mu.Changed()
		return err
	})
}

// Replug plugs it in again: another pty under the same link.
func (w *Wire) Replug() error {
	return w.do(func() error {
		if w.pty != nil {
			return nil
		}
		p, err := openPair(w.o.Link)
		if err != nil {
			return err
		}
		w.pty, w.empty = p, time.Now()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.f.stalled = false
		w.book.port(time.Now(), "plugged")
		w.mu.Changed()
		return nil
	})
}
