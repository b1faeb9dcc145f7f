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
// abandoned).
func (d *Daemon) Run(ctx context.Context) error {
	setup, boot := d.Setup, ""
	for {
		next, err := d.one(ctx, setup, boot)
		if err != nil || next == nil {
			return err
		}
		setup, boot = *next, "reload"
	}
}

// one runs a gateway until ctx ends (nil, nil), it fails, or a good new
// configuration has come.
func (d *Daemon) one(ctx context.Context, setup Setup, boot string) (*Setup, error) {
	g, err := New(ctx, setup, boot)
	if err != nil {
		return nil, err
	}
	if err := g.Start(ctx); err != nil {
		return nil, errors.Join(err, g.Stop())
	}
	if err := systemd.Ready(); err != nil {
		setup.Log.Warn("service manager not told", "error", err)
	}
	for {
		select {
		case <-ctx.Done():
			if err := systemd.Stopping(); err != nil {
				setup.Log.Warn("service manager not told", "error", err)
			}
			return nil, g.Stop()
		case <-g.tree.Failed():
			return nil, errors.Join(fmt.Errorf("%d goroutines were abandoned", g.tree.Abandoned()), g.Stop())
		case <-d.Hangup:
			next, good := d.Reload()
			if !good {
				g.health.Raise("config.refused", "", "see the log for file and line")
				setup.Log.Error("configuration refused, the running one goes on")
				if err := systemd.Ready(); err != nil {
					setup.Log.Warn("service manager not told", "error", err)
				}
				continue
			}
			setup.Log.Info("configuration changed, starting anew with it")
			return &next, g.Stop()
		}
	}
}
