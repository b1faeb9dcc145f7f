// Package edge puts the gateway together: it opens what the configuration names,
// joins the rooms by their interfaces, and starts and ends them in order. It holds
// no rule of its own.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/pin"
	"fuqiao/edged/drivers/tty"
	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/blob"
	"fuqiao/edged/edge/broadcast"
	"fuqiao/edged/edge/clock"
	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/health"
	"fuqiao/edged/edge/intake"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/ledger"
	"fuqiao/edged/edge/ptz"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/uplink"
	"fuqiao/edged/edge/wire"
)

// Floors of the tree: higher ones end first, so that devices are halted while the
// wires below them are up, and results leave before the uplink does.
const (
	floorWires = iota
	floorStores
	floorUplink
	floorResults
	floorDevices
	floorStops // outlives the order desk: a stop reaches an announcement that may finish
	floorIntake
	floorDesks
	floorOutside
)

// Gateway is one life of the house under one configuration.
type Gateway struct {
	at    atomic.Pointer[Setup] // a reload may exchange it
	log   *slog.Logger
	run   wire.Run
	began time.Time
	boot  string

	tree    *supervise.Tree
	state   *stateDir // nil: no disk
	health  *health.Set
	clock   *clock.Clock
	journal *journal.Journal
	blobs   *blob.Store
	ledger  *ledger.Ledger
	trust   *authority.Authority
	pins    *pin.Bank
	buses   map[string]*bus.Bus
	amps    map[string]*broadcast.Amplifier
	station *station.Station
	domes   map[string]*ptz.Arbiter
	hall    *broadcast.Hall
	camsMu  sync.Mutex
	cams    []*source
	servers *intake.Servers
	dir     *command.Directory
	desk    *command.Desk
	uplink  *uplink.Uplink
	certs   *certs
	// What a reload stops and starts again.
	telemetry, upload *supervise.Unit

	runs    runs
	coming  arrivals
	deskUp  atomic.Bool
	steps   atomic.Uint64 // numbers what is published from RAM
	refused refusals
	changed chan string   // devices whose state is to be published
	rehalt  chan string   // buses that came back
	found   chan struct{} // a ledger that was missing is there
}

// s is the configuration as it is now.
func (g *Gateway) s() *Setup { return g.at.Load() }

// New builds a gateway and takes the state directory. Only a state directory that
// belongs to somebody else, or to another version, is an error; one that cannot be
// written is a condition, and the gateway runs without it.
func New(ctx context.Context, s Setup, boot string) (*Gateway, error) {
	g := &Gateway{
		run: newRun(), began: time.Now(), boot: boot,
		amps: map[string]*broadcast.Amplifier{}, domes: map[string]*ptz.Arbiter{},
		changed: make(chan string, 256), rehalt: make(chan string, 16),
		found: make(chan struct{}, 1),
	}
	g.at.Store(&s)
	g.log = s.Log.With("run", g.run)
	g.tree = supervise.New(supervise.Options{Log: g.log})
	g.health = health.New(g.log, g.conditionChanged)
	if err := g.takeState(); err != nil {
		return nil, err
	}
	if g.boot == "" {
		g.boot = g.whyBoot()
	}
	g.markBoot(bootRunning)
	g.keepRuns()
	g.clock = clock.New(clock.System(g.floor()))
	if err := g.openStores(ctx); err != nil {
		return nil, errors.Join(err, g.releaseState())
	}
	g.openTrust()
	g.buildWires()
	g.buildRooms()
	return g, nil
}

// takeState locks the state directory.
func (g *Gateway) takeState() error {
	st, err := openState(g.s().File.State.Dir)
	var taken takenError
	var format formatError
	switch {
	case errors.As(err, &taken), errors.As(err, &format):
		return err
	case err != nil:
		g.health.Raise("journal.storage", "", err.Error())
		g.log.Error("no state directory: running without it", "error", err)
		return nil
	}
	g.state = st
	return nil
}

func (g *Gateway) releaseState() error {
	if g.state == nil {
		return nil
	}
	return g.state.close()
}

