package edge

import (
	"context"
	"errors"
	"strings"
	"time"

	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/systemd"
)

const (
	// portWait is how long a start waits for serial ports before it stops the domes
	// on those that are there; one that comes later has its domes stopped then.
	portWait = time.Second
	haltWait = 1500 * time.Millisecond
	// listenWait is how long ready waits for the listeners.
	listenWait = time.Second
	patience   = 3 * time.Second // of one floor at shutdown
	// stopLimit bounds the whole end; what is not back then is abandoned.
	stopLimit = 4500 * time.Millisecond
	// flushWait is what results and uplink get at the end to say their last.
	flushWait = time.Second
)

// Start opens everything from the wires up. When it returns, outputs are safe, every
// reachable dome has been stopped three times, and orders are taken.
func (g *Gateway) Start(ctx context.Context) error {
	g.log.Info("gateway starts", "gateway", g.s().File.Gateway, "boot", g.boot)
	ctx = context.WithoutCancel(ctx) // the end comes by Stop, in order
	if err := g.pins.Open(ctx); err != nil {
		g.health.Raise("pin.chip_lost", "", err.Error())
		g.log.Error("not every GPIO line is open", "error", err)
	}
	start := func(floor int, name string, s supervise.Service) { g.tree.Start(ctx, floor, name, s) }
	start(floorWires, "pins", g.pins)
	for name, b := range g.buses {
		start(floorWires, "bus "+name, b)
	}
	start(floorStores, "journal", g.journal)
	start(floorStores, "ledger", g.ledger)
	start(floorStores, "conditions", g.health)
	for name, a := range g.amps {
		start(floorResults, "amplifier "+name, a)
	}
	if err := g.startWatchdog(ctx); err != nil {
		return err
	}
	if err := g.openDevices(ctx); err != nil {
		return err
	}
	g.buildDomes()
	start(floorDevices, "station", g.station)
	g.dir = command.NewDirectory(g.entries())
	g.settle(ctx)
	for id, d := range g.domes {
		start(floorDevices, "dome "+id, d)
	}
	start(floorDevices, "returning buses", supervise.Func(g.stopReturned))
	g.startDesk(ctx)
	for _, c := range g.cams {
		for _, at := range g.s().Claims[c.ID].Listens {
			hostport, _, _ := strings.Cut(at, "/")
			g.coming.expect(hostport)
		}
		c.unit = g.tree.Start(ctx, floorIntake, "camera "+c.ID, c.Camera)
	}
	g.coming.expect("local socket")
	g.startOutside(ctx)
	g.coming.wait(listenWait)
	return nil
}

// settle waits for the ports and brings every device to rest: what moved or spoke
// before this start, by whomever, does so no longer.
func (g *Gateway) settle(ctx context.Context) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	limit := time.Now().Add(portWait)
	for !g.portsSettled() && time.Now().Before(limit) {
		<-tick.C
	}
	ctx, cancel := context.WithTimeout(ctx, haltWait)
	defer cancel()
	g.station.HaltAll(ctx, g.station.IDs())
}

// portsSettled tells whether each bus has its port or has said that it has none.
func (g *Gateway) portsSettled() bool {
	for name, b := range g.buses {
		if !b.Stats().Open && !g.health.Raised("bus.port_lost", name) && !g.health.Raised("bus.locked", name) {
			return false
		}
	}
	return true
}

// stopReturned halts the domes of a bus whose port came back, unless somebody holds
// them by now: they may have turned all the time.
func (g *Gateway) stopReturned(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case name := <-g.rehalt:
			var ids []string
			for id, a := range g.domes {
				if g.s().Claims[id].Bus == name && a.State().Holder == "" {
					ids = append(ids, id)
				}
			}
			one, cancel := context.WithTimeout(ctx, haltWait)
			g.station.HaltAll(one, ids)
			cancel()
			g.log.Info("port came back, its domes were stopped", "bus", name, "domes", ids)
		}
	}
}

