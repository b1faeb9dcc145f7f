package command

import (
	"context"
	"time"
)

// noteAfter is how long what only tells of an order waits, so that it takes no time from
// what the order is about.
const noteAfter = 2 * time.Millisecond

// note leaves for later what only tells of an order: a line in the log, a state before
// the terminal. Between verification and the first byte nobody encodes and prints: on a
// small box that takes as long as all the rest. What is told is told in order; where too
// much waits, the teller does it himself.
func (d *Desk) note(tell func()) {
	select {
	case d.notes <- tell:
	default:
		tell()
	}
}

// Notes tells what was left for later until ctx ends, and then the rest.
func (d *Desk) Notes(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case tell := <-d.notes:
			timer.Reset(noteAfter)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
			tell()
		case <-ctx.Done():
		}
		for len(d.notes) > 0 {
			(<-d.notes)()
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}
