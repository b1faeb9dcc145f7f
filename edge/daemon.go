package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/systemd"
)

// Setup is a judged configuration and what it is to be run with.
type Setup struct {
	File    *config.File
	Claims  map[string]drivers.Claims
	Catalog drivers.Catalog
	Version string
	// Built is when this program was built, zero where the build does not say.
	Built time.Time
	// Hash is the SHA-256 of the file in hex.
	Hash string
	Log  *slog.Logger
}

// Daemon runs gateways one after another: a new one for each good configuration.
type Daemon struct {
	Setup Setup
	// Reload reads the file again; false: it is bad, and has been reported.
	Reload func() (Setup, bool)
	// Hangup asks for a reload.
	Hangup <-chan os.Signal
}

// Run returns when ctx ends and everything is at rest, or with an error when the
// gateway cannot go on (another daemon holds the state directory, goroutines were
// abandoned). A new configuration that was judged good and still cannot be started gives
// way to the one before it.
func (d *Daemon) Run(ctx context.Context) error {
	l := life{setup: d.Setup}
	for {
		next, started, err := d.one(ctx, &l)
		switch {
		case err != nil && !started && l.before != nil && ctx.Err() == nil:
			l.setup.Log.Error("configuration cannot be started, going back to the one before it", "error", err)
			l = life{setup: *l.before, boot: "reload", refused: err.Error()}
		case err != nil || next == nil:
			return err
		default:
			ran := l.setup
			l = life{setup: *next, boot: "reload", before: &ran}
		}
	}
}

// life is what one gateway begins with.
type life struct {
	setup Setup
	// boot is why it begins; empty: it finds out.
	boot string
	// before ran until now, nil at the first start; refused is why what came after it
	// does not run.
	before  *Setup
	refused string
}

// one runs a gateway until ctx ends (nil, true, nil), it fails, or a good new
// configuration has come that needs a new one. started tells that the gateway ran.
func (d *Daemon) one(ctx context.Context, l *life) (next *Setup, started bool, err error) {
	setup := l.setup
	g, err := New(ctx, setup, l.boot)
	if err != nil {
		return nil, false, err
	}
	if err := g.Start(ctx); err != nil {
		return nil, false, errors.Join(err, g.Stop())
	}
	refuse := func(why string) { g.health.Raise("config.refused", "", why) }
	if l.refused != "" {
		refuse(l.refused)
	}
	if err := systemd.Ready(); err != nil {
		g.log.Warn("service manager not told", "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			if err := systemd.Stopping(); err != nil {
				g.log.Warn("service manager not told", "error", err)
			}
			return nil, true, g.Stop()
		case <-g.tree.Failed():
			return nil, true, errors.Join(fmt.Errorf("%d goroutines were abandoned", g.tree.Abandoned()), g.Stop())
		case <-d.Hangup:
			next, good := d.Reload()
			if !good {
				refuse("see the log for file and line")
				g.log.Error("configuration refused, the running one goes on")
				if err := systemd.Ready(); err != nil {
					g.log.Warn("service manager not told", "error", err)
				}
				continue
			}
			if !g.Apply(ctx, next) {
				g.log.Info("configuration changed, starting anew with it")
				return &next, true, g.Stop()
			}
			l.setup = next
			if err := systemd.Ready(); err != nil {
				g.log.Warn("service manager not told", "error", err)
			}
		}
	}
}
