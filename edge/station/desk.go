package station

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

// desk is one device with its mailbox.
type desk struct {
	s    *Station
	id   string
	open Opener
	base context.Context // of Add: what an opening starts lives as long

	mu      sync.Mutex
	device  drivers.Device // nil while it is not open
	close   func()
	unit    *supervise.Unit
	wake    chan struct{} // of the goroutine that works now; nil while there is none
	shut    error         // why nothing is taken any more; nil: jobs are taken
	mailbox []Job
	now     *call
	halts   map[*call]bool
	lost    time.Time // when the driver was given up, while it is not open again
}

// call is one call into the driver: a job, or a halt.
type call struct {
	job    Job
	ctx    context.Context
	cancel context.CancelCauseFunc
	// over is when ctx ends, or has ended; zero: nothing has ended it yet.
	over time.Time
}

// start opens the device and begins its goroutine.
func (d *desk) start() error {
	device, end, err := d.open(d.base)
	if err != nil {
		return fmt.Errorf("%s: %w", d.id, err)
	}
	w := &worker{d: d, wake: make(chan struct{}, 1)}
	w.wake <- struct{}{}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.device, d.close, d.wake, d.shut, d.lost = device, end, w.wake, nil, time.Time{}
	d.unit = d.s.o.Tree.Start(d.base, d.s.o.Floor, "device "+d.id, w)
	return nil
}

// end ends a call's context. Called with d.mu held.
func (d *desk) end(c *call, cause error) {
	c.cancel(cause)
	if now := time.Now(); c.over.IsZero() || now.Before(c.over) {
		c.over = now
	}
	poke(d.s.look)
}

// enter notes a halt that begins.
func (d *desk) enter(ctx context.Context) *call {
	c := &call{ctx: ctx}
	c.over, _ = ctx.Deadline()
	d.mu.Lock()
	d.halts[c] = true
	d.mu.Unlock()
	poke(d.s.look)
	return c
}

// left notes that a call has come back.
func (d *desk) left(c *call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.halts, c)
	if d.now == c {
		d.now = nil
	}
}

// sweep takes the jobs out of the mailbox that which picks. Called with d.mu held.
func (d *desk) sweep(which func(Job) bool) (gone []Job) {
	d.mailbox = slices.DeleteFunc(d.mailbox, func(j Job) bool {
		if which != nil && !which(j) {
			return false
		}
		gone = append(gone, j)
		return true
	})
	return gone
}

// refuse takes no jobs any more, and drops those that wait.
func (d *desk) refuse(why error) {
	d.mu.Lock()
	d.shut = why
	gone := d.sweep(nil)
	d.mu.Unlock()
	for _, j := range gone {
		j.Drop(why)
	}
}

// worker is the goroutine of one opening of a device. It is a supervise.Forsaken.
type worker struct {
	d    *desk
	wake chan struct{} // tells it from a later one that has replaced it
}

// Run runs jobs until ctx ends.
func (w *worker) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			w.leave()
			return nil
		case <-w.wake:
		}
		for ctx.Err() == nil {
			c, device := w.take(ctx)
			if c == nil {
				break
			}
			w.do(c, device)
		}
	}
}

// do runs one job.
func (w *worker) do(c *call, device drivers.Device) {
	err := supervise.Try(func() error { c.job.Run(c.ctx, device); return nil })
	c.cancel(nil)
	w.d.left(c)
	if err != nil {
		w.d.s.o.Log.Error("driver panicked", "device", w.d.id, "act", c.job.Act, "error", err)
		c.job.Drop(fmt.Errorf("device %s: its driver panicked", w.d.id))
	}
}

// take moves the first job of the mailbox to d.now.
func (w *worker) take(ctx context.Context) (*call, drivers.Device) {
	d := w.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wake != w.wake || len(d.mailbox) == 0 {
		return nil, nil
	}
	j := d.mailbox[0]
	d.mailbox = slices.Delete(d.mailbox, 0, 1)
	jctx, cancel := context.WithCancelCause(ctx)
	c := &call{job: j, ctx: jctx, cancel: cancel}
	if j.Limit > 0 {
		limited, drop := context.WithTimeoutCause(jctx, j.Limit, j.Over)
		c.ctx, c.over = limited, time.Now().Add(j.Limit)
		c.cancel = func(cause error) { cancel(cause); drop() }
		poke(d.s.look)
	}
	d.now = c
	return c, d.device
}

// leave: the house is closing; what nobody will begin any more is told so.
func (w *worker) leave() {
	w.d.mu.Lock()
	mine := w.d.wake == w.wake
	w.d.mu.Unlock()
	if mine {
		w.d.refuse(wire.ByShutdown())
	}
}
