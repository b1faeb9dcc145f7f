package drivertest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/drivers/line"
)

// Wire is a line.Line over a script. In the order of their Expect calls frames
// must come with exactly these bytes; a frame that is not the next one fails the
// test, and so does a script that was not used up when the test ends. A Wire
// without a script takes every frame and answers by the Answer function, or not at
// all. It is safe for use by several goroutines.
//
// A frame that wants a reply and gets none waits for Frame.Reply, so such tests
// run in a testing/synctest bubble, where that costs nothing.
type Wire struct {
	t testing.TB

	mu     sync.Mutex
	script []step
	loose  bool // no script was ever given
	answer func(line.Frame) []byte
	sent   []Sent
	lost   bool
	full   bool
	baud   int
	held   chan struct{} // closed when Release is called
	takes  []*take
}

// Sent is one frame as it was seen on the wire.
type Sent struct {
	// Bytes is a copy of Frame.Write.
	Bytes []byte
	// Urgent, Wanted, Reply and Quiet are the frame's own.
	Urgent, Wanted bool
	Reply, Quiet   time.Duration
	// At is when its first byte was on the wire.
	At time.Time
}

type step struct{ write, reply []byte }

type take struct{ f func([]byte) int }

// NewWire makes a Wire whose script is checked when t ends.
func NewWire(t testing.TB) *Wire {
	w := &Wire{t: t, loose: true}
	t.Cleanup(w.check)
	return w
}

// Expect appends one step: these bytes come, and reply is what the device
// answers (nil: it stays silent). It returns w so that steps can be chained.
func (w *Wire) Expect(write, reply []byte) *Wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loose = false
	w.script = append(w.script, step{slices.Clone(write), slices.Clone(reply)})
	return w
}

// Answer sets the device that answers where no script was given: f gets each frame
// and returns the bytes that come back, nil for silence. It runs beside other
// calls of itself and may call Inject from a goroutine of its own.
func (w *Wire) Answer(f func(line.Frame) []byte) *Wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
	return w
}

// Baud makes every frame take its line time, 10 bits for each byte (0: none).
func (w *Wire) Baud(baud int) *Wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.baud = baud
	return w
}

// Sent returns the bytes of all frames so far, oldest first.
func (w *Wire) Sent() [][]byte {
	var all [][]byte
	for _, s := range w.Frames() {
		all = append(all, s.Bytes)
	}
	return all
}

// Frames returns all frames so far with their marks, oldest first.
func (w *Wire) Frames() []Sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

// Forget empties the record of frames.
func (w *Wire) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = nil
}

// Lose takes the port away: every Exchange from now on ends in fault.PortLost.
func (w *Wire) Lose() { w.set(func() { w.lost = true }) }

// Restore brings the port back.
func (w *Wire) Restore() { w.set(func() { w.lost = false }) }

// Fill makes the queue full (or not): every Exchange ends in fault.Full.
func (w *Wire) Fill(full bool) { w.set(func() { w.full = full }) }

// Hold makes every Exchange wait before its first byte, as behind a busy wire,
// until Release is called or its ctx ends.
func (w *Wire) Hold() {
	w.set(func() {
		if w.held == nil {
			w.held = make(chan struct{})
		}
	})
}

// Release lets held frames go.
func (w *Wire) Release() {
	w.set(func() {
		if w.held != nil {
			close(w.held)
			w.held = nil
		}
	})
}

func (w *Wire) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// Inject puts bytes on the wire that nobody asked for and returns how many of them
// the listeners took.
func (w *Wire) Inject(received ...byte) int {
	total := 0
	for {
		taken := w.offer(received[total:])
		if taken == 0 || total == len(received) {
			return total
		}
		total += taken
	}
}

func (w *Wire) offer(received []byte) int {
	if len(received) == 0 {
		return 0
	}
	w.mu.Lock()
	takes := slices.Clone(w.takes)
	w.mu.Unlock()
	for _, t := range takes {
		n := t.f(received)
		if n < 0 || n > len(received) {
			w.t.Errorf("a listener took %d of %d bytes", n, len(received))
			return 0
		}
		if n > 0 {
			return n
		}
	}
	return 0
}

// Listeners is how many listeners are registered now.
func (w *Wire) Listeners() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.takes)
}

// Listen is line.Line's.
func (w *Wire) Listen(f func([]byte) int) (stop func()) {
	t := &take{f}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takes = append(w.takes, t)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.takes = slices.DeleteFunc(w.takes, func(other *take) bool { return other == t })
	}
}
