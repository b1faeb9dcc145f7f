// Package station gives every device one goroutine and one mailbox. Acts on a
// device run one after another there, the more important first; a stop does not
// pass through the mailbox but cuts what runs and halts the device at once. A
// driver that does not come back is given up, and its device is opened anew.
package station

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/supervise"
)

// Job is one act on one device.
type Job struct {
	// Act is the act's id, for the log.
	Act string
	// Rank orders the mailbox: higher first, equal ones first come first served.
	Rank int
	// Cuts: this job also cuts a running one of lower rank, with cause Cut.
	Cuts bool
	Cut  error
	// Limit bounds the job; when it is over, its context ends with cause Over.
	Limit time.Duration
	Over  error
	// Run does the work and reports it. It returns soon after its ctx ends.
	Run func(ctx context.Context, d drivers.Device)
	// Drop is called instead of Run when the job is taken out of the mailbox, or
	// beside Run when the driver did not come back.
	Drop func(cause error)
}

// Opener makes a device. It is called at start and again after a hang; close ends
// what the device had running.
type Opener func(ctx context.Context) (d drivers.Device, close func(), err error)

// Options of a Station.
type Options struct {
	Log  *slog.Logger
	Tree *supervise.Tree
	// Floor of the device goroutines in the tree.
	Floor int
	// Mailbox is the number of waiting jobs per device (default 32).
	Mailbox int
	// Patience is how long a job may take to return after its ctx ended (default 5 s).
	Patience time.Duration
	// Raise reports a condition of a device.
	Raise func(code, device, detail string)
	// Hung is the cause given to jobs of a driver that did not come back.
	Hung error
}

// Station owns the devices.
type Station struct {
	o    Options
	mu   sync.Mutex
	desk map[string]*desk
}

// New makes a station without devices.
func New(o Options) *Station {
	if o.Mailbox == 0 {
		o.Mailbox = 32
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	return &Station{o: o, desk: map[string]*desk{}}
}

// desk is one device with its mailbox.
type desk struct {
	id   string
	open Opener

	mu      sync.Mutex
	device  drivers.Device
	close   func()
	unit    *supervise.Unit
	mailbox []Job
	wake    chan struct{}
	now     *running
}

// running is the job that the device's goroutine is in.
type running struct {
	job    Job
	ctx    context.Context
	cancel context.CancelCauseFunc
	over   time.Time // when its ctx was first seen ended
}

// Add opens a device and starts its goroutine. A device that cannot be opened is a
// mistake of the configuration or of the model and is returned; absent hardware is not.
func (s *Station) Add(ctx context.Context, id string, open Opener) error {
	d := &desk{id: id, open: open}
	if err := s.start(ctx, d); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desk[id] = d
	return nil
}

// start opens d's device and begins its goroutine.
func (s *Station) start(ctx context.Context, d *desk) error {
	device, end, err := d.open(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", d.id, err)
	}
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	d.mu.Lock()
	d.device, d.close, d.now, d.wake = device, end, nil, wake
	d.unit = s.o.Tree.Start(ctx, s.o.Floor, "device "+d.id, supervise.Func(func(ctx context.Context) error {
		return d.work(ctx, wake)
	}))
	d.mu.Unlock()
	return nil
}

// work runs jobs until ctx ends; wake tells this goroutine from a later one that
// replaced it.
func (d *desk) work(ctx context.Context, wake chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
		for ctx.Err() == nil {
			r, device := d.take(ctx, wake)
			if r == nil {
				break
			}
			r.job.Run(r.ctx, device)
			r.cancel(nil)
			d.mu.Lock()
			if d.now == r {
				d.now = nil
			}
			d.mu.Unlock()
		}
	}
}

// take moves the first job of the mailbox to d.now.
func (d *desk) take(ctx context.Context, wake chan struct{}) (*running, drivers.Device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wake != wake || len(d.mailbox) == 0 {
		return nil, nil
	}
	j := d.mailbox[0]
	d.mailbox = slices.Delete(d.mailbox, 0, 1)
	jctx, cancel := context.WithCancelCause(ctx)
	if j.Limit > 0 {
		var drop context.CancelFunc
		jctx, drop = context.WithTimeoutCause(jctx, j.Limit, j.Over)
		inner := cancel
		cancel = func(cause error) { inner(cause); drop() }
	}
	r := &running{job: j, ctx: jctx, cancel: cancel}
	d.now = r
	return r, d.device
}

