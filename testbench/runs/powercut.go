package runs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/powercut"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// PowerCut is the loop of power cuts.
func PowerCut() play.Run {
	return play.Run{
		Name: "powercut", N: 200, About: "the power goes at any moment: nothing acknowledged is lost, no act twice, no phantom (needs root)",
		Do: powerCut,
	}
}

const (
	shortPower = 300 * time.Millisecond
	longPower  = 1200 * time.Millisecond
	// everyTorn: of so many cuts one is by the file system's own shutdown, the others tear
	// and reorder; everySecond: so often the power goes again while the daemon starts.
	everyTorn, everySecond = 4, 5
	// perCut is how many orders there have to be for each cut: those that it meets under
	// way are unknown, and the others are to be done.
	perCut = 40
	// lying is the part of the rounds after all others in which the medium drops flushes.
	lying = 10
	// cutBudget is the journal's, in MiB: the file system below it is small.
	cutBudget = 16
)

func powerCut(ctx context.Context, e play.Env) (string, error) {
	disk, err := powercut.New(filepath.Join(e.Dir, "state"), filepath.Join(e.Dir, "medium"), e.Seed)
	if err == nil { // whether this machine lets us
		err = errors.Join(disk.Mount(true, 0), disk.Unmount())
	}
	if err != nil {
		err = &play.Unable{Why: err}
		if disk != nil {
			err = errors.Join(err, disk.Close())
		}
		return "nothing was done", err
	}
	text, err := cutAll(ctx, e, disk)
	return text, errors.Join(err, disk.Close())
}

func cutAll(ctx context.Context, e play.Env, disk *powercut.Disk) (string, error) {
	if err := disk.Mount(false, 0); err != nil {
		return "nothing was done", err
	}
	s, err := street.New(ctx, street.Options{
		Edged: e.Edged, Dir: e.Dir, Domes: 2, Horns: 4, Seed: e.Seed, Tee: e.Tee, Cold: true,
		Speech: speech.Options{Faster: 20, Lead: 10 * time.Millisecond}, Restart: -1,
		Change: func(c string) string {
			return strings.Replace(c, "state:\n", fmt.Sprintf("state:\n  journal: {budget_mib: %d}\n", cutBudget), 1)
		},
	})
	if err != nil {
		return "nothing was done", err
	}
	if err := errors.Join(disk.Unmount(), disk.Mount(true, 0)); err != nil { // what was provisioned is on the medium
		return "nothing was done", errors.Join(err, s.Close())
	}
	if err := s.Start(ctx); err != nil {
		return "nothing was done", errors.Join(err, s.Close())
	}
	n := &nemesis{Street: s, shots: map[string]bool{}}
	life, end := context.WithCancel(ctx)
	defer end()
	var all sync.WaitGroup
	for i, h := range s.Horns {
		all.Go(func() { n.stream(life, rand.New(rand.NewPCG(e.Seed, uint64(i))), n.announcements(h.ID)) })
	}
	all.Go(func() { n.stream(life, rand.New(rand.NewPCG(e.Seed, 100)), n.presets(s.Domes[0].ID)) })
	all.Go(func() { n.camera(life) })
	random := rand.New(rand.NewPCG(e.Seed, 200))
	cuts := 0
	for ; cuts < e.N && ctx.Err() == nil; cuts++ {
		if err := n.cut(ctx, disk, random, cuts); err != nil {
			n.fault(fmt.Errorf("cut %d: %w", cuts+1, err))
			break
		}
		if (cuts+1)%20 == 0 {
			_, _ = fmt.Fprintf(e.Out, "%d cuts, %d orders\n", cuts+1, n.count())
		}
	}
	end()
	all.Wait()
	last, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	n.finish(last)
	text, err := n.judge(cuts)
	err = errors.Join(append(n.errs, err)...)
	if err == nil {
		var more string
		more, err = n.liars(ctx, disk, random, max(e.N/lying, 1))
		text += "; " + more
	}
	c := disk.Seen()
	text = fmt.Sprintf("%s; the media saw %d writes and %d flushes", strings.Replace(text, "kills", "cuts", 1), c.Writes, c.Flushes)
	return text, errors.Join(err, s.Close())
}

