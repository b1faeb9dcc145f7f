package broadcast

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is what happened on pins and wires, each with its time since the start.
type book struct {
	mu    sync.Mutex
	began time.Time
	lines []string
}

func newBook() *book { return &book{began: time.Now()} }

func (b *book) note(format string, a ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf("%v ", time.Since(b.began))+fmt.Sprintf(format, a...))
}

// is compares the book with what is wanted, and begins a new page.
func (b *book) is(t *testing.T, want ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.lines, want) {
		t.Errorf("happened:\n  %s\nwanted:\n  %s", strings.Join(b.lines, "\n  "), strings.Join(want, "\n  "))
	}
	b.lines = nil
}

// relay is an output; it may fail at either switching.
type relay struct {
	b              *book
	mu             sync.Mutex
	on             bool
	failOn, failOf error
}

func (r *relay) Set(_ context.Context, on bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failOn != nil {
		r.b.note("key failed")
		return r.failOn
	}
	r.on = on
	r.b.note("on")
	return nil
}

func (r *relay) Halt(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failOf != nil {
		return r.failOf
	}
	if r.on {
		r.b.note("off")
	}
	r.on = false
	return nil
}

func (r *relay) at(f func()) { r.mu.Lock(); defer r.mu.Unlock(); f() }

// amp is an amplifier that runs, on a relay: 200 ms to warm up, 3 s of tail, a minute
// at most, 2 s off at least.
func amp(t *testing.T, b *book) (*Amplifier, *relay, func()) {
	r := &relay{b: b}
	a := NewAmplifier(AmpConfig{
		Name: "amp", Output: r, WarmUp: 200 * time.Millisecond, Tail: 3 * time.Second, MaxOn: time.Minute, MinOff: 2 * time.Second,
		Log:   slog.New(slog.DiscardHandler),
		Raise: func(code, subject, _ string) { b.note("raised %s %s", code, subject) },
		Clear: func(string, string) {},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() {
		if err := a.Run(ctx); err != nil {
			b.note("ended: %v", err)
		}
	})
	end := sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(end)
	return a, r, end
}

// horn is a speaker: a second for each sentence, acknowledged.
type horn struct {
	b        *book
	evidence drivers.Evidence
	cannot   string
	mu       sync.Mutex
	fail     map[string]error // by sentence
	deaf     chan struct{}    // not nil: Announce hangs on it
}

func (h *horn) Halt(context.Context) error { return nil }

func (h *horn) CanSay(text string) (lost []rune) {
	for _, r := range text {
		if strings.ContainsRune(h.cannot, r) && !slices.Contains(lost, r) {
			lost = append(lost, r)
		}
	}
	return lost
}

func (h *horn) Announce(ctx context.Context, a drivers.Announcement, said func(drivers.Progress)) (drivers.Evidence, error) {
	if a.Chime != "" {
		h.b.note("chime %s", a.Chime)
	}
	parts := strings.SplitAfter(strings.TrimSuffix(a.Text, "。"), "。")
	for i, p := range parts {
		said(drivers.Progress{Part: i + 1, Parts: len(parts), Lost: h.CanSay(a.Text)})
		h.mu.Lock()
		err := h.fail[strings.TrimSuffix(p, "。")]
		h.mu.Unlock()
		if err != nil {
			return min(drivers.Evidence(i), 1) * h.evidence, err
		}
		h.b.note("say %s at %d", p, a.Volume)
		if h.deaf != nil {
			<-h.deaf
		}
		select {
		case <-ctx.Done():
			h.b.note("cut")
			return h.evidence, fmt.Errorf("horn: %w", ctx.Err())
		case <-time.After(time.Second):
		}
	}
	return h.evidence, nil
}

// job and mailbox stand in for the station: one job after another, higher ranks first,
// a lower running one is cut.
type job struct {
	act  string
	rank int
	run  func(context.Context, drivers.Device)
	drop func(error)
}

type mailbox struct {
	mu   sync.Mutex
	jobs []job
	now  *job
	cut  context.CancelCauseFunc
	wake chan struct{}
}

func (m *mailbox) work(ctx context.Context, d drivers.Device, limit time.Duration) {
	for {
		m.mu.Lock()
		for len(m.jobs) > 0 {
			j := m.jobs[0]
			m.jobs = m.jobs[1:]
			jctx, cut := context.WithCancelCause(ctx)
			jctx, drop := context.WithTimeoutCause(jctx, limit, wire.ByLimit())
			m.now, m.cut = &j, cut
			m.mu.Unlock()
			j.run(jctx, d)
			drop()
			cut(nil)
			m.mu.Lock()
			m.now = nil
		}
		m.mu.Unlock()
		select {
		case <-m.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (m *mailbox) post(j job) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := len(m.jobs)
	for at > 0 && m.jobs[at-1].rank < j.rank {
		at--
	}
	m.jobs = slices.Insert(m.jobs, at, j)
	if m.now != nil {
		at++
		if m.now.rank < j.rank {
			m.cut(wire.ByPriority())
		}
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return at, nil
}

// stage is a hall with speakers.
type stage struct {
	*Hall
	b     *book
	boxes map[string]*mailbox
	horns map[string]*horn
	full  bool
}

func newStage(t *testing.T, b *book, amps map[string]*Amplifier, speakers ...string) *stage {
	s := &stage{b: b, boxes: map[string]*mailbox{}, horns: map[string]*horn{}}
	const limit = 30 * time.Second
	s.Hall = NewHall(Config{
		Log: slog.New(slog.DiscardHandler), Amplifiers: amps, MaxSay: limit, OwnVolume: func(string) int { return 55 },
		Post: func(speaker, act string, rank int, _ time.Duration, run func(context.Context, drivers.Device), drop func(error)) (int, error) {
			if s.full {
				return 0, fault.Full
			}
			return s.boxes[speaker].post(job{act, rank, run, drop})
		},
	})
	ctx, cancel := context.WithCancelCause(context.Background())
	var all sync.WaitGroup
	for _, id := range speakers {
		s.horns[id] = &horn{b: b, evidence: drivers.Acknowledged}
		s.boxes[id] = &mailbox{wake: make(chan struct{}, 1)}
		box, horn := s.boxes[id], s.horns[id]
		all.Go(func() { box.work(ctx, horn, limit) })
	}
	t.Cleanup(func() { cancel(wire.ByShutdown()); all.Wait() })
	return s
}

// stop cuts what a speaker says.
func (s *stage) stop(speaker string, cause error) {
	m := s.boxes[speaker]
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now != nil {
		m.cut(cause)
	}
}

// ask is an order for one speaker; its life is told in steps, its end in end.
type ask struct {
	Request
	steps []wire.Status
	end   chan wire.Outcome
}

func request(speaker, text string) *ask {
	a := &ask{end: make(chan wire.Outcome, 8)}
	a.Request = Request{
		Act: "cmd:k:" + text, Speaker: speaker, Rank: 1, Text: text, Repeat: 1,
		Expired: func() bool { return false }, Queued: func() {}, Begin: func(context.Context) error { return nil },
		Step: func(s wire.Status) { a.steps = append(a.steps, s) },
		End:  func(o wire.Outcome) { a.end <- o },
	}
	return a
}

// say plays one announcement to its end.
func (s *stage) say(a *ask) wire.Outcome { s.Say(a.Request); return <-a.end }
