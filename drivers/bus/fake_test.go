package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/line"
)

// fake is a serial port in virtual time. It takes writes at once, as a kernel does,
// and records when.
type fake struct {
	mu       sync.Mutex
	writes   []written
	answer   func([]byte) []byte // what comes back to a frame, at once
	in       chan []byte
	shut     chan struct{}
	once     sync.Once
	readBy   time.Time
	writeBy  time.Time
	stalled  bool
	discards []time.Time
	reads    int
}

type written struct {
	bytes []byte
	at    time.Time
}

func newFake() *fake { return &fake{in: make(chan []byte, 64), shut: make(chan struct{})} }

func (f *fake) Read(b []byte) (int, error) {
	f.mu.Lock()
	f.reads++
	timer := time.NewTimer(time.Until(f.readBy))
	f.mu.Unlock()
	defer timer.Stop()
	select {
	case got := <-f.in:
		return copy(b, got), nil
	case <-f.shut:
		return 0, io.EOF
	case <-timer.C:
		return 0, os.ErrDeadlineExceeded
	}
}

func (f *fake) Write(b []byte) (int, error) {
	f.mu.Lock()
	stalled, by := f.stalled, f.writeBy
	if !stalled {
		f.writes = append(f.writes, written{slices.Clone(b), time.Now()})
	}
	answer := f.answer
	f.mu.Unlock()
	if stalled {
		timer := time.NewTimer(time.Until(by))
		defer timer.Stop()
		select {
		case <-f.shut:
			return 0, os.ErrClosed
		case <-timer.C:
			return 0, os.ErrDeadlineExceeded
		}
	}
	if answer != nil {
		if back := answer(b); back != nil {
			f.in <- back
		}
	}
	return len(b), nil
}

func (f *fake) SetReadDeadline(t time.Time) error  { f.set(func() { f.readBy = t }); return nil }
func (f *fake) SetWriteDeadline(t time.Time) error { f.set(func() { f.writeBy = t }); return nil }
func (f *fake) DiscardOutput() error {
	f.set(func() { f.discards = append(f.discards, time.Now()) })
	return nil
}
func (f *fake) Close() error { f.once.Do(func() { close(f.shut) }); return nil }

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// looked returns how often Read was called since the last time.
func (f *fake) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.reads
	f.reads = 0
	return n
}

func (f *fake) seen() []written {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.writes)
}

// rig is a running bus over fakes.
type rig struct {
	*bus.Bus
	port *fake // the one that is, or will be, open

	mu      sync.Mutex
	openErr error
	opens   []time.Time
	notices []string
	hang    chan struct{} // Open waits for it
	wrap    func(*fake) bus.Port
}

// start makes a bus at 9600 baud (7 bytes = 7.29 ms) with a gap of 10 ms and runs it
// until the test ends. It is to be called in a bubble.
func start(t *testing.T, change ...func(*rig)) *rig {
	t.Helper()
	r := &rig{port: newFake()}
	c := bus.Config{
		Name: "rs485-1", Baud: 9600, Gap: 10 * time.Millisecond,
		Log: slog.New(slog.DiscardHandler),
		Open: func(ctx context.Context) (bus.Port, error) {
			r.mu.Lock()
			r.opens = append(r.opens, time.Now())
			hang, port, err := r.hang, r.port, r.openErr
			r.mu.Unlock()
			if hang != nil {
				<-hang
			}
			if err != nil {
				return nil, err
			}
			if r.wrap != nil {
				return r.wrap(port), nil
			}
			return port, nil
		},
		Go: func(_ string, run func(context.Context) error) { go func() { _ = run(t.Context()) }() },
		Notice: func(code, detail string, raised bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notices = append(r.notices, fmt.Sprintf("%s %v", code, raised))
		},
	}
	for _, f := range change {
		f(r)
	}
	r.Bus = bus.New(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	synctest.Wait()
	return r
}

func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.notices)
}

func (r *rig) opened() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.opens)
}

// swap makes the next openings end in err, or in port.
func (r *rig) swap(port *fake, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.openErr = err
	if port != nil {
		r.port = port
	}
}

// frame is 7 bytes that say who sent them.
func frame(who byte) []byte { return []byte{0xFF, who, 0, 0, 0, 0, who} }

func normal(who byte) line.Frame { return line.Frame{Write: frame(who)} }
func urgent(who byte) line.Frame { return line.Frame{Write: frame(who), Urgent: true} }
func query(who byte, wait time.Duration) line.Frame {
	return line.Frame{Write: frame(who), Reply: wait, Want: upTo('!')}
}

// upTo wants all bytes up to and with mark.
func upTo(mark byte) func([]byte) int {
	return func(b []byte) int { return slices.Index(b, mark) + 1 }
}

// order lists who was on the wire, and when, counted from began in 10 µs.
func order(f *fake, began time.Time) (who []byte, at []time.Duration) {
	for _, w := range f.seen() {
		who = append(who, w.bytes[1])
		at = append(at, w.at.Sub(began))
	}
	return who, at
}

// beside runs f beside the test and returns the channel of its end.
func beside(f func() error) chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	synctest.Wait()
	return done
}

func send(ctx context.Context, l line.Line, f line.Frame) chan error {
	return beside(func() error { _, err := l.Exchange(ctx, f); return err })
}

func wantErr(t *testing.T, got error, targets ...error) {
	t.Helper()
	for _, target := range targets {
		if !errors.Is(got, target) {
			t.Errorf("error is %v, want %v in it", got, target)
		}
	}
}
