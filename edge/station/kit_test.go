package station

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// driver is a device as bad as a test wants it.
type driver struct {
	n      int // of the opening
	deaf   chan struct{}
	halts  int
	closed bool
	stuck  bool // Halt hangs
}

func (d *driver) Halt(context.Context) error {
	d.halts++
	if d.stuck {
		<-d.deaf
	}
	return nil
}

// Close is the descriptor's.
func (d *driver) Close() error { d.closed = true; return nil }

// house is a station over fake drivers.
type house struct {
	*Station
	t      *testing.T
	tree   *supervise.Tree
	log    *lines
	deaf   chan struct{} // closed at the end: hung drivers come back then
	mu     sync.Mutex
	opened map[string][]*driver
	ended  map[string]int // openings whose end was called
	refuse error          // openings fail with it
	raised []string
}

func newHouse(t *testing.T, ids ...string) *house {
	h := &house{t: t, log: new(lines), deaf: make(chan struct{}), opened: map[string][]*driver{}, ended: map[string]int{}}
	h.tree = supervise.New(supervise.Options{Log: h.log.logger()})
	h.Station = New(Options{
		Log: h.log.logger(), Tree: h.tree, Floor: 1, Hung: wire.ByHang(),
		Raise: func(code, device, _ string) { h.at(func() { h.raised = append(h.raised, code+" "+device) }) },
	})
	for _, id := range ids {
		if err := h.Add(context.WithoutCancel(t.Context()), id, h.opener(id)); err != nil {
			t.Fatal(err)
		}
	}
	h.tree.Start(context.WithoutCancel(t.Context()), 1, "station", h.Station)
	t.Cleanup(func() {
		h.tree.Stop(time.Second)
		close(h.deaf)
	})
	return h
}

func (h *house) at(f func()) { h.mu.Lock(); defer h.mu.Unlock(); f() }

func (h *house) opener(id string) Opener {
	return func(context.Context) (drivers.Device, func(), error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.refuse != nil {
			return nil, nil, h.refuse
		}
		d := &driver{n: len(h.opened[id]) + 1, deaf: h.deaf}
		h.opened[id] = append(h.opened[id], d)
		return d, func() { h.at(func() { h.ended[id]++ }) }, nil
	}
}

// post posts a job and returns where its ends are told: "done", or the cause's text.
func (h *house) post(id string, j Job, work func(ctx context.Context, d *driver)) chan string {
	h.t.Helper()
	ends := make(chan string, 8)
	j.Run = func(ctx context.Context, d drivers.Device) {
		work(ctx, d.(*driver))
		if ctx.Err() != nil {
			ends <- context.Cause(ctx).Error()
			return
		}
		ends <- "done"
	}
	j.Drop = func(cause error) { ends <- "dropped: " + cause.Error() }
	if _, err := h.Post(id, j); err != nil {
		ends <- "refused: " + err.Error()
	}
	return ends
}

func obey(ctx context.Context, _ *driver) { <-ctx.Done() }

func hang(_ context.Context, d *driver) { <-d.deaf }

func quick(context.Context, *driver) {}

func errText(text string) error { return errors.New(text) }

// lines is a log that can be looked into.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// count is how many lines hold all words.
func (l *lines) count(words ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
next:
	for line := range strings.Lines(l.buf.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		n++
	}
	return n
}
