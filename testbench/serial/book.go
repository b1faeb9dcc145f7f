package serial

import (
	"context"
	"slices"
	"time"
)

// Direction of a byte.
type Direction uint8

// The directions.
const (
	ToDevices Direction = iota
	ToGateway
	// Lost bytes were meant for the gateway, but the port was unplugged, held by nobody
	// or full.
	Lost
)

// Byte is one byte that passed.
type Byte struct {
	// At is when its last bit had passed (monotonic).
	At  time.Time
	Dir Direction
	B   byte
}

// PortEvent is a change at the gateway's end: "plugged", "unplugged", "opened" (somebody
// holds the port) or "closed" (nobody does).
type PortEvent struct {
	At   time.Time
	What string
}

// book is all that was seen.
type book struct {
	bytes      []Byte
	events     []PortEvent
	violations []string
	collisions int
	taps       []func(Frame)
	told       []Frame
}

func (b *book) byte(at time.Time, d Direction, c byte) { b.bytes = append(b.bytes, Byte{at, d, c}) }

func (b *book) port(at time.Time, what string) { b.events = append(b.events, PortEvent{at, what}) }

func (b *book) violate(at time.Time, what string) {
	b.violations = append(b.violations, at.Format("15:04:05.000000 ")+what)
}

// tell keeps a frame for the taps; takeTold takes what was kept.
func (b *book) tell(f Frame) {
	if len(b.taps) > 0 {
		b.told = append(b.told, f)
	}
}

func (b *book) takeTold() []Frame {
	told := b.told
	b.told = nil
	return told
}

// Tap calls f for each frame as soon as it was readable, before its line time, on the
// wire's goroutine.
func (w *Wire) Tap(f func(Frame)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.book.taps = append(slices.Clip(w.book.taps), f)
}

// Frames returns the gateway's frames so far.
func (w *Wire) Frames() []Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.in.frames)
	for i := range out {
		out[i].Data = slices.Clone(out[i].Data)
	}
	return out
}

// Bytes returns every byte so far in both directions, in the order of the times at
// which they had passed.
func (w *Wire) Bytes() []Byte {
	w.mu.Lock()
	out := slices.Clone(w.book.bytes)
	w.mu.Unlock()
	slices.SortStableFunc(out, func(a, b Byte) int { return a.At.Compare(b.At) })
	return out
}

// Ports returns what happened at the gateway's end.
func (w *Wire) Ports() []PortEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.book.events)
}

// Held tells whether a process but ours holds the port open.
func (w *Wire) Held() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.book.events)
	return n > 0 && w.book.events[n-1].What == "opened"
}

// Violations says where the gateway broke the law of the bus. A run with one has failed.
func (w *Wire) Violations() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.book.violations)
}

// Collisions counts characters that two talkers sent at once.
func (w *Wire) Collisions() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.book.collisions
}

// WaitFrame waits until a whole frame after number after matches, and returns it; match
// must not call the wire.
func (w *Wire) WaitFrame(ctx context.Context, after int, match func(Frame) bool) (Frame, error) {
	var found Frame
	err := w.wait(ctx, func() bool {
		for _, f := range w.in.frames[min(after, len(w.in.frames)):] {
			if f.Whole && match(f) {
				found = f
				found.Data = slices.Clone(f.Data)
				return true
			}
		}
		return false
	})
	return found, err
}

// WaitHeld waits until the port is held by somebody, or by nobody.
func (w *Wire) WaitHeld(ctx context.Context, held bool) error {
	return w.wait(ctx, func() bool {
		n := len(w.book.events)
		return n > 0 && (w.book.events[n-1].What == "opened") == held
	})
}
