package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/broadcast"
	"fuqiao/edged/edge/clock"
	"fuqiao/edged/edge/ledger"
	"fuqiao/edged/edge/ptz"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/uplink"
	"fuqiao/edged/edge/wire"
)

// Config of a Desk.
type Config struct {
	Gateway, Root string
	Log           *slog.Logger
	Run           wire.Run
	// Began is the start of the run by the monotonic clock, Start by the wall clock
	// (zero while that is unknown).
	Began     time.Time
	Clock     *clock.Clock
	Authority *authority.Authority
	Ledger    *ledger.Ledger
	Directory *Directory
	Station   *station.Station
	Domes     map[string]*ptz.Arbiter
	Hall      *broadcast.Hall
	Outputs   map[string]drivers.Output
	// Keep puts a terminal result into the journal and returns when it is on disk.
	Keep func(ctx context.Context, record []byte) error
	// Publish sends a state before the terminal, or a repeat, from RAM if connected.
	Publish func(wire.Result)
	// Refused counts a payload that nobody trusted has signed, or that is not for us.
	Refused func(why string, payload []byte)
	// AskTime makes the presence go out with a new nonce.
	AskTime func()
	// Limits are the box's own.
	Limits Limits
}

// Limits are what no order can lift: repetitions of one announcement, and its characters.
type Limits struct{ Repeat, TextRunes int }

// Desk takes orders in, and sees each to its terminal.
type Desk struct {
	c       Config
	intents chan intent
	waiting chan waiting
	pings   [2]chan chan struct{}
	crew    *supervise.Crew // waits for halts
	notes   chan func()
	limits  atomic.Pointer[Limits]
	// unmarked are Results' own: terminals that the journal had in memory alone.
	unmarked []unmarked

	mu      sync.Mutex
	done    []finished
	more    chan struct{}
	repeats map[string]time.Time
	tombs   map[string]tomb
}

// intent is an order that waits for its one durable write.
type intent struct {
	o   *wire.Order
	ids []string
	ack func()
}

// waiting is an order that waits for the clock: one that has just come, or one that
// an earlier run left in a device's queue.
type waiting struct {
	o      *wire.Order
	ack    func()
	since  time.Time
	resume *act
}

// Bounds of the desk's own queues. What does not fit is answered busy.
const (
	maxIntents = 64
	maxWaiting = 16
	maxRepeats = 4096
	clockWait  = 15 * time.Second
	maxHalts   = 64
	maxNotes   = 256
)

// New makes a desk.
func New(c Config) *Desk {
	d := &Desk{
		c: c, intents: make(chan intent, maxIntents), waiting: make(chan waiting, maxWaiting),
		pings: [2]chan chan struct{}{make(chan chan struct{}), make(chan chan struct{})},
		crew:  supervise.NewCrew(c.Log, maxHalts),
		notes: make(chan func(), maxNotes),
		more:  make(chan struct{}, 1), repeats: map[string]time.Time{}, tombs: map[string]tomb{},
	}
	d.SetLimits(c.Limits)
	return d
}

// SetLimits exchanges the limits; they hold for orders that come from now on.
func (d *Desk) SetLimits(l Limits) { d.limits.Store(&l) }

// log is the logger of one order.
func (d *Desk) log(o *wire.Order, device string) *slog.Logger {
	return d.c.Log.With("act", o.Act(), "action", o.Action, "device", device)
}

// Orders serves the command topics until ctx ends.
func (d *Desk) Orders(ctx context.Context, in <-chan uplink.Inbound) error {
	return d.serve(ctx, in, d.pings[0])
}

// Stops serves the stop topics; it never touches the disk nor any queue. It ends after
// Orders, Intents and Clocks, and sees the halts that are under way to their end.
func (d *Desk) Stops(ctx context.Context, in <-chan uplink.Inbound) error {
	err := d.serve(ctx, in, d.pings[1])
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	d.crew.Wait(last)
	return err
}

func (d *Desk) serve(ctx context.Context, in <-chan uplink.Inbound, pings chan chan struct{}) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case p := <-pings:
			close(p)
		case m := <-in:
			d.take(ctx, m)
		}
	}
}

// Ping answers when both the order desk and the stop path turn.
func (d *Desk) Ping(ctx context.Context) error {
	for i, name := range []string{"order desk", "stop path"} {
		back := make(chan struct{})
		select {
		case d.pings[i] <- back:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", name, ctx.Err())
		}
	}
	return nil
}

// take judges one payload.
func (d *Desk) take(ctx context.Context, m uplink.Inbound) {
	topic, err := wire.Topics{Root: d.c.Root}.Parse(m.Topic)
	if err != nil {
		d.c.Refused(string(authority.WrongTopic), m.Payload)
		m.Ack()
		return
	}
	o, err := d.c.Authority.Verify(topic, m.Payload, m.Retained)
	var no *authority.Rejection
	var forged *authority.Refused
	switch {
	case errors.As(err, &no):
		d.reject(o, no.Reason, strings.TrimSpace(no.Field+" "+no.Detail))
		m.Ack()
		return
	case errors.As(err, &forged):
		d.c.Refused(string(forged.Why), m.Payload)
		m.Ack()
		return
	case err != nil:
		d.c.Refused(string(authority.Undecodable), m.Payload)
		m.Ack()
		return
	}
	d.note(func() { d.log(o, "").Info("order received", "kid", o.Kid, "seq", o.Seq, "targets", o.Target) })
	if why := unoffered(o); why != "" {
		d.reject(o, wire.Unsupported, why)
		m.Ack()
		return
	}
	d.admit(ctx, o, m.Ack)
}

