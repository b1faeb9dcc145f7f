package serial

import (
	"fmt"
	"time"
)

// Fate is what becomes of a frame on its way.
type Fate uint8

// The fates.
const (
	Pass   Fate = iota
	Drop        // nobody hears it
	Garble      // one bit of one byte arrives wrong
)

// Frame is one frame of the gateway.
type Frame struct {
	// N counts from 1.
	N    int
	Data []byte
	// Read is when its first byte was readable, Start and End when its first bit began
	// and its last ended on the wire.
	Read, Start, End time.Time
	Fate             Fate
	// Whole is false for a cut frame and for a byte that begins none.
	Whole bool
}

// garbled is the place of the byte that Garble changes: behind the address and the
// length, so that it is the checksum that has to find it.
const garbled = 3

// stale is the silence after which a frame that is not whole is over.
const stale = 50 * time.Millisecond

// incoming is the direction from the gateway to the devices.
type incoming struct {
	open   bool
	frames []Frame
	end    time.Time // when the wire is idle again
	// endLow is the earliest time at which that can have been: the gateway may have
	// written before it was noticed.
	endLow time.Time
}

// arrive takes bytes that were readable at now and not yet at empty; w.mu is held.
func (w *Wire) arrive(b []byte, empty, now time.Time, right bool) {
	for i, c := range b {
		f := w.frameFor(b[i:], empty, now)
		f.Data = append(f.Data, c)
		f.End = later(f.End, now).Add(w.char)
		w.in.end = f.End
		w.in.endLow = later(w.in.endLow, empty).Add(w.char)
		w.book.byte(f.End, ToDevices, c)
		w.schedule(*f, len(f.Data)-1, c, right)
		n := -1
		if w.o.Length != nil {
			n = w.o.Length(f.Data)
		}
		f.Whole = n == len(f.Data)
		if w.o.Length != nil && (n < 0 || f.Whole) {
			w.in.open = false
			w.book.tell(*f)
		}
	}
	if !right {
		w.book.violate(now, "the gateway's port is not set to the wire's baud")
	}
	if w.o.Length == nil && w.in.open {
		w.book.tell(w.in.frames[len(w.in.frames)-1])
	}
}

// frameFor returns the frame to which the next byte belongs.
func (w *Wire) frameFor(rest []byte, empty, now time.Time) *Frame {
	if w.in.open {
		last := &w.in.frames[len(w.in.frames)-1]
		fresh := stale
		if w.o.Length == nil {
			fresh = 0
		}
		if now.Before(last.End.Add(fresh)) {
			return last
		}
	}
	if n := len(w.in.frames); n > 0 {
		if early := w.in.endLow.Add(w.o.Gap).Sub(now); early > 0 {
			w.book.violate(now, fmt.Sprintf("frame %d was readable %v too early: frame %d [% X] was still on the wire or within %v of it",
				n+1, early.Round(10*time.Microsecond), n, w.in.frames[n-1].Data, w.o.Gap))
		}
	}
	start := later(now, w.in.end)
	w.in.endLow = later(empty, w.in.endLow)
	w.in.open = true
	w.in.frames = append(w.in.frames, Frame{N: len(w.in.frames) + 1, Read: now, Start: start, End: start})
	f := &w.in.frames[len(w.in.frames)-1]
	f.Fate = w.f.fateOf(f.N, rest)
	return f
}

// schedule makes the devices hear byte i of f, and the gateway its own echo.
func (w *Wire) schedule(f Frame, i int, c byte, right bool) {
	at := f.End
	if f.Fate == Garble && i == garbled || !right {
		c ^= 0x10
	}
	fate := f.Fate
	w.agenda.push(entry{at: at, sent: true, do: func() {
		w.mu.Lock()
		if w.collides(at, w.out.busy) {
			w.book.collisions++
			c ^= 0x55
		}
		c = w.f.noisy(w.rnd, c)
		deaf, echo, devices := w.f.deaf || fate == Drop, w.f.echo, w.devices
		w.mu.Unlock()
		if echo {
			w.deliver([]byte{c}, at)
		}
		if deaf {
			return
		}
		for _, d := range devices {
			d.Hear(c, at)
		}
	}})
}

// collides tells whether the character that ended at end overlaps one of the spans.
func (w *Wire) collides(end time.Time, spans []span) bool {
	if w.o.FullDuplex {
		return false
	}
	begin := end.Add(-w.char)
	for _, s := range spans {
		if begin.Before(s.to) && s.from.Before(end) {
			return true
		}
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
