package uplink

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// life is one life of a gateway with the real journal.
func life(t *testing.T, dir string, run wire.Run, s *street, made map[string]int, dice *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	j, err := journal.Open(ctx, journal.Options{Dir: dir, Run: run, Budget: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { defer close(closed); _ = j.Run(ctx) }()
	feeds := []Feed{{journal.Result, wire.ChanResult, true}, {journal.Alarm, wire.ChanEvent, true}, {journal.Event, wire.ChanEvent, false}}
	r := newRig(s, func(c *Config) {
		c.Run, c.Journal, c.Feeds = run, j, append(feeds, Feed{journal.Gap, wire.ChanEvent, true})
	}).run(ctx)
	for range 30 {
		for range dice.IntN(12) {
			c := feeds[dice.IntN(3)].Class
			seq, err := j.Append(ctx, c, fmt.Appendf(nil, `{"n":%d}`, len(made)+1))
			if err != nil {
				t.Fatal(err)
			}
			made[fmt.Sprintf("%s/%s/%d", run, c, seq)] = len(made) + 1
		}
		time.Sleep(time.Duration(dice.IntN(2000)) * time.Millisecond)
		switch dice.IntN(5) {
		case 0:
			s.cut()
		case 1:
			s.away(true)
		default:
			s.away(false)
		}
	}
	r.stop()
	<-r.ended
	if err := j.Close(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	<-closed
}

// Three lives with the journal on disk and a link that comes and goes: at the end
// every record has arrived, under its identity, and nothing is left.
func TestWithTheRealJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := t.TempDir(), newStreet(t)
		dice := rand.New(rand.NewPCG(3, 4))
		made := map[string]int{}
		for run := range 3 {
			life(t, dir, wire.Run(fmt.Sprintf("%016x", run+1)), s, made, dice)
		}
		s.away(false)
		ctx, cancel := context.WithCancel(t.Context())
		j, err := journal.Open(ctx, journal.Options{Dir: dir, Run: "00000000000000ff", Budget: 16 << 20})
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		go func() { defer close(closed); _ = j.Run(ctx) }()
		r := newRig(s, func(c *Config) {
			c.Run, c.Journal = "00000000000000ff", j
			c.Feeds = []Feed{{journal.Result, wire.ChanResult, true}, {journal.Alarm, wire.ChanEvent, true}, {journal.Event, wire.ChanEvent, false}, {journal.Gap, wire.ChanEvent, true}}
		}).run(ctx)
		time.Sleep(time.Minute)
		for c, st := range j.Stats().Classes {
			if st.Records != 0 || st.Dropped != 0 {
				t.Errorf("class %s: %+v", c, st)
			}
		}
		r.stop()
		<-r.ended
		cancel()
		<-closed
		got, own := map[string]bool{}, 0
		for _, rec := range s.records(t) {
			if rec.N != 0 && made[rec.ID] != rec.N {
				t.Fatalf("%s carries record %d, it is %d", rec.ID, rec.N, made[rec.ID])
			}
			got[rec.ID] = got[rec.ID] || rec.N != 0
			if strings.Contains(rec.ID, "/gap/") {
				own++
			}
		}
		for id, n := range made {
			if !got[id] {
				t.Errorf("record %d (%s) never arrived", n, id)
			}
		}
		if len(made) < 300 || own < 3 {
			t.Errorf("only %d records were made, and %d of the journal's own came", len(made), own)
		}
		s.stop()
	})
}