// unoffered names what an order asks for that this version does not carry out: an
// order that is half understood is not acted on.
func unoffered(o *wire.Order) string {
	info, _ := wire.Info(o.Action)
	switch {
	case !info.Offered:
		return "this version offers no " + string(o.Action)
	case o.Exact:
		return "exact: this version begins nothing at an exact time"
	case !o.NotBefore.IsZero():
		return "not_before: this version begins orders when they come"
	case o.Announcement != "":
		return "announcement: this version knows no message that is sent twice"
	}
	return ""
}

// admit looks the order up in the ledger's window, then at the clock.
func (d *Desk) admit(ctx context.Context, o *wire.Order, ack func()) {
	switch v, _ := d.c.Ledger.Admit(o, d.c.Clock.Now().Known()); v {
	case ledger.Repeat:
		d.repeat(o)
		ack()
	case ledger.Replayed:
		d.reject(o, wire.Replayed, "its seq has been used, or lies below the window")
		ack()
	case ledger.IDReused:
		d.reject(o, wire.IDReused, "another payload came with this id")
		ack()
	default:
		if !d.c.Authority.Take(o) {
			d.reject(o, wire.Rate, "the key's rate is used up")
			ack()
			return
		}
		d.timely(ctx, o, ack)
	}
}

// timely lets pass what is valid now; what needs a clock waits for one.
func (d *Desk) timely(ctx context.Context, o *wire.Order, ack func()) {
	now := d.c.Clock.Now()
	switch authority.Timely(o, now.Time, now.Error, now.Known()) {
	case authority.Expired:
		d.refuse(o, wire.Outcome{Status: wire.Expired})
		ack()
	case authority.Future:
		d.reject(o, wire.Stale, "issued lies in the future")
		ack()
	case authority.NeedsClock:
		select {
		case d.waiting <- waiting{o: o, ack: ack, since: time.Now()}:
			d.c.AskTime()
		default:
			d.refuse(o, wire.Refuse(wire.ClockReason, "the clock is unknown and too many orders wait for it"))
			ack()
		}
	default:
		d.dispatch(ctx, o, ack)
	}
}

// dispatch finds the devices and sends the order on its way.
func (d *Desk) dispatch(ctx context.Context, o *wire.Order, ack func()) {
	info, _ := wire.Info(o.Action)
	if !info.Devices {
		d.queue(intent{o, []string{""}, ack})
		return
	}
	if o.Supersedes != "" {
		d.supersede(o)
	}
	if d.cancelled(o) {
		d.refuse(o, wire.Outcome{Status: wire.Cancelled, Detail: "its cancel came before it"})
		ack()
		return
	}
	ids, strangers := d.c.Directory.Resolve(o.Target, o.Action)
	if o.Gateway != "" {
		for _, id := range strangers {
			(&act{d: d, o: o, device: id}).End(wire.Refuse(wire.NoMatch, "no such device on this gateway"))
		}
	}
	found := len(ids) > 0
	ids = d.allowed(o, ids)
	switch {
	case !found && (len(strangers) == 0 || o.Group != ""):
		d.refuse(o, wire.Refuse(wire.NoMatch, "the target names no device of this gateway"))
		ack()
	case len(ids) == 0:
		ack()
	case o.DryRun:
		d.dry(o, ids)
		ack()
	case info.Kind == wire.State:
		if d.beforeRun(o) {
			d.refuse(o, wire.Refuse(wire.Stale, "issued before this run began"))
		} else {
			d.act(o, ids, false)
			d.c.Ledger.Seq(o)
		}
		ack()
	default:
		d.queue(intent{o, ids, ack})
	}
}

// queue gives an order to the goroutine that writes intents.
func (d *Desk) queue(in intent) {
	select {
	case d.intents <- in:
	default:
		d.refuse(in.o, wire.Refuse(wire.Busy, "too many orders wait for the disk"))
		in.ack()
	}
}

// beforeRun: a state order from before this run is stale; nothing of it is resumed.
// Stops act whenever they come.
func (d *Desk) beforeRun(o *wire.Order) bool {
	now := d.c.Clock.Now()
	return !o.Action.Stop() && now.Known() && o.Issued.Before(now.Time.Add(-time.Since(d.c.Began)).Add(-now.Error))
}

// allowed drops the devices that the key's scope does not cover and says so for each.
func (d *Desk) allowed(o *wire.Order, ids []string) []string {
	var out []string
	for _, id := range ids {
		e, _ := d.c.Directory.Entry(id)
		a := &act{d: d, o: o, device: id}
		switch {
		case !d.c.Authority.Allows(o, id, e.Addresses):
			a.End(wire.Refuse(wire.NotAllowed, "the key's targets do not cover this device"))
		case !e.offers(o.Action) && o.Action != wire.AllStop:
			a.End(wire.Refuse(wire.Unsupported, "a "+e.Model+" has no "+string(o.Action)))
		default:
			out = append(out, id)
		}
	}
	return out
}

// reject ends a whole order that has no place in the ledger. The same bytes sent again
// get the same answer, once per 10 s.
func (d *Desk) reject(o *wire.Order, r wire.Reason, detail string) {
	if d.seldom(o.Act() + " " + string(r)) {
		d.refuse(o, wire.Refuse(r, detail))
	}
}

func (d *Desk) refuse(o *wire.Order, out wire.Outcome) {
	(&act{d: d, o: o}).End(out)
}
