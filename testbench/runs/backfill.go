package runs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/street"
)

// Backfill is an hour of backlog over a mobile link.
func Backfill() play.Run {
	return play.Run{
		Name: "backfill", N: 360, About: "events with pictures drain over a 4G-like link: live alarms pass them within a second",
		Do: backfill,
	}
}

const (
	// The link: 20 Mbit/s down, 1 Mbit/s up, 60 ms there and back, 1 % of segments lost.
	linkDown = 20e6 / 8
	linkUp   = 1e6 / 8
	linkWay  = 30 * time.Millisecond
	linkLoss = 0.01

	pictureBytes = 40 << 10
	alarmEvery   = 500 * time.Millisecond
	alarmMost    = time.Second
	// leastUse is how much of what the link can carry the backlog has to use.
	leastUse = 0.5
)

// backfill keeps e.N events with a picture each on the box while the link is cut, then lets
// it be a bad one, and posts alarms while the backlog drains.
func backfill(ctx context.Context, e play.Env) (string, error) {
	s, err := street.New(ctx, street.Options{Edged: e.Edged, Dir: e.Dir, Seed: e.Seed, Tee: e.Tee})
	if err != nil {
		return "nothing was done", err
	}
	t, err := drainBacklog(ctx, s, e)
	return t, errors.Join(err, s.Close())
}

func drainBacklog(ctx context.Context, s *street.Street, e play.Env) (string, error) {
	if err := s.Link.Set(proxy.Cut); err != nil {
		return "", err
	}
	dice := rand.NewChaCha8([32]byte{byte(e.Seed)})
	for i := range e.N {
		picture := make([]byte, pictureBytes)
		_, _ = dice.Read(picture) // never fails
		if code, err := s.Camera.EventWith(ctx, fmt.Sprintf("late-%d", i), "motion", false, picture); err != nil || code != 202 {
			return "", fmt.Errorf("event %d: the camera was told %d: %w", i, code, errors.Join(err, ctx.Err()))
		}
	}
	s.Link.Become(proxy.Link{Up: linkUp, Down: linkDown, Delay: linkWay, Loss: linkLoss, Seed: e.Seed})
	if err := s.Link.Set(proxy.Pass); err != nil {
		return "", err
	}
	if err := s.Online(ctx); err != nil {
		return "", err
	}
	began, before := time.Now(), s.Link.Stats().Up
	posted := map[string]time.Time{}
	for pictures(s) < e.N {
		id := fmt.Sprintf("live-%d", len(posted))
		posted[id] = time.Now()
		if code, err := s.Camera.EventWith(ctx, id, "fire", true); err != nil || code != 202 {
			return "", fmt.Errorf("alarm %s: the camera was told %d: %w", id, code, errors.Join(err, ctx.Err()))
		}
		if err := pause(ctx, alarmEvery); err != nil {
			return "", err
		}
		if took := time.Since(began); took > time.Duration(e.N*pictureBytes/linkUp)*10*time.Second+time.Minute {
			return "", fmt.Errorf("%d of %d pictures after %v", pictures(s), e.N, took)
		}
	}
	took := time.Since(began)
	use := float64(s.Link.Stats().Up-before) / linkUp / took.Seconds()
	delays, late := alarmDelays(s, posted)
	if err := pause(ctx, 2*time.Second); err != nil { // the last acknowledgements
		return "", err
	}
	slices.Sort(delays)
	if len(delays) == 0 {
		return "", errors.New("no alarm arrived while the backlog drained")
	}
	at := func(q float64) time.Duration { return delays[min(int(q*float64(len(delays))), len(delays)-1)] }
	text := fmt.Sprintf("%d events with %d KiB drained in %.0f s, %.0f %% of the link used; %d alarms meanwhile: p50 %v, p99 %v, slowest %v",
		e.N, pictureBytes>>10, took.Seconds(), 100*use, len(delays), at(0.5).Round(time.Millisecond), at(0.99).Round(time.Millisecond), delays[len(delays)-1].Round(time.Millisecond))
	var errs []error
	if at(0.99) > alarmMost {
		errs = append(errs, fmt.Errorf("p99 of a live alarm is %v, %v are allowed", at(0.99), alarmMost))
	}
	if use < leastUse {
		errs = append(errs, fmt.Errorf("the backlog used %.0f %% of the link", 100*use))
	}
	if len(late) > e.N/100 {
		errs = append(errs, fmt.Errorf("%d alarms had not arrived when the backlog had", len(late)))
	}
	for _, r := range s.Platform.Account() {
		if len(r.Lost) > 0 || r.Different > 0 {
			errs = append(errs, fmt.Errorf("books of %s: %d lost, %d different", r.Class, len(r.Lost), r.Different))
		}
	}
	return text, errors.Join(errs...)
}

// pictures counts those that are at the platform whole.
func pictures(s *street.Street) (n int) {
	s.Platform.Look(func(b *platform.Books) {
		for _, f := range b.Files {
			if f.Whole() != nil {
				n++
			}
		}
	})
	return n
}

// alarmDelays are the times from a camera's post to the platform, and the alarms that have
// not come.
func alarmDelays(s *street.Street, posted map[string]time.Time) (delays []time.Duration, late []string) {
	came := map[string]time.Time{}
	s.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Type != wire.TypeCamera || e.Again {
				continue
			}
			if _, rest, ok := strings.Cut(string(e.What.Data), `"id":"live-`); ok {
				id, _, _ := strings.Cut(rest, `"`)
				came["live-"+id] = e.At
			}
		}
	})
	for id, at := range posted {
		if when, ok := came[id]; ok {
			delays = append(delays, when.Sub(at))
		} else {
			late = append(late, id)
		}
	}
	return delays, late
}