// openStores opens journal and ledger. Both come up without a disk and say so.
func (g *Gateway) openStores(ctx context.Context) error {
	shares := map[journal.Class]journal.Share{}
	for name, c := range g.s().File.State.Journal.Classes {
		shares[journal.Class(name)] = journal.Share{Floor: int64(c.FloorMiB) << 20, Ceiling: int64(c.CeilingMiB) << 20, TTL: time.Duration(c.TTLH) * time.Hour}
	}
	var err error
	g.journal, err = journal.Open(ctx, journal.Options{
		Dir: g.s().below("journal"), Run: g.run, Budget: int64(g.s().File.State.Journal.BudgetMiB) << 20, Classes: shares,
		Log: g.log, Notice: g.notice(""), Now: g.known,
		Trusted: func() bool { return g.clock.Now().Quality == clock.Trusted },
	})
	if err != nil {
		return err
	}
	g.blobs, err = blob.Open(blob.Options{Dir: g.s().below("media"), Budget: int64(g.s().File.State.MediaMiB) << 20, Log: g.log})
	if err != nil {
		g.health.Raise("journal.storage", "media", err.Error())
		g.log.Error("clips cannot be kept", "error", err)
	}
	g.ledger, err = ledger.Open(ctx, ledger.Options{Dir: g.s().below("ledger"), Run: g.run, Log: g.log, Notice: func(failing bool, detail string) {
		g.notice("")("ledger.storage", detail, failing)
		if !failing {
			select {
			case g.found <- struct{}{}:
			default:
			}
		}
	}})
	return err
}

// known is the wall time for those who only want a time that can be shown.
func (g *Gateway) known() (time.Time, bool) {
	r := g.clock.Now()
	return r.Time, r.Known()
}

// openTrust reads the trust file. Without a good one nothing is obeyed, and that is
// a condition: devices, journal and telemetry go on.
func (g *Gateway) openTrust() {
	opts := authority.Options{
		Gateway: g.s().File.Gateway,
		Groups:  func() []string { return g.groups() },
		Now: func() (time.Time, time.Duration, bool) {
			r := g.clock.Now()
			return r.Time, r.Error, r.Known()
		},
	}
	file := g.s().below(g.s().File.Authority.Trust)
	raw, err := os.ReadFile(file)
	if err == nil {
		opts.Trust = raw
		if g.trust, err = authority.New(opts); err == nil {
			return
		}
	}
	g.health.Raise("trust.missing", "", fmt.Sprintf("authority.trust: %v", err))
	opts.Trust = nil
	if g.trust, err = authority.New(opts); err != nil { // cannot be: an empty one holds
		g.log.Error("authority", "error", err)
	}
}

// groups lists the groups that our devices are in.
func (g *Gateway) groups() []string {
	var out []string
	for name, members := range g.s().File.Groups {
		if len(members) > 0 {
			out = append(out, name)
		}
	}
	return out
}

// notice makes a Notice function of one subject for the rooms below.
func (g *Gateway) notice(subject string) func(code, detail string, raised bool) {
	return func(code, detail string, raised bool) {
		if raised {
			g.health.Raise(code, subject, detail)
		} else {
			g.health.Clear(code, subject)
		}
	}
}

// buildWires makes buses and pins; nothing is opened yet.
func (g *Gateway) buildWires() {
	g.buses = map[string]*bus.Bus{}
	for name, b := range g.s().File.Buses {
		bits := 10
		if b.Parity != "none" && b.Parity != "" {
			bits = 11
		}
		tell := g.notice(name)
		g.buses[name] = bus.New(bus.Config{
			Name: name, Baud: b.Baud, Bits: bits, Gap: time.Duration(b.GapMS) * time.Millisecond,
			Open: openPort(b),
			Go:   g.spawn(floorWires),
			Log:  g.log,
			Notice: func(code, detail string, raised bool) {
				tell(code, detail, raised)
				if !raised && (code == "bus.port_lost" || code == "bus.write_stalled") {
					select {
					case g.rehalt <- name:
					default:
					}
				}
			},
		})
	}
	var outs []pin.OutputSpec
	for name, o := range g.s().File.Outputs {
		outs = append(outs, pin.OutputSpec{Name: name, Chip: o.Chip, Line: o.Line, ActiveLow: o.ActiveLow, Safe: o.Safe == "on", MaxOn: time.Duration(o.MaxOnS) * time.Second})
	}
	var ins []pin.InputSpec
	for name, i := range g.s().File.Inputs {
		ins = append(ins, pin.InputSpec{Name: name, Chip: i.Chip, Line: i.Line, ActiveLow: i.ActiveLow, Pull: i.Pull, Debounce: time.Duration(i.DebounceMS) * time.Millisecond})
	}
	g.pins = pin.New(pin.Config{Outputs: outs, Inputs: ins, Log: g.log, Notice: func(code, subject, detail string, raised bool) {
		g.notice(subject)(code, detail, raised)
	}})
}