func (s *Station) find(id string) (*desk, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.desk[id]
	if !ok {
		return nil, fmt.Errorf("device %s: %w: it is not in the configuration", id, fault.BadInput)
	}
	return d, nil
}

// Post puts j into the device's mailbox and tells how many jobs are before it,
// the running one included. fault.Full: nothing was queued.
func (s *Station) Post(id string, j Job) (ahead int, err error) {
	d, err := s.find(id)
	if err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.mailbox) >= s.o.Mailbox {
		return 0, fmt.Errorf("device %s: %d acts are waiting: %w", id, len(d.mailbox), fault.Full)
	}
	at := len(d.mailbox)
	for at > 0 && d.mailbox[at-1].Rank < j.Rank {
		at--
	}
	d.mailbox = slices.Insert(d.mailbox, at, j)
	ahead = at
	if d.now != nil {
		ahead++
		if j.Cuts && d.now.job.Rank < j.Rank {
			d.now.cancel(j.Cut)
		}
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return ahead, nil
}

// Cut ends the running job and empties the mailbox of those that which picks (nil
// picks all); each dropped one is told cause. It does not wait.
func (s *Station) Cut(id string, cause error, which func(Job) bool) {
	d, err := s.find(id)
	if err != nil {
		return
	}
	var gone []Job
	d.mu.Lock()
	d.mailbox = slices.DeleteFunc(d.mailbox, func(j Job) bool {
		if which != nil && !which(j) {
			return false
		}
		gone = append(gone, j)
		return true
	})
	if d.now != nil && (which == nil || which(d.now.job)) {
		d.now.cancel(cause)
	}
	d.mu.Unlock()
	for _, j := range gone {
		j.Drop(cause)
	}
}

// Device returns the open device, for its optional powers.
func (s *Station) Device(id string) (drivers.Device, error) {
	d, err := s.find(id)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.device, nil
}

// Busy tells whether the device runs or has waiting jobs.
func (s *Station) Busy(id string) bool {
	d, err := s.find(id)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now != nil || len(d.mailbox) > 0
}

// IDs lists the devices.
func (s *Station) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for id := range s.desk {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Halt brings one device to rest, past its mailbox.
func (s *Station) Halt(ctx context.Context, id string) error {
	device, err := s.Device(id)
	if err != nil {
		return err
	}
	return device.Halt(ctx)
}

// HaltAll halts many devices at the same time and returns when all are at rest or
// ctx ends; errors are logged by device.
func (s *Station) HaltAll(ctx context.Context, ids []string) {
	supervise.Each(ctx, ids, func(ctx context.Context, id string) {
		if err := s.Halt(ctx, id); err != nil {
			s.o.Log.Error("halt failed", "device", id, "error", err)
		}
	})
}

// Run looks once a second for drivers that do not come back.
func (s *Station) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, id := range s.IDs() {
			if d, err := s.find(id); err == nil && d.hung(s.o.Patience) {
				s.replace(ctx, d)
			}
		}
	}
}

// hung tells whether the running job has not returned for patience after its ctx ended.
func (d *desk) hung(patience time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil || d.now.ctx.Err() == nil {
		return false
	}
	if d.now.over.IsZero() {
		d.now.over = time.Now()
	}
	return time.Since(d.now.over) >= patience
}

// replace gives the device's goroutine up and opens the device anew: only this
// driver restarts, its waiting jobs stay.
func (s *Station) replace(ctx context.Context, d *desk) {
	d.mu.Lock()
	old, job, device, end := d.unit, d.now.job, d.device, d.close
	d.mu.Unlock()
	old.Abandon("the driver of " + d.id + " did not return from " + job.Act)
	if c, ok := device.(io.Closer); ok {
		if err := c.Close(); err != nil {
			s.o.Log.Warn("closing a hung device", "device", d.id, "error", err)
		}
	}
	end()
	s.o.Raise("device.hung", d.id, job.Act)
	job.Drop(s.o.Hung)
	if err := s.start(ctx, d); err != nil {
		s.o.Log.Error("device not opened again", "device", d.id, "error", err)
	}
}
