// Package station gives every device one goroutine and one mailbox. Acts on a
// device run one after another there, the more important first; a stop does not
// pass through the mailbox but cuts what runs and halts the device at once. A
// driver that does not come back is given up, and its device is opened anew.
package station

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
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
	// Drop is called instead of Run when the job is taken out of the mailbox, beside
	// Run when the driver did not come back, and after it when it panicked.
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
	// Patience is how long a call into a driver may take to return after its ctx
	// ended (default 5 s), and how long one halt may take at all.
	Patience time.Duration
	// Raise reports a condition of a device that has passed by itself already.
	Raise func(code, device, detail string)
	// Hung is the cause given to jobs of a driver that did not come back.
	Hung error
}

// Station owns the devices.
type Station struct {
	o    Options
	look chan struct{} // a call into a driver has got its end

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
	return &Station{o: o, look: make(chan struct{}, 1), desk: map[string]*desk{}}
}

// Add opens a device and starts its goroutine. A device that cannot be opened is a
// mistake of the configuration or of the model and is returned; absent hardware is not.
func (s *Station) Add(ctx context.Context, id string, open Opener) error {
	d := &desk{s: s, id: id, open: open, base: ctx, halts: map[*call]bool{}}
	if err := d.start(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.desk[id] = d
	return nil
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
// the running one included. With an error nothing was queued: fault.Full, or why the
// device takes no jobs any more.
func (s *Station) Post(id string, j Job) (ahead int, err error) {
	d, err := s.find(id)
	if err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut != nil {
		return 0, fmt.Errorf("device %s: %w", id, d.shut)
	}
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
			d.end(d.now, j.Cut)
		}
	}
	poke(d.wake)
	return ahead, nil
}

// Cut ends the running job and empties the mailbox of those that which picks (nil
// picks all); each dropped one is told cause. It does not wait.
func (s *Station) Cut(id string, cause error, which func(Job) bool) {
	d, err := s.find(id)
	if err != nil {
		return
	}
	d.mu.Lock()
	if d.now != nil && (which == nil || which(d.now.job)) {
		d.end(d.now, cause)
	}
	gone := d.sweep(which)
	d.mu.Unlock()
	for _, j := range gone {
		j.Drop(cause)
	}
}

// Device returns the open device, for its optional powers. fault.PortLost: its driver
// was given up and has not been opened again yet.
func (s *Station) Device(id string) (drivers.Device, error) {
	d, err := s.find(id)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.device == nil {
		return nil, fmt.Errorf("device %s: %w: its driver was given up and is not open again", id, fault.PortLost)
	}
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
	return slices.Sorted(maps.Keys(s.desk))
}

// Halt brings one device to rest, past its mailbox. It returns when ctx ends at the
// latest, whatever the driver does; a driver that does not come back from it is given
// up like one that does not come back from a job.
func (s *Station) Halt(ctx context.Context, id string) error {
	d, err := s.find(id)
	if err != nil {
		return err
	}
	device, err := s.Device(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	c := d.enter(ctx)
	return supervise.Call(ctx, func(ctx context.Context) error {
		defer d.left(c)
		return device.Halt(ctx)
	})
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

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