func openPort(b config.Bus) func(context.Context) (bus.Port, error) {
	return func(context.Context) (bus.Port, error) {
		return tty.Open(tty.Config{Path: b.Port, Baud: b.Baud, Parity: b.Parity})
	}
}

// spawn starts supervised goroutines on a floor.
func (g *Gateway) spawn(floor int) func(name string, run func(context.Context) error) {
	return func(name string, run func(context.Context) error) {
		g.tree.Start(context.Background(), floor, name, supervise.Func(run))
	}
}

// buildRooms makes everything that stands between the wires and the platform.
func (g *Gateway) buildRooms() {
	f := g.s().File
	g.station = station.New(station.Options{
		Log: g.log, Tree: g.tree, Floor: floorDevices, Raise: g.health.Raise, Hung: wire.ByHang(),
	})
	bySpeaker := map[string]*broadcast.Amplifier{}
	for name, a := range f.Amplifiers {
		out, err := g.pins.Output(a.Output)
		if err != nil { // Check has found it; a model of another kind may come
			g.log.Error("amplifier without output", "amplifier", name, "error", err)
			continue
		}
		amp := broadcast.NewAmplifier(broadcast.AmpConfig{
			Name: name, Output: out, WarmUp: time.Duration(a.WarmUpMS) * time.Millisecond, Tail: time.Duration(a.TailMS) * time.Millisecond,
			MaxOn: time.Duration(a.MaxOnS) * time.Second, MinOff: time.Duration(a.MinOffS) * time.Second,
			Log: g.log, Raise: g.health.Raise, Clear: g.health.Clear,
		})
		g.amps[name] = amp
		for _, s := range a.Speakers {
			bySpeaker[s] = amp
		}
	}
	g.hall = broadcast.NewHall(broadcast.Config{
		Log: g.log, Amplifiers: bySpeaker, OwnVolume: g.ownVolume, MaxSay: time.Duration(f.Limits.MaxSayS) * time.Second,
		Post: func(speaker, act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) (int, error) {
			return g.station.Post(speaker, station.Job{
				Act: act, Rank: rank, Cuts: true, Cut: wire.ByPriority(), Limit: limit, Over: wire.ByLimit(), Run: run, Drop: drop,
			})
		},
	})
	g.servers = intake.NewServers(g.log, g.spawn(floorIntake))
	g.servers.Notice = func(hostport string, err error) {
		g.coming.came(hostport)
		if err != nil {
			g.health.Raise("camera.listen", hostport, err.Error())
		} else {
			g.health.Clear("camera.listen", hostport)
		}
	}
}

// ownVolume is what a speaker's configuration says.
func (g *Gateway) ownVolume(id string) int {
	if dev, err := g.station.Device(id); err == nil {
		if v, ok := dev.(drivers.Voiced); ok {
			return v.OwnVolume()
		}
	}
	return broadcast.DefaultVolume
}

// buildDomes makes an arbiter for every dome that is open.
func (g *Gateway) buildDomes() {
	for id, d := range g.s().File.Devices {
		if g.s().Catalog[d.Model].Kind == "dome" {
			g.domes[id] = ptz.New(g.domeConfig(id, g.s().Claims[id]))
		}
	}
}

// domeConfig joins one dome's arbiter to the station and to its bus.
func (g *Gateway) domeConfig(id string, claims drivers.Claims) ptz.Config {
	b := g.buses[claims.Bus]
	evidence := drivers.Commanded
	if dev, err := g.station.Device(id); err == nil {
		if e, ok := dev.(drivers.Evident); ok {
			evidence = e.Evidence()
		}
	}
	return ptz.Config{
		Dome: id, Log: g.log, Evidence: evidence.String(),
		Post: func(act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) error {
			_, err := g.station.Post(id, station.Job{Act: act, Rank: rank, Limit: limit, Over: wire.ByLimit(), Run: run, Drop: drop})
			return err
		},
		Halt: func(ctx context.Context) error { return g.station.Halt(ctx, id) },
		Reserve: func(at time.Time, lease time.Duration) {
			switch {
			case b == nil:
			case at.IsZero():
				b.Release(id)
			default:
				b.Reserve(id, at, lease)
			}
		},
		Changed: func() { g.touch(id) },
	}
}

// touch marks a device's state as changed; a full queue means that it will be
// looked at anyway.
func (g *Gateway) touch(id string) {
	select {
	case g.changed <- id:
	default:
	}
}
