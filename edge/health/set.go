package health

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Active is a condition that is raised on one subject (a device, a bus, a pin, or
// "" for the box).
type Active struct {
	Condition
	Subject string
	Detail  string
	// Since is how long ago it was raised, by the monotonic clock.
	Since time.Duration
}

// Change is told when a condition becomes visible or is gone.
type Change struct {
	Active
	Raised bool
}

// Set holds the conditions of one life of the gateway.
type Set struct {
	log     *slog.Logger
	changed func(Change)
	known   map[string]Condition
	wake    chan struct{}

	mu    sync.Mutex
	items map[key]*item
}

type key struct{ code, subject string }

// item is one cause. want is what the last caller said, since when; shown is what
// the world has been told.
type item struct {
	c        Condition
	detail   string
	want     bool
	wantFrom time.Time
	shown    bool
	shownAt  time.Time
	pulse    bool // clears by itself once it has been shown
}

// New makes an empty set. changed is called from Run for each visible change; it
// may write to disk.
func New(log *slog.Logger, changed func(Change)) *Set {
	s := &Set{log: log, changed: changed, known: map[string]Condition{}, wake: make(chan struct{}, 1), items: map[key]*item{}}
	for _, c := range Catalogue() {
		s.known[c.Code] = c
	}
	return s
}

// Raise says that code holds for subject. Raising again only renews the detail. A
// code that is not in the catalogue is a mistake of the program: it is logged as
// such and treated as a warning, for a wrong alarm is better than a lost one.
func (s *Set) Raise(code, subject, detail string) { s.set(code, subject, detail, true, false) }

// Pulse says that code happened just now: it is shown, and clears by itself after
// its damping time if it does not happen again.
func (s *Set) Pulse(code, subject, detail string) { s.set(code, subject, detail, true, true) }

// Clear says that code no longer holds for subject.
func (s *Set) Clear(code, subject string) { s.set(code, subject, "", false, false) }

func (s *Set) set(code, subject, detail string, want, pulse bool) {
	s.mu.Lock()
	k := key{code, subject}
	it := s.items[k]
	if it == nil {
		if !want {
			s.mu.Unlock()
			return
		}
		c, ok := s.known[code]
		if !ok {
			s.log.Error("condition not in the catalogue", "code", code, "subject", subject)
			c = Condition{Code: code, Severity: Warning, Text: code}
		}
		it = &item{c: c}
		s.items[k] = it
	}
	if want {
		it.detail, it.pulse = detail, pulse
	}
	if it.want != want || want && !it.shown && it.wantFrom.IsZero() {
		it.want, it.wantFrom = want, time.Now()
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run shows and hides conditions when their damping is over.
func (s *Set) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := s.settle()
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// settle tells all that is due and returns the time until the next is.
func (s *Set) settle() time.Duration {
	now := time.Now()
	next := time.Hour
	var due []Change
	s.mu.Lock()
	for k, it := range s.items {
		if it.want && it.shown && it.pulse {
			it.want, it.wantFrom = false, now
		}
		if it.want == it.shown {
			if !it.want {
				delete(s.items, k)
			}
			continue
		}
		hold := it.c.RaiseAfter
		if !it.want {
			hold = it.c.ClearAfter
		}
		if left := hold - now.Sub(it.wantFrom); left > 0 {
			next = min(next, left)
			continue
		}
		it.shown = it.want
		if it.shown {
			it.shownAt = now
		}
		if it.shown && it.pulse { // it has happened; from here on it is passing
			it.want, it.wantFrom = false, now
			next = min(next, it.c.ClearAfter)
		}
		due = append(due, Change{Raised: it.shown, Active: Active{Condition: it.c, Subject: k.subject, Detail: it.detail, Since: now.Sub(it.shownAt)}})
		if !it.shown {
			delete(s.items, k)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(due, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	for _, c := range due {
		if c.Raised {
			s.log.Warn("condition raised", "code", c.Code, "subject", c.Subject, "detail", c.Detail)
		} else {
			s.log.Info("condition cleared", "code", c.Code, "subject", c.Subject)
		}
		s.changed(c)
	}
	return next
}

// Active lists what is visible now, by severity, code and subject.
func (s *Set) Active() []Active {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Active
	for k, it := range s.items {
		if it.shown {
			out = append(out, Active{Condition: it.c, Subject: k.subject, Detail: it.detail, Since: now.Sub(it.shownAt)})
		}
	}
	slices.SortFunc(out, func(a, b Active) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Subject, b.Subject))
	})
	return out
}

// Raised tells whether somebody says that code holds for subject, shown or not yet.
func (s *Set) Raised(code, subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.items[key{code, subject}]
	return it != nil && it.want
}
