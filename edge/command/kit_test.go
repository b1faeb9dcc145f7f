package command_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/broadcast"
	"fuqiao/edged/edge/clock"
	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/ledger"
	"fuqiao/edged/edge/ptz"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/uplink"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const gw = "gw-1"

// horn is a speaker that needs 100 ms a character and answers.
type horn struct {
	mu     sync.Mutex
	said   []string
	halts  int
	stuck  bool // Halt does not come back before its ctx ends
	cutOff int
}

func (h *horn) Announce(ctx context.Context, a drivers.Announcement, said func(drivers.Progress)) (drivers.Evidence, error) {
	h.mu.Lock()
	h.said = append(h.said, a.Text)
	h.mu.Unlock()
	said(drivers.Progress{Part: 1, Parts: 1})
	timer := time.NewTimer(time.Duration(len([]rune(a.Text))) * 100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return drivers.Acknowledged, nil
	case <-ctx.Done():
		h.mu.Lock()
		h.cutOff++
		h.mu.Unlock()
		return drivers.Commanded, ctx.Err()
	}
}

func (h *horn) Halt(ctx context.Context) error {
	h.mu.Lock()
	h.halts++
	stuck := h.stuck
	h.mu.Unlock()
	if stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// texts are what was begun to be said.
func (h *horn) texts() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.said, " ")
}

// head is a dome that answers nothing.
type head struct {
	mu  sync.Mutex
	did []string
}

func (d *head) note(format string, args ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.did = append(d.did, fmt.Sprintf(format, args...))
	return nil
}

func (d *head) Move(_ context.Context, v drivers.Velocity) error {
	return d.note("move %g", v.Pan)
}
func (d *head) GotoPreset(_ context.Context, n int) error  { return d.note("goto %d", n) }
func (d *head) SetPreset(_ context.Context, n int) error   { return d.note("set %d", n) }
func (d *head) ClearPreset(_ context.Context, n int) error { return d.note("clear %d", n) }
func (d *head) Halt(context.Context) error                 { return d.note("halt") }

func (d *head) all() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.did, ", ")
}

// box is a desk with all rooms around it but wires and network. It lives in a
// testing/synctest bubble.
type box struct {
	t     *testing.T
	trust *platform.Trust
	dir   string // of the ledger

	clock  *clock.Clock
	synced bool // whether the kernel's clock is; set before live

	horns   map[string]*horn
	dome    *head
	desk    *command.Desk
	ledger  *ledger.Ledger
	in      chan uplink.Inbound
	stops   chan uplink.Inbound
	end     func()
	mailbox int
	orders  int
	fs      ledger.FS

	mu      sync.Mutex
	kept    []wire.Result // terminals, journalled
	steps   []wire.Result // from RAM
	refused map[string]int
	acks    int
	asked   int
	keepErr error
}