// cut lets the daemon live for a while and takes the power away; then it starts on what
// the medium kept, sometimes to lose its power again at once.
func (n *nemesis) cut(ctx context.Context, disk *powercut.Disk, random *rand.Rand, i int) error {
	if err := pause(ctx, shortPower+time.Duration(random.Int64N(int64(longPower-shortPower)))); err != nil {
		return err
	}
	for limit := time.Now().Add(settle); n.count() < (i+1)*perCut; {
		if time.Now().After(limit) {
			return fmt.Errorf("only %d orders in %v", n.count(), settle)
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	if err := n.dark(disk); err != nil {
		return err
	}
	torn := (i+1)%everyTorn != 0
	if (i+1)%everySecond == 0 {
		if err := n.secondCut(ctx, disk, torn, time.Duration(random.Int64N(int64(150*time.Millisecond)))); err != nil {
			return err
		}
	}
	return n.light(ctx, disk, torn, 0)
}

// dark takes the power away: of the disk first, so that the daemon cannot say goodbye.
func (n *nemesis) dark(disk *powercut.Disk) error {
	if err := disk.Cut(); err != nil {
		return err
	}
	n.Service.Kill()
	return disk.Off()
}

// light gives it back; the daemon must be ready in its usual time.
func (n *nemesis) light(ctx context.Context, disk *powercut.Disk, torn bool, lies float64) error {
	if err := disk.Mount(torn, lies); err != nil {
		return err
	}
	if err := n.StartOffline(ctx); err != nil { // its manager has a limit of its own
		return err
	}
	born := n.Service.Lives()[0]
	n.starts = append(n.starts, born.Ready.Sub(born.Started))
	return nil
}

// secondCut starts the daemon and takes its power away after a moment, ready or not.
func (n *nemesis) secondCut(ctx context.Context, disk *powercut.Disk, torn bool, after time.Duration) error {
	if err := disk.Mount(torn, 0); err != nil {
		return err
	}
	start, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.StartOffline(start) // the cut is meant to come first
	}()
	err := pause(ctx, after)
	err = errors.Join(err, disk.Cut())
	stop()
	<-ended
	if n.Service != nil {
		n.Service.Kill()
	}
	return errors.Join(err, disk.Off())
}

// liars are cuts of a medium that drops half of its flushes. Nobody can promise anything
// then, but what is missing must be told: every number up to the end of a run has come or
// is in a gap record, and no number has two contents.
func (n *nemesis) liars(ctx context.Context, disk *powercut.Disk, random *rand.Rand, cuts int) (string, error) {
	lost := 0
	for i := range cuts {
		if mounted := n.Service != nil; i == 0 && mounted {
			if err := disk.Unmount(); err != nil {
				return "", err
			}
		}
		if err := n.light(ctx, disk, true, 0.5); err != nil {
			return "", fmt.Errorf("a lying medium: %w", err)
		}
		promised := n.promise(ctx, i, random)
		if err := n.dark(disk); err != nil {
			return "", err
		}
		if err := n.light(ctx, disk, true, 0); err != nil {
			return "", fmt.Errorf("after a lying medium: %w", err)
		}
		limit, cancel := context.WithTimeout(ctx, settle)
		err := n.Online(limit)
		for err == nil && len(n.missing()) > 0 {
			err = pause(limit, 20*time.Millisecond)
		}
		cancel()
		if err != nil {
			return "", fmt.Errorf("after a lying medium: %w: not told: %s", err, strings.Join(n.missing(), ", "))
		}
		lost += n.notCome(promised)
		if _, err := n.Service.Stop(ctx); err != nil {
			return "", err
		}
		if err := disk.Unmount(); err != nil {
			return "", err
		}
	}
	for _, r := range n.Platform.Account() {
		if r.Different > 0 {
			return "", fmt.Errorf("after lying media: %d numbers of %s with two contents", r.Different, r.Class)
		}
	}
	return fmt.Sprintf("%d cuts of a lying medium: %d events lost, all told", cuts, lost), nil
}

// promise posts events for a moment and returns those that were answered 202.
func (n *nemesis) promise(ctx context.Context, round int, random *rand.Rand) (ids []string) {
	for i := range 10 + random.IntN(40) {
		id := fmt.Sprintf("lie-%d-%d", round, i)
		if code, err := n.Camera.Event(ctx, id, "motion"); err == nil && code == 202 {
			ids = append(ids, id)
		}
	}
	return ids
}

// notCome counts events that have not arrived.
func (n *nemesis) notCome(ids []string) (missing int) {
	came := n.arrived()
	for _, id := range ids {
		if !slices.Contains(came, id) {
			missing++
		}
	}
	return missing
}
