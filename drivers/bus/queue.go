package bus

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"fuqiao/edged/drivers/fault"
)

const (
	// places bounds each of the two queues. Eight domes that stop three times need
	// 8 urgent places at once; what waits behind 64 frames at 9600 baud is stale.
	places = 64
	// leaseWindow is the most that is kept free of queries before a lease ends
	// (design.md, "The bus has at most one frame in the kernel").
	leaseWindow = 150 * time.Millisecond
	// leaseGrace holds a reservation beyond its end: the stop that the lease's end
	// causes is queued some microseconds after it and must find the wire free.
	leaseGrace = 50 * time.Millisecond
)

// queue holds what waits for the wire. Its lock is held for a few instructions and
// never over I/O.
type queue struct {
	wake chan struct{}

	mu             sync.Mutex
	refusal        error // the reason why nothing is taken, nil while it is
	urgent, normal []*request
	leases         map[string]lease
}

// lease is a reservation: no query is under way from `from` until it is over.
type lease struct{ from, over time.Time }

func newQueue() *queue {
	return &queue{wake: make(chan struct{}, 1), leases: map[string]lease{}}
}

// nudge wakes the owner; one pending nudge is enough, it looks at everything.
func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push queues r, or says why not: fault.Full, or the refusal.
func (q *queue) push(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refusal != nil {
		return q.refusal
	}
	lane := q.lane(r)
	if len(*lane) >= places {
		return fmt.Errorf("%d frames wait already: %w", places, fault.Full)
	}
	*lane = append(*lane, r)
	q.nudge()
	return nil
}

func (q *queue) lane(r *request) *[]*request {
	if r.urgent {
		return &q.urgent
	}
	return &q.normal
}

// remove takes r back and tells whether it was still waiting: if so it never
// reaches the wire, and its place is free at once.
func (q *queue) remove(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	lane := q.lane(r)
	i := slices.Index(*lane, r)
	if i < 0 {
		return false
	}
	*lane = slices.Delete(*lane, i, i+1)
	return true
}

// hurried tells whether an urgent frame waits.
func (q *queue) hurried() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.urgent) > 0
}

// next takes the frame out that may start now. Where none may, it returns the time
// at which to look again, zero if nothing waits. free says when the wire is free
// for a frame, span how long a frame holds the wire at most.
//
// While an urgent frame waits no other is started. A query that a lease holds back
// lets other devices' frames pass, and none of its own.
func (q *queue) next(now time.Time, free func(*request) time.Time, span func(*request) time.Duration) (*request, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.urgent) > 0 {
		return take1(&q.urgent, 0, now, free(q.urgent[0]))
	}
	var again time.Time
	var held []string
	for i, r := range q.normal {
		if slices.Contains(held, r.device) {
			continue
		}
		start := free(r)
		if r.want != nil {
			if over := q.blocked(later(now, start), span(r), now); !over.IsZero() {
				held = append(held, r.device)
				again = earlier(again, over)
				continue
			}
		}
		got, at := take1(&q.normal, i, now, start)
		return got, earlier(again, at)
	}
	return nil, again
}

// take1 removes and returns lane[i] if its time has come, else its time.
func take1(lane *[]*request, i int, now, start time.Time) (*request, time.Time) {
	if start.After(now) {
		return nil, start
	}
	r := (*lane)[i]
	*lane = slices.Delete(*lane, i, i+1)
	return r, time.Time{}
}

// blocked returns when the last of the leases is over that a query from start on
// for span would run into; zero if it is in nobody's way.
func (q *queue) blocked(start time.Time, span time.Duration, now time.Time) time.Time {
	var until time.Time
	for device, l := range q.leases {
		switch {
		case now.After(l.over):
			delete(q.leases, device) // its owner never released it
		case start.Add(span).After(l.from) && start.Before(l.over):
			until = later(until, l.over)
		}
	}
	return until
}

func (q *queue) reserve(device string, at time.Time, window time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leases[device] = lease{from: at.Add(-window), over: at.Add(leaseGrace)}
	q.nudge()
}

func (q *queue) release(device string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.leases, device)
	q.nudge()
}

// refuse ends all that waits with err and, from now on, all that comes; nil opens
// the queue again.
func (q *queue) refuse(err error) {
	q.mu.Lock()
	var all []*request
	q.refusal = err
	if err != nil {
		all = append(q.urgent, q.normal...)
		q.urgent, q.normal = nil, nil
	}
	q.mu.Unlock()
	for _, r := range all {
		r.end(nil, err)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier of two times, where zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