// newBox makes a box that is not running yet.
func newBox(t *testing.T) *box {
	t.Helper()
	trust, err := platform.NewTrust(t.TempDir(), func(d *authority.Trust) {
		for i := range d.Keys {
			if d.Keys[i].Kid == "second" { // speaks and stops up to normal, on horn-1 and the dome alone
				d.Keys[i].MaxPriority, d.Keys[i].Targets = wire.Normal, []string{"horn-1", "dome-1"}
				d.Keys[i].Actions = []string{"speaker.say", "stop", "command.cancel"}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return &box{t: t, trust: trust, dir: t.TempDir(), synced: true, mailbox: 4, refused: map[string]int{}}
}

// live begins one life of the box.
func (b *box) live() {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	tree := supervise.New(supervise.Options{Log: log})
	run := wire.Run(fmt.Sprintf("%016x", time.Now().UnixNano()))
	began := time.Now()
	var err error
	b.ledger, err = ledger.Open(ctx, ledger.Options{Dir: b.dir, Run: run, FS: b.fs})
	if err != nil {
		b.t.Fatal(err)
	}
	b.clock = clock.New(clock.Sources{
		Wall: time.Now, Boot: func() time.Duration { return time.Since(began) },
		Kernel: func() (bool, time.Duration) { return b.synced, time.Millisecond },
	})
	trust, err := authority.New(authority.Options{Gateway: gw, Trust: b.trust.Bytes, Groups: func() []string { return []string{"market"} }, Now: func() (time.Time, time.Duration, bool) {
		r := b.clock.Now()
		return r.Time, r.Error, r.Known()
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	s := station.New(station.Options{Log: log, Tree: tree, Floor: 1, Mailbox: b.mailbox, Raise: func(string, string, string) {}, Hung: wire.ByHang()})
	b.horns, b.dome = map[string]*horn{}, &head{}
	open := func(d drivers.Device) station.Opener {
		return func(context.Context) (drivers.Device, func(), error) { return d, func() {}, nil }
	}
	say := []wire.Action{wire.SpeakerSay, wire.SpeakerStop, wire.SpeakerVolume, wire.AllStop}
	move := []wire.Action{wire.DomeMove, wire.DomeStop, wire.DomeGoto, wire.DomePreset, wire.DomeAcquire, wire.DomeRelease, wire.AllStop}
	var entries []command.Entry
	for _, id := range []string{"horn-1", "horn-2"} {
		b.horns[id] = &horn{}
		if err := s.Add(ctx, id, open(b.horns[id])); err != nil {
			b.t.Fatal(err)
		}
		entries = append(entries, command.Entry{ID: id, Kind: "speaker", Model: "horn", Addresses: []string{"zone:north", "group:market"}, Powers: say})
	}
	if err := s.Add(ctx, "dome-1", open(b.dome)); err != nil {
		b.t.Fatal(err)
	}
	entries = append(entries, command.Entry{ID: "dome-1", Kind: "dome", Model: "head", Addresses: []string{"zone:north"}, Powers: move})
	dome := ptz.New(ptz.Config{
		Dome: "dome-1", Log: log, Evidence: drivers.Commanded.String(),
		Post: func(act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) error {
			_, err := s.Post("dome-1", station.Job{Act: act, Rank: rank, Limit: limit, Over: wire.ByLimit(), Run: run, Drop: drop})
			return err
		},
		Halt: func(ctx context.Context) error { return s.Halt(ctx, "dome-1") },
	})
	hall := broadcast.NewHall(broadcast.Config{Log: log, MaxSay: time.Minute,
		Post: func(speaker, act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) (int, error) {
			return s.Post(speaker, station.Job{Act: act, Rank: rank, Cuts: true, Cut: wire.ByPriority(), Limit: limit, Over: wire.ByLimit(), Run: run, Drop: drop})
		}})
	b.desk = command.New(command.Config{
		Gateway: gw, Root: "fuqiao", Log: log, Run: run, Began: began, Clock: b.clock, Authority: trust, Ledger: b.ledger,
		Directory: command.NewDirectory(entries), Station: s, Domes: map[string]*ptz.Arbiter{"dome-1": dome}, Hall: hall,
		Keep: b.keep, Publish: func(r wire.Result) { b.set(func() { b.steps = append(b.steps, r) }) },
		Refused: func(why string, _ []byte) { b.set(func() { b.refused[why]++ }) }, AskTime: func() { b.set(func() { b.asked++ }) },
		Limits: command.Limits{Repeat: 3, TextRunes: 100},
	})
	b.in, b.stops = make(chan uplink.Inbound), make(chan uplink.Inbound)
	start := func(floor int, name string, run func(context.Context) error) {
		tree.Start(ctx, floor, name, supervise.Func(run))
	}
	start(0, "ledger", b.ledger.Run)
	start(1, "station", s.Run)
	start(1, "dome", dome.Run)
	start(0, "notes", b.desk.Notes)
	start(0, "results", b.desk.Results)
	b.desk.Recover()
	start(3, "intents", b.desk.Intents)
	start(3, "clocks", b.desk.Clocks)
	start(2, "stops", func(ctx context.Context) error { return b.desk.Stops(ctx, b.stops) })
	start(3, "orders", func(ctx context.Context) error { return b.desk.Orders(ctx, b.in) })
	once := sync.Once{}
	b.end = func() {
		once.Do(func() {
			tree.StopAbove(1, time.Second)
			for _, id := range s.IDs() {
				s.Cut(id, wire.ByShutdown(), nil)
			}
			tree.Stop(time.Second)
			cancel()
			_ = b.ledger.Shut()
		})
	}
	b.t.Cleanup(b.end)
}

func (b *box) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *box) keep(_ context.Context, record []byte) error {
	var rec wire.Record
	var r wire.Result
	if err := wire.Unmarshal(record, &rec); err != nil {
		return err
	}
	if err := wire.Unmarshal(rec.Data, &r); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keepErr != nil {
		return b.keepErr
	}
	b.kept = append(b.kept, r)
	return nil
}

// sign completes and signs an order as the operator.
func (b *box) sign(o wire.Order) (wire.Order, []byte) { return b.signBy(b.trust.Operator, o) }

func (b *box) signBy(s *authority.Signer, o wire.Order) (wire.Order, []byte) {
	b.t.Helper()
	if o.ID == "" {
		b.orders++
		o.ID = fmt.Sprintf("order-%d", b.orders)
	}
	if o.Gateway == "" && o.Group == "" {
		o.Gateway = gw
	}
	s.Stamp(&o, time.Now(), 30*time.Second)
	payload, err := s.SignOrder(o)
	if err != nil {
		b.t.Fatal(err)
	}
	return o, payload
}

// deliver puts a payload in as the broker would, and waits until nothing moves.
func (b *box) deliver(o wire.Order, payload []byte) {
	topics, q, c := wire.Topics{Root: "fuqiao"}, b.in, wire.ChanCommand
	if o.Action.Stop() {
		q, c = b.stops, wire.ChanStop
	}
	topic := topics.Of(gw, c)
	if o.Group != "" {
		topic = topics.OfGroup(o.Group, c)
	}
	q <- uplink.Inbound{Topic: topic, Payload: payload, QoS: 1, Ack: func() { b.set(func() { b.acks++ }) }}
	synctest.Wait()
}

// send signs and delivers.
func (b *box) send(o wire.Order) wire.Order {
	o, payload := b.sign(o)
	b.deliver(o, payload)
	return o
}

// settle gives everything the time that it needs.
func (b *box) settle(d time.Duration) { time.Sleep(d); synctest.Wait() }

// terminals are the journalled results of an order, as "device status reason".
func (b *box) terminals(id string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.kept {
		if r.Order == id {
			out = append(out, strings.Join(strings.Fields(fmt.Sprint(r.Device, " ", r.Status, " ", r.Reason)), " "))
		}
	}
	return out
}

// want compares an order's terminals, in any order of devices.
func (b *box) want(o wire.Order, want ...string) {
	b.t.Helper()
	got := b.terminals(o.ID)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.t.Errorf("%s ended %q, want %q", o.ID, got, want)
	}
}

func say(text string, to ...string) wire.Order {
	if len(to) == 0 {
		to = []string{"horn-1"}
	}
	return wire.Order{Action: wire.SpeakerSay, Target: to, Args: &wire.SayArgs{Text: text}}
}

func preset(n int) wire.Order {
	return wire.Order{Action: wire.DomePreset, Target: []string{"dome-1"}, Args: &wire.PresetArgs{Preset: n, Do: "set"}}
}

func gotoPreset(n int) wire.Order {
	return wire.Order{Action: wire.DomeGoto, Target: []string{"dome-1"}, Args: &wire.GotoArgs{Preset: n}}
}

// bubble runs f in a bubble with a box that lives.
func bubble(t *testing.T, f func(*testing.T, *box)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.live()
		defer b.end()
		f(t, b)
	})
}
