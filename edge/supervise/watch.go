package supervise

import (
	"context"
	"time"
)

// Pinger answers within ctx when its owner's loop still turns.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Watch pings every Pinger each period and calls alive while all of them answer
// within limit. One that does not answer is told to late, and nothing is fed.
type Watch struct {
	// Period between two rounds, at most a third of the service manager's time.
	Period time.Duration
	// Limit is the time that one answer may take.
	Limit time.Duration
	// Pingers returns who must answer, by name.
	Pingers func() map[string]Pinger
	Alive   func()
	Late    func(name string, err error)
}

// Run does rounds until ctx ends.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(w.Period)
	defer tick.Stop()
	for {
		if w.round(ctx) {
			w.Alive()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// round asks all one after another: they are few, and each answers in
// microseconds unless something is wrong.
func (w *Watch) round(ctx context.Context) bool {
	good := true
	for name, p := range w.Pingers() {
		one, cancel := context.WithTimeout(ctx, w.Limit)
		err := p.Ping(one)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.Late(name, err)
			good = false
		}
	}
	return good && ctx.Err() == nil
}
