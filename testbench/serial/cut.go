package serial

import "time"

// fifo is how many characters a UART still sends when its queue is flushed: the depth of
// a 16550's transmit buffer.
const fifo = 16

// cut takes off the wire what has not reached the UART's own buffer: the gateway has
// flushed its queue (TCOFLUSH), or its last holder has died, for whose output no kernel
// waits. It happened between empty and now; w.mu is held.
func (w *Wire) cut(empty, now time.Time) {
	limit := now.Add(fifo * w.char)
	if !w.in.end.After(limit) {
		return
	}
	w.agenda.cut(limit)
	gone := w.book.cut(limit)
	for gone > 0 && len(w.in.frames) > 0 {
		f := &w.in.frames[len(w.in.frames)-1]
		n := min(gone, len(f.Data))
		f.Data, f.End, f.Whole = f.Data[:len(f.Data)-n], limit, false
		gone -= n
		if len(f.Data) == 0 {
			w.in.frames = w.in.frames[:len(w.in.frames)-1]
		}
	}
	w.in.open, w.in.end = false, limit
	if low := empty.Add(fifo * w.char); low.Before(w.in.endLow) {
		w.in.endLow = low
	}
}

// cut forgets the gateway's bytes that would have passed after limit, and counts them.
func (b *book) cut(limit time.Time) (gone int) {
	kept := b.bytes[:0]
	for _, c := range b.bytes {
		if c.Dir == ToDevices && c.At.After(limit) {
			gone++
			continue
		}
		kept = append(kept, c)
	}
	b.bytes = kept
	return gone
}
