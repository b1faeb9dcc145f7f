package runs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// Kill is the loop of SIGKILLs.
func Kill() play.Run {
	return play.Run{
		Name: "kill", N: 100, About: "SIGKILL at any moment: no act twice, no acknowledged event lost, all at rest",
		Do: kill,
	}
}

const (
	// A life lasts between shortLife and longLife after it is ready.
	shortLife = 1500 * time.Millisecond
	longLife  = 4500 * time.Millisecond
	// perKill is how many orders there have to be for each kill; the life goes on until
	// they were sent.
	perKill = 15
	// settle is how long the last orders may take when all kills are done.
	settle = 45 * time.Second
)

// nemesis is one run of kills.
type nemesis struct {
	*street.Street
	still sync.RWMutex // held for writing while no dome may be moved

	mu    sync.Mutex
	sent  []*given // all orders
	shots map[string]bool
	// pictures are the hashes of those that came with shots.
	pictures []string
	errs     []error

	starts []time.Duration // from the start of the process to READY
}

func kill(ctx context.Context, e play.Env) (string, error) {
	s, err := street.New(ctx, street.Options{
		Edged: e.Edged, Dir: e.Dir, Domes: 2, Horns: 4, Seed: e.Seed, Tee: e.Tee,
		Speech: speech.Options{Faster: 20, Lead: 10 * time.Millisecond}, Restart: 100 * time.Millisecond,
	})
	if err != nil {
		return "nothing was done", err
	}
	n := &nemesis{Street: s, shots: map[string]bool{}}
	life, end := context.WithCancel(ctx)
	defer end()
	var all sync.WaitGroup
	for i, h := range s.Horns {
		all.Go(func() { n.stream(life, rand.New(rand.NewPCG(e.Seed, uint64(i))), n.announcements(h.ID)) })
	}
	all.Go(func() { n.stream(life, rand.New(rand.NewPCG(e.Seed, 100)), n.presets(s.Domes[0].ID)) })
	all.Go(func() { n.stream(life, rand.New(rand.NewPCG(e.Seed, 101)), n.moves(s.Domes[1].ID)) })
	all.Go(func() { n.camera(life) })
	random := rand.New(rand.NewPCG(e.Seed, 200))
	kills := 0
	for ; kills < e.N && ctx.Err() == nil; kills++ {
		if err := n.strike(ctx, random, (kills+1)*perKill); err != nil {
			n.fault(fmt.Errorf("kill %d: %w", kills+1, err))
			break
		}
		if (kills+1)%10 == 0 {
			_, _ = fmt.Fprintf(e.Out, "%d kills, %d orders\n", kills+1, n.count())
		}
	}
	end()
	all.Wait()
	last, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	n.finish(last)
	t, err := n.judge(kills)
	return t, errors.Join(append(n.errs, err, s.Close())...)
}

// fault notes what went wrong.
func (n *nemesis) fault(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.errs = append(n.errs, err)
}

// count is how many orders were sent.
func (n *nemesis) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.sent)
}

// strike lets the daemon live for a while and kills it; then -safe must have brought all
// to rest, and the next life must be ready soon.
func (n *nemesis) strike(ctx context.Context, random *rand.Rand, orders int) error {
	life := shortLife + time.Duration(random.Int64N(int64(longLife-shortLife)))
	if err := pause(ctx, life); err != nil {
		return err
	}
	for n.count() < orders {
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	n.still.Lock()
	defer n.still.Unlock()
	lives := len(n.Service.Lives())
	if err := n.Service.Kill9(); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := n.Service.WaitReady(limit, lives+1); err != nil {
		return err
	}
	all := n.Service.Lives()
	dead, born := all[lives-1], all[lives]
	n.starts = append(n.starts, born.Ready.Sub(born.Started))
	if dead.Safe.How != "exit 0" {
		return fmt.Errorf("-safe: %s", dead.Safe.How)
	}
	for _, h := range n.Horns {
		if n.levelAt(h.Relay, dead.Safe.Ended) {
			return fmt.Errorf("amplifier of %s is on after -safe", h.ID)
		}
	}
	for _, d := range n.Domes {
		if since, moving := d.MovingSince(); moving {
			return fmt.Errorf("%s has been moving for %v when the daemon is ready again", d.ID, time.Since(since))
		}
	}
	return nil
}

// levelAt is a pin's level at a time.
func (n *nemesis) levelAt(offset int, t time.Time) bool {
	level := false
	for _, e := range n.Pins.Edges() {
		if e.Offset == offset && !e.At.After(t) {
			level = e.Level
		}
	}
	return level
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
