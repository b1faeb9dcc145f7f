package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"fuqiao/edged/drivers"
)

// Config is what a Source is made of.
type Config struct {
	// Listen is "host:port", Path the endpoint's path there.
	Listen, Path string
	// Serve puts the endpoint up until ctx ends (drivers.Parts.Serve).
	Serve func(ctx context.Context, hostport, path string, h http.Handler) error
	Log   *slog.Logger
	// Token reads the sender's token; it is asked at each request, so that a changed
	// secret holds at once.
	Token func() ([]byte, error)
	// MaxBytes bounds a request's body, and what an event may come to; MaxMedia the
	// pictures and clips behind it, together.
	MaxBytes int
	MaxMedia int64
	// AlarmTypes are the types whose events are alarms.
	AlarmTypes []string
	// ReadWithin bounds the time for a body, MediaWithin that for one with pictures,
	// StoreWithin what emit takes beyond it.
	ReadWithin, MediaWithin, StoreWithin time.Duration
	// AtOnce is how many requests are worked on at a time; one more is answered 503.
	AtOnce int
	// Raise and Clear report conditions (secret.missing); nil drops them.
	Raise func(code, detail string)
	Clear func(code string)
}

// Source is one camera's endpoint. It is a drivers.Watcher.
type Source struct{ c Config }

// New makes a Source. It is not to be reached before Watch.
func New(c Config) *Source {
	if c.Raise == nil {
		c.Raise = func(string, string) {}
	}
	if c.Clear == nil {
		c.Clear = func(string) {}
	}
	return &Source{c}
}

// Halt is drivers.Device's. A camera that reports needs no rest.
func (s *Source) Halt(context.Context) error { return nil }

// Watch is drivers.Watcher's: the endpoint is there until ctx ends, and emit is not
// running any more when Watch returns. emit is called by as many goroutines at once
// as there are requests.
// The error is Serve's, or ctx's.
func (s *Source) Watch(ctx context.Context, emit func(context.Context, drivers.Event) error) error {
	e := &endpoint{c: s.c, ctx: ctx, emit: emit, places: make(chan struct{}, s.c.AtOnce)}
	err := s.c.Serve(ctx, s.c.Listen, s.c.Path, e)
	e.close()
	return err
}

// endpoint is one Watch.
type endpoint struct {
	c Config
	// ctx is Watch's own: the end of a request is no reason to break off what is on
	// its way to the disk.
	ctx    context.Context
	emit   func(context.Context, drivers.Event) error
	places chan struct{}

	mu      sync.Mutex
	closed  bool
	storing sync.WaitGroup
	// warned is when a refusal was last logged, hushed how many were not since then.
	warned time.Time
	hushed int
}

// warnEvery is the least time between two log lines about refusals: a sender with a
// wrong token must not fill the log.
const warnEvery = 30 * time.Second

// warn logs a refusal, or counts it for the next line.
func (e *endpoint) warn(no *refusal, peer string) {
	e.mu.Lock()
	now := time.Now()
	if !e.warned.IsZero() && now.Sub(e.warned) < warnEvery {
		e.hushed++
		e.mu.Unlock()
		return
	}
	hushed := e.hushed
	e.warned, e.hushed = now, 0
	e.mu.Unlock()
	e.c.Log.Warn("camera event refused", "status", no.status, "why", no.text, "peer", peer, "not_logged", hushed)
}

// errClosed means that Watch is ending.
const errClosed = closedError("the endpoint is closing")

type closedError string

func (e closedError) Error() string { return string(e) }

// store hands an event on, unless Watch is ending.
func (e *endpoint) store(ev drivers.Event, within time.Duration) error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return errClosed
	}
	e.storing.Add(1)
	e.mu.Unlock()
	defer e.storing.Done()
	ctx, cancel := context.WithTimeout(e.ctx, within)
	defer cancel()
	return e.emit(ctx, ev)
}

// close lets nothing more through and waits for what is being stored; its ctx has
// ended, so that is not long.
func (e *endpoint) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.storing.Wait()
}
