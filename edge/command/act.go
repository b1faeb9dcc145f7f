package command

import (
	"sync"
	"time"

	"fuqiao/edged/edge/wire"
)

// act is one order on one device, from its acceptance to its terminal.
type act struct {
	d      *Desk
	o      *wire.Order
	device string
	// once acts have an entry in the ledger that the terminal closes.
	once       bool
	unledgered bool

	mu    sync.Mutex
	ended bool
	last  wire.Status
}

// Step publishes a state before the terminal if the platform is connected; it is
// never kept. A state is told once, and nothing waits for that.
func (a *act) Step(s wire.Status) {
	a.mu.Lock()
	if a.ended || a.last == s {
		a.mu.Unlock()
		return
	}
	a.last = s
	a.mu.Unlock()
	r := a.result(wire.Outcome{Status: s})
	a.d.note(func() {
		a.mu.Lock()
		ended := a.ended
		a.mu.Unlock()
		if !ended { // a state must not come behind its terminal
			a.d.c.Publish(r)
		}
	})
}

// End is the act's terminal: the first one counts, whoever else comes later (a
// driver that was given up, say) is not heard.
func (a *act) End(out wire.Outcome) {
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		return
	}
	a.ended = true
	a.mu.Unlock()
	a.d.finish(a, out)
	a.d.note(func() {
		a.d.log(a.o, a.device).Info("order ended", "status", out.Status, "reason", out.Reason, "evidence", out.Evidence, "detail", out.Detail)
	})
}

// result fills in identity and time.
func (a *act) result(out wire.Outcome) wire.Result {
	now := a.d.c.Clock.Now()
	r := wire.Result{
		Order: a.o.ID, Kid: a.o.Kid, Device: a.device, Seq: a.o.Seq, Run: a.d.c.Run, Act: a.o.Act(), Action: a.o.Action,
		Status: out.Status, Reason: out.Reason, Detail: out.Detail,
		MonoMS: time.Since(a.d.c.Began).Milliseconds(), Clock: string(now.Quality),
		Correlation: a.o.Correlation, Unledgered: a.unledgered, DryRun: a.o.DryRun,
		Said: out.Said, Planned: out.Planned, Lost: out.Lost, Session: out.Session,
	}
	if out.Evidence != "none" {
		r.Evidence = out.Evidence
	}
	if now.Known() {
		r.Time = now.Time.UTC().Truncate(time.Millisecond)
	}
	return r
}
