package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/street"
)

// Idle is a box with nothing to do.
func Idle() play.Run {
	return play.Run{
		Name: "idle", N: 600, About: "for so many seconds nothing happens: at most two syncs of any kind reach the card",
		Do: idle,
	}
}

const (
	// idleMost is how many syncs 10 idle minutes may cost (promises row 8).
	idleMost = 2
	// idleAfter is when a box has nothing left to do after its last event.
	idleAfter = 8 * time.Second
)

func idle(ctx context.Context, e play.Env) (string, error) {
	syncs := &kernel.Syncs{}
	s, err := street.New(ctx, street.Options{Edged: e.Edged, Dir: e.Dir, Seed: e.Seed, Tee: e.Tee, TelemetryS: 300, Hooks: []kernel.Hook{syncs}})
	if err != nil {
		return "nothing was done", err
	}
	text, err := watchIdle(ctx, s, syncs, time.Duration(e.N)*time.Second)
	return text, errors.Join(err, s.Close())
}

func watchIdle(ctx context.Context, s *street.Street, syncs *kernel.Syncs, wait time.Duration) (string, error) {
	if code, err := s.Camera.Event(ctx, "last", "motion"); err != nil || code != 202 {
		return "", fmt.Errorf("the camera was told %d: %w", code, errors.Join(err, ctx.Err()))
	}
	if syncs.Count() == 0 {
		return "", errors.New("an event was promised without a sync")
	}
	if err := pause(ctx, idleAfter); err != nil {
		return "", err
	}
	before := syncs.Count()
	if err := pause(ctx, wait); err != nil {
		return "", err
	}
	n := syncs.Count() - before
	text := fmt.Sprintf("%d syncs in %v of idleness, %d before it", n, wait, before)
	if n > idleMost {
		return text, fmt.Errorf("%d syncs while nothing happened, %d are allowed:\n%s", n, idleMost, strings.Join(syncs.What(before), "\n"))
	}
	return text, nil
}