// startWatchdog feeds the service manager while the order desk, the stop path and
// every bus owner answer.
func (g *Gateway) startWatchdog(ctx context.Context) error {
	every, err := systemd.WatchdogEvery()
	if err != nil || every == 0 {
		return err
	}
	w := &supervise.Watch{
		Period: every / 3, Limit: time.Second,
		Pingers: func() map[string]supervise.Pinger {
			m := map[string]supervise.Pinger{}
			for name, b := range g.buses {
				m["bus "+name] = b
			}
			if g.deskUp.Load() {
				m["desk"] = g.desk
			}
			return m
		},
		Alive: func() {
			if err := systemd.Alive(); err != nil {
				g.log.Warn("watchdog not fed", "error", err)
			}
		},
		Late: func(name string, err error) { g.log.Error("no answer to a ping", "service", name, "error", err) },
	}
	g.tree.Start(ctx, floorResults, "watchdog", w)
	return nil
}

// Stop ends the gateway: no new orders, what is being said ends or is cut by the
// policy, every device halts while its wire is up, amplifiers last, results and the
// offline presence leave, then the wires close. It takes less than 5 s, beyond the
// wait that `shutdown: finish` asks for.
func (g *Gateway) Stop() error {
	g.log.Info("gateway stops")
	g.deskUp.Store(false)
	g.tree.StopAbove(floorStops, patience)
	g.finishSpeaking()
	limit := time.Now().Add(stopLimit)
	left := func() time.Duration { return max(min(time.Until(limit), patience), 50*time.Millisecond) }
	g.tree.StopAbove(floorDevices, left())
	g.cut(wire.ByShutdown())
	g.haltAll(min(left(), haltWait), g.station.IDs())
	g.tree.StopAbove(floorResults, left())
	ctx, cancel := context.WithTimeout(context.Background(), min(left(), haltWait))
	defer cancel()
	var amps []string
	for name := range g.amps {
		amps = append(amps, name)
	}
	supervise.Each(ctx, amps, func(ctx context.Context, name string) {
		if err := g.amps[name].Halt(ctx); err != nil {
			g.log.Error("amplifier not switched off", "amplifier", name, "error", err)
		}
	})
	g.tree.StopAbove(floorUplink, left())
	g.tree.StopAbove(floorStores, left())
	g.tree.StopAbove(floorWires, left())
	if err := g.pins.Safe(ctx); err != nil {
		g.log.Error("not every output is safe", "error", err)
	}
	g.tree.Stop(left())
	closing, done := context.WithTimeout(context.Background(), min(left(), flushWait))
	defer done()
	g.markBoot(bootClean)
	return errors.Join(g.journal.Close(closing), g.ledger.Shut(), g.pins.Close(), g.releaseState())
}

func (g *Gateway) haltAll(wait time.Duration, ids []string) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	g.station.HaltAll(ctx, ids)
}

// finishSpeaking lets announcements end by themselves where the policy says so.
func (g *Gateway) finishSpeaking() {
	if g.s().File.Shutdown.Mode != "finish" {
		return
	}
	limit := time.Now().Add(time.Duration(g.s().File.Shutdown.WaitS) * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(limit) && g.speaking() {
		<-tick.C
	}
}

func (g *Gateway) speaking() bool {
	for id, d := range g.s().File.Devices {
		if g.s().Catalog[d.Model].Kind == "speaker" && g.station.Busy(id) {
			return true
		}
	}
	return false
}

// cut ends every act with a cause; each reports its own terminal.
func (g *Gateway) cut(cause error) {
	for _, a := range g.domes {
		a.End(cause)
	}
	for _, id := range g.station.IDs() {
		g.station.Cut(id, cause, nil)
	}
}

// frames passes session frames to the dome whose session it is.
func (g *Gateway) frames(ctx context.Context) error {
	topics := wire.Topics{Root: g.s().File.Root}
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-g.uplink.Frames():
			t, err := topics.Parse(m.Topic)
			if err != nil {
				continue
			}
			for _, a := range g.domes {
				if a.Frame(ctx, t.Owner(), t.Leaf, m.Payload) {
					break
				}
			}
		}
	}
}
