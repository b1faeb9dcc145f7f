package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/street"
)

// The bars of issue and README: what a box with 256 MiB and a small card can spare.
const (
	mostSize = 16 // MiB
	mostIdle = 24
	mostPeak = 40
	idleFor  = 30 * time.Second
)

// appends measures the journal beside a bare log.
func appends(ctx context.Context, e play.Env) ([]play.Row, error) {
	var rows []play.Row
	for _, writers := range []int{1, 64} {
		dir := filepath.Join(e.Dir, fmt.Sprint(writers))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return rows, err
		}
		ours, limit, err := appendRates(ctx, dir, writers, max(100/writers, 8))
		if err != nil {
			return rows, err
		}
		rows = append(rows, play.Beside(fmt.Sprintf("append-%d", writers), ours, limit, "records/s", "", true))
	}
	return rows, nil
}

// size builds the daemon for the box as `make cross` does.
func size(ctx context.Context, e play.Env) ([]play.Row, error) {
	out := filepath.Join(e.Dir, "edged-arm64")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, "fuqiao/edged/cmd/edged")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build for arm64 (run it in the source tree): %w\n%s", err, text)
	}
	info, err := os.Stat(out)
	if err != nil {
		return nil, err
	}
	return []play.Row{play.Most("size-edged-arm64", mib(info.Size()), mostSize, "MiB")}, nil
}

// rss lets the demo's street idle, and then plays the demo.
func rss(ctx context.Context, e play.Env, peak func(context.Context, play.Env) (int64, error)) ([]play.Row, error) {
	idle, err := idleSize(ctx, e)
	if err != nil {
		return nil, err
	}
	rows := []play.Row{play.Most("rss-idle", mib(idle), mostIdle, "MiB")}
	e.Dir = filepath.Join(e.Dir, "demo")
	if err := os.Mkdir(e.Dir, 0o700); err != nil {
		return rows, err
	}
	most, err := peak(ctx, e)
	if err != nil {
		return rows, err
	}
	return append(rows, play.Most("rss-peak", mib(most), mostPeak, "MiB")), nil
}

// idleSize is the daemon's resident size after 30 s in which nobody wanted anything.
func idleSize(ctx context.Context, e play.Env) (size int64, err error) {
	dir := filepath.Join(e.Dir, "idle")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, err
	}
	s, err := street.New(ctx, street.Options{Edged: e.Edged, Dir: dir, Domes: 1, Horns: 2, Seed: e.Seed, Tee: e.Tee})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := pause(ctx, idleFor); err != nil {
		return 0, err
	}
	size, _ = s.Service.RSS()
	if size == 0 {
		return 0, errors.New("the daemon is gone")
	}
	return size, nil
}
