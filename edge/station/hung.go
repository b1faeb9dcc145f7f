package station

import (
	"context"
	"io"
	"time"

	"fuqiao/edged/edge/supervise"
)

// closeTime bounds the closing of a hung device's descriptor.
const closeTime = time.Second

// Run looks for drivers that do not come back: patience after the end of a call's
// context its device is given up and opened anew.
func (s *Station) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.check())
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.look:
		}
	}
}

// check replaces what is overdue and returns the time until something else may be.
func (s *Station) check() time.Duration {
	next := time.Hour
	for _, id := range s.IDs() {
		d, err := s.find(id)
		if err != nil {
			continue
		}
		left, what, unit := d.overdue(s.o.Patience)
		switch {
		case left > 0:
			next = min(next, left)
		case unit == nil:
			d.refuse(s.o.Hung) // its opening hangs as well
		default:
			unit.Abandon("the driver of " + d.id + " did not return from " + what)
			s.o.Tree.Start(d.base, s.o.Floor, "opening "+d.id, supervise.Func(d.reopen))
		}
	}
	return next
}

// overdue returns the time that is left until the first call into the driver is
// overdue, and that call. The unit is nil where the device is not open.
func (d *desk) overdue(patience time.Duration) (left time.Duration, what string, unit *supervise.Unit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left = time.Hour
	look := func(over time.Time, name string) {
		if over.IsZero() {
			return
		}
		if l := time.Until(over.Add(patience)); l < left {
			left, what = l, name
		}
	}
	if d.wake == nil {
		if d.shut == nil {
			look(d.lost, "opening")
		}
		return left, what, nil
	}
	if d.now != nil {
		look(d.now.over, d.now.job.Act)
	}
	for c := range d.halts {
		look(c.over, "halt")
	}
	return left, what, d.unit
}

// reopen opens a device whose driver was given up. The tree tries again with growing
// waits; after the first failure nobody waits for it any more.
func (d *desk) reopen(context.Context) error {
	err := d.start()
	if err != nil {
		d.refuse(err)
		return err
	}
	d.s.o.Log.Info("device opened anew", "device", d.id)
	return nil
}

// Abandoned is the end of an opening whose driver does not come back, in mid-run or at
// shutdown: what it has started is ended, the act that it is in gets its terminal, and
// its descriptor is closed, which ends most system calls. Waiting jobs stay.
func (w *worker) Abandoned(string) {
	d := w.d
	d.mu.Lock()
	if d.wake != w.wake {
		d.mu.Unlock()
		return
	}
	device, end, now := d.device, d.close, d.now
	d.device, d.close, d.wake, d.now, d.lost = nil, nil, nil, nil, time.Now()
	clear(d.halts)
	d.mu.Unlock()
	act := "halt"
	if now != nil {
		act = now.job.Act
		now.cancel(d.s.o.Hung)
	}
	end()
	d.s.o.Raise("device.hung", d.id, act)
	if now != nil {
		now.job.Drop(d.s.o.Hung)
	}
	c, ok := device.(io.Closer)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(d.base, closeTime)
	defer cancel()
	if err := supervise.Call(ctx, func(context.Context) error { return c.Close() }); err != nil {
		d.s.o.Log.Warn("closing a hung device", "device", d.id, "error", err)
	}
}
