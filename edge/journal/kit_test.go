package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"

	"fuqiao/edged/edge/wire"
)

// rig is a journal whose committer runs.
type rig struct {
	*Journal
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
	*notices
}

type notices struct {
	mu   sync.Mutex
	list []string
	up   map[string]bool
}

func (n *notices) take(code, detail string, raised bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf("%s %v %s", code, raised, detail))
	n.up[code] = raised
}

func (n *notices) raised(code string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.up[code]
}

// open opens a journal without running it.
func open(t testing.TB, o Options) (*Journal, *notices) {
	t.Helper()
	n := &notices{up: map[string]bool{}}
	o.Notice = n.take
	if o.Dir == "" {
		o.Dir = "journal"
	}
	j, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return j, n
}

// start opens a journal and runs its committer until the test ends.
func start(t testing.TB, o Options) *rig {
	t.Helper()
	j, n := open(t, o)
	ctx, cancel := context.WithCancel(context.Background())
	r := &rig{j, t, cancel, make(chan error, 1), n}
	go func() { r.done <- j.Run(ctx) }()
	t.Cleanup(r.stop)
	return r
}

// stop ends the committer, as the tree does, without closing the journal.
func (r *rig) stop() {
	r.cancel()
	if err := <-r.done; err != nil {
		r.t.Error(err)
	}
	r.done <- nil
}

func (r *rig) close() {
	r.t.Helper()
	r.stop()
	if err := r.Close(context.Background()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) put(c Class, data string) Seq {
	r.t.Helper()
	seq, err := r.Append(context.Background(), c, []byte(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return seq
}

// rec is a record of about n bytes that says who it is.
func rec(who string, n int) string {
	return fmt.Sprintf(`{"who":%q,"pad":"%s"}`, who, bytes.Repeat([]byte("x"), max(0, n-len(who)-20)))
}

// all reads a class through.
func all(t testing.TB, j *Journal, c Class) []Record {
	t.Helper()
	var out []Record
	var after ID
	for {
		some, err := j.Next(c, after, 7, 4096)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return out
		}
		out = append(out, some...)
		after = some[len(some)-1].ID
	}
}

// ids is what a class holds, as run/seq.
func ids(records []Record) (out []string) {
	for _, r := range records {
		out = append(out, fmt.Sprintf("%s/%d", r.ID.Run, r.ID.Seq))
	}
	return out
}

// books collects what a journal says of its own: gaps and closed runs.
type books struct {
	gaps   []Gone
	closed []Closed
}

func readBooks(t testing.TB, j *Journal) (b books) {
	t.Helper()
	for _, r := range all(t, j, Gap) {
		g, c, isGap := parseOwn(t, r.Data)
		if isGap {
			b.gaps = append(b.gaps, g)
		} else {
			b.closed = append(b.closed, c)
		}
	}
	return b
}

// accounted is the set of numbers that gap records tell of.
func (b books) accounted(run wire.Run, c Class) (r ranges) {
	for _, g := range b.gaps {
		if g.Run == run && g.Class == c {
			r, _ = r.with(Range{g.First, g.Last})
		}
	}
	return r
}

func (b books) last(run wire.Run, c Class) (Closed, bool) {
	i := slices.IndexFunc(b.closed, func(x Closed) bool { return x.Run == run && x.Class == c })
	if i < 0 {
		return Closed{}, false
	}
	return b.closed[i], true
}

// fataler is what rapid.T and testing.T share.
type fataler interface{ Fatal(args ...any) }

// parseOwn reads a record of class gap.
func parseOwn(t fataler, data []byte) (g Gone, c Closed, isGap bool) {
	var e struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	err := json.Unmarshal(data, &e)
	switch {
	case err == nil && e.Type == wire.TypeGap:
		isGap = true
		err = json.Unmarshal(e.Data, &g)
	case err == nil && e.Type == wire.TypeRunClosed:
		err = json.Unmarshal(e.Data, &c)
	default:
		t.Fatal("not a record of the journal's own", string(data), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g, c, isGap
}
