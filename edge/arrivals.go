package edge

import (
	"sync"
	"time"
)

// arrivals are what the gateway waits for before it says that it is ready: that each
// listener is there, or has said that it cannot be.
type arrivals struct {
	mu   sync.Mutex
	want map[string]bool
	all  chan struct{} // closed when nothing is missing any more; nil while nobody waits
}

// expect adds something that has to come.
func (a *arrivals) expect(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.want == nil {
		a.want = map[string]bool{}
	}
	a.want[what] = true
}

// came takes it off the list; it may come often.
func (a *arrivals) came(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.want, what)
	if len(a.want) == 0 && a.all != nil {
		close(a.all)
		a.all = nil
	}
}

// wait waits until everything has come, for at most d.
func (a *arrivals) wait(d time.Duration) {
	a.mu.Lock()
	if len(a.want) == 0 {
		a.mu.Unlock()
		return
	}
	all := make(chan struct{})
	a.all = all
	a.mu.Unlock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-all:
	case <-timer.C:
	}
}
