package uplink

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// notices collects conditions.
type notices struct {
	mu     sync.Mutex
	raised map[string]string
}

func (n *notices) note(code, detail string, raised bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.raised == nil {
		n.raised = map[string]string{}
	}
	if raised {
		n.raised[code] = detail
	} else {
		delete(n.raised, code)
	}
}

func (n *notices) get(code string) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, ok := n.raised[code]
	return d, ok
}

// all are the conditions that are raised.
func (n *notices) all() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.raised)
}

// shelf is a journal in RAM with the rules that the pump relies on.
type shelf struct {
	mu    sync.Mutex
	run   wire.Run
	recs  map[journal.Class][]journal.Record
	acked map[journal.ID]int
	born  map[journal.ID]time.Duration // a count that rises
	grown chan struct{}
	fail  error
}

func newShelf(run wire.Run) *shelf {
	return &shelf{run: run, recs: map[journal.Class][]journal.Record{}, acked: map[journal.ID]int{}, born: map[journal.ID]time.Duration{}, grown: make(chan struct{}, 1)}
}

// add appends a record of any run.
func (j *shelf) add(run wire.Run, c journal.Class, data string) journal.ID {
	j.mu.Lock()
	defer j.mu.Unlock()
	seq := journal.Seq(1)
	for _, r := range j.recs[c] {
		if r.ID.Run == run {
			seq = r.ID.Seq + 1
		}
	}
	id := journal.ID{Run: run, Class: c, Seq: seq}
	j.recs[c] = append(j.recs[c], journal.Record{ID: id, Data: []byte(data)})
	j.born[id] = time.Duration(len(j.born)) * time.Second
	select {
	case j.grown <- struct{}{}:
	default:
	}
	return id
}

func (j *shelf) Next(c journal.Class, after journal.ID, most, maxBytes int) ([]journal.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fail != nil {
		return nil, j.fail
	}
	var out []journal.Record
	past := after.Seq == 0 && after.Run == ""
	if after.Run == j.run && after.Seq == 0 { // before the first of this run
		for _, r := range j.recs[c] {
			if r.ID.Run == j.run && j.acked[r.ID] == 0 && len(out) < most {
				out = append(out, r)
			}
		}
		return out, nil
	}
	for _, r := range j.recs[c] {
		if past && j.acked[r.ID] == 0 && len(out) < most && (len(out) == 0 || maxBytes >= len(r.Data)) {
			out = append(out, r)
			maxBytes -= len(r.Data)
		}
		past = past || r.ID == after
	}
	return out, nil
}

// Stats count as the journal does; the age is that of the oldest record that is left.
func (j *shelf) Stats() journal.Stats {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := journal.Stats{Classes: map[journal.Class]journal.ClassStats{}}
	for c, list := range j.recs {
		one := journal.ClassStats{Next: 1}
		for _, r := range list {
			if r.ID.Run == j.run {
				one.Next = r.ID.Seq + 1
			}
			if j.acked[r.ID] == 0 && one.Oldest == 0 {
				one.Oldest = time.Hour - j.born[r.ID]
			}
		}
		st.Classes[c] = one
	}
	return st
}

func (j *shelf) Grown() <-chan struct{} { return j.grown }

func (j *shelf) Ack(run wire.Run, c journal.Class, ranges ...journal.Range) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range ranges {
		for _, rec := range j.recs[c] {
			if id := rec.ID; id.Run == run && r.First <= id.Seq && id.Seq <= r.Last {
				j.acked[id]++
			}
		}
	}
}

// open counts what is not acknowledged.
func (j *shelf) open() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, list := range j.recs {
		for _, r := range list {
			if j.acked[r.ID] == 0 {
				n++
			}
		}
	}
	return n
}

const (
	testRun = wire.Run("00000000000000a1")
	oldRun  = wire.Run("00000000000000a0")
)

// feeds as the assembly gives them.
func testFeeds() []Feed {
	return []Feed{{"result", wire.ChanResult, true}, {"alarm", wire.ChanEvent, true}, {"event", wire.ChanEvent, false}, {"telemetry", wire.ChanTelemetry, false}}
}

// rig is an uplink under test with everything around it.
type rig struct {
	*Uplink
	s     *street
	j     *shelf
	n     *notices
	stop  context.CancelFunc
	ended chan struct{}
}

// newRig makes an uplink to s without running it.
func newRig(s *street, change func(*Config)) *rig {
	r := &rig{s: s, j: newShelf(testRun), n: &notices{}, ended: make(chan struct{})}
	c := Config{Gateway: "gw-1", Root: "fuqiao", Run: testRun,
		Changeable: Changeable{Groups: []string{"market"}, Broker: "mqtt://127.0.0.1", Feeds: testFeeds()},
		Journal:    r.j, Wrap: wrap, Notice: r.n.note, Dial: s.dial, Log: slog.New(slog.DiscardHandler),
		Presence: func(id Session, state string) []byte { return fmt.Appendf(nil, "%s %s %d", state, id.Run, id.Number) },
		Random:   func() float64 { return 0.1 },
	}
	if change != nil {
		change(&c)
	}
	r.Uplink = New(c)
	return r
}

// run starts the uplink; call r.end before the bubble ends.
func (r *rig) run(ctx context.Context) *rig {
	ctx, r.stop = context.WithCancel(ctx)
	go func() { defer close(r.ended); _ = r.Run(ctx) }()
	return r
}

// end stops uplink and broker.
func (r *rig) end() {
	r.stop()
	<-r.ended
	r.s.stop()
}

// inBubble runs a test in virtual time with a running uplink.
func inBubble(t *testing.T, change func(*Config), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(newStreet(t), change).run(t.Context())
		defer r.end()
		time.Sleep(time.Second)
		test(t, r)
	})
}

// tool publishes as the platform does.
func (s *street) say(t *testing.T, topic, payload string, retain bool, qos byte) {
	t.Helper()
	if err := s.Publish(topic, []byte(payload), retain, qos); err != nil {
		t.Fatal(err)
	}
}
