package serial

import (
	"time"

	"golang.org/x/sys/unix"
)

// span is a time during which somebody talked on the wire.
type span struct{ from, to time.Time }

// outgoing is the direction from the devices to the gateway.
type outgoing struct {
	end  time.Time // when what was sent so far has left
	busy []span    // the latest transmissions
}

// remembered is how many transmissions are kept to find collisions.
const remembered = 16

// Send implements Port. It may be called from anywhere.
func (w *Wire) Send(b []byte, at time.Time) {
	w.mu.Lock()
	defer w.kick()
	defer w.mu.Unlock()
	if w.f.mute {
		return
	}
	w.talk(b, at.Add(w.f.late), false)
}

// talk puts bytes on the wire, cut into pieces as an adapter would deliver them; w.mu
// is held. Foreign talk is heard by the devices too.
func (w *Wire) talk(b []byte, at time.Time, foreign bool) {
	start := later(at, w.out.end)
	end := start.Add(w.LineTime(len(b)))
	w.out.end = end
	w.out.busy = append(w.out.busy, span{start, end})
	if n := len(w.out.busy); n > remembered {
		w.out.busy = append(w.out.busy[:0], w.out.busy[n-remembered:]...)
	}
	if foreign {
		for i, c := range b {
			heard := start.Add(w.LineTime(i + 1))
			w.agenda.add(heard, func() { w.overheard(c, heard) })
		}
	}
	b = append([]byte(nil), b...)
	for passed := 0; passed < len(b); {
		n := min(1+w.rnd.IntN(w.o.Piece), len(b)-passed)
		piece, from := b[passed:passed+n], start.Add(w.LineTime(passed))
		passed += n
		arrives := start.Add(w.LineTime(passed))
		w.agenda.add(arrives, func() { w.spoil(piece, from); w.deliver(piece, arrives) })
	}
}

// spoil does to bytes what the wire does to them.
func (w *Wire) spoil(b []byte, from time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	talk := make([]span, 0, remembered)
	for _, f := range w.in.frames[max(0, len(w.in.frames)-remembered):] {
		talk = append(talk, span{f.Start, f.End})
	}
	for i := range b {
		if w.collides(from.Add(w.LineTime(i+1)), talk) {
			w.book.collisions++
			b[i] ^= 0x55
		}
		b[i] = w.f.noisy(w.rnd, b[i])
	}
}

// overheard gives a foreign byte to the devices.
func (w *Wire) overheard(c byte, at time.Time) {
	w.mu.Lock()
	devices := w.devices
	w.mu.Unlock()
	for _, d := range devices {
		d.Hear(c, at)
	}
}

// deliver writes bytes into the gateway's port, if it is there and held by somebody.
func (w *Wire) deliver(b []byte, at time.Time) {
	n := 0
	if w.pty != nil && w.pty.held {
		if sent, err := unix.Write(w.pty.master, b); err == nil {
			n = sent
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, c := range b {
		dir := ToGateway
		if i >= n {
			dir = Lost
		}
		w.book.byte(at, dir, c)
	}
	w.mu.Changed()
}
