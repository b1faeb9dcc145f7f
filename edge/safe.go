package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fuqiao/edged/edge/health"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

// safeTime bounds Safe, whatever is left undone then.
const safeTime = 1900 * time.Millisecond

// Safe brings everything that the configuration names to rest, without state, network
// or orders: outputs to their safe level, one stop to every dome first and then two
// more rounds (the buses serve urgent frames in turn), speakers silent. It is what
// runs after the daemon has ended, however it ended, and it ends within 2 s.
func Safe(ctx context.Context, s Setup) error {
	ctx, cancel := context.WithTimeout(ctx, safeTime)
	defer cancel()
	g := bare(s)
	defer g.tree.Stop(50 * time.Millisecond)
	var errs []error
	// Outputs first: requesting a line sets it to its safe level, and that takes microseconds.
	if err := g.pins.Open(ctx); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, g.pins.Safe(ctx))
	for name, b := range g.buses {
		g.tree.Start(ctx, floorWires, "bus "+name, b)
	}
	for id, d := range s.File.Devices {
		if _, judged := s.Claims[id]; !judged {
			errs = append(errs, fmt.Errorf("%s: its configuration is wrong, so it cannot be reached", id))
			continue
		}
		errs = append(errs, g.station.Add(ctx, id, g.opener(id, d)))
	}
	limit := time.Now().Add(safeTime / 3)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !g.portsSettled() && time.Now().Before(limit) {
		<-tick.C
	}
	failed := make(chan error, len(g.station.IDs()))
	supervise.Each(ctx, g.station.IDs(), func(ctx context.Context, id string) {
		if err := g.station.Halt(ctx, id); err != nil {
			failed <- fmt.Errorf("%s: %w", id, err)
		}
	})
	for len(failed) > 0 {
		errs = append(errs, <-failed)
	}
	if ctx.Err() != nil {
		errs = append(errs, fmt.Errorf("not done within %v: %w", safeTime, ctx.Err()))
	}
	err := errors.Join(append(errs, g.pins.Close())...)
	if err != nil {
		g.log.Error("not everything was brought to rest", "error", err)
	}
	return err
}

// bare is a gateway of wires and devices only.
func bare(s Setup) *Gateway {
	g := &Gateway{run: newRun(), began: time.Now(), rehalt: make(chan string, 16)}
	g.at.Store(&s)
	g.log = s.Log.With("run", g.run)
	g.tree = supervise.New(supervise.Options{Log: g.log})
	g.health = health.New(g.log, func(health.Change) {})
	g.buildWires()
	g.station = station.New(station.Options{Log: g.log, Tree: g.tree, Floor: floorDevices, Raise: g.health.Raise, Hung: wire.ByHang()})
	return g
}
