package platform

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"fuqiao/edged/edge/wire"
)

// Hold is how a stick is held. Zero values take those in brackets.
type Hold struct {
	// Lease of the session [1 s], Every is the interval of frames [250 ms], Max the
	// longest that the session may last [60 s].
	Lease, Every, Max time.Duration
	// Priority of the dome.acquire order [normal].
	Priority wire.Priority
}

// Stick is a held stick: an open session whose frames keep coming until Release or Cut.
type Stick struct {
	// Order is the id of dome.acquire, Session the session's own.
	Order, Session string

	p     *Platform
	topic string
	end   context.CancelFunc
	done  chan struct{}

	mu     sync.Mutex
	sealer *wire.FrameSealer
	speeds wire.Speeds
	sent   []time.Time
	raw    [][]byte
}

// TakeStick acquires a dome and begins to drive it at speeds v. It returns when the
// gateway has accepted and the first frame has gone.
func (p *Platform) TakeStick(ctx context.Context, device string, v wire.Speeds, h Hold) (*Stick, error) {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&h.Lease, time.Second)
	def(&h.Every, 250*time.Millisecond)
	def(&h.Max, time.Minute)
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	s := &Stick{p: p, Session: token("s"), speeds: v, done: make(chan struct{})}
	if s.sealer, err = wire.NewFrameSealer(p.o.Gateway, s.Session, priv); err != nil {
		return nil, err
	}
	s.topic = p.topics.Session(p.o.Gateway, s.Session)
	s.Order, err = p.Send(ctx, wire.Order{
		Target: []string{device}, Action: wire.DomeAcquire, Priority: h.Priority,
		Args: &wire.SessionArgs{Session: wire.SessionSpec{
			ID: s.Session, Pub: base64.RawURLEncoding.EncodeToString(pub),
			LeaseMS: int(h.Lease.Milliseconds()), MaxMS: int(h.Max.Milliseconds()),
		}},
	})
	if err != nil {
		return nil, err
	}
	r, err := p.AwaitStep(ctx, s.Order, device, func(r wire.Result) bool {
		return r.Status == wire.Running || r.Status.Terminal()
	})
	if err != nil {
		return nil, err
	}
	if r.Status.Terminal() {
		return nil, fmt.Errorf("dome.acquire ended: %s %s %s", r.Status, r.Reason, r.Detail)
	}
	if err := s.frame(ctx); err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.end = cancel
	go s.run(life, h.Every)
	return s, nil
}

// run sends frame after frame.
func (s *Stick) run(ctx context.Context, every time.Duration) {
	defer close(s.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// A lost frame is what leases are for.
			_ = s.frame(ctx)
		}
	}
}

// frame sends one move frame.
func (s *Stick) frame(ctx context.Context) error {
	s.mu.Lock()
	b := s.sealer.Move(s.speeds.Pan, s.speeds.Tilt, s.speeds.Zoom)
	s.mu.Unlock()
	return s.publish(ctx, b)
}

func (s *Stick) publish(ctx context.Context, b []byte) error {
	limit, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s.mu.Lock()
	s.sent = append(s.sent, time.Now())
	s.raw = append(s.raw, b)
	s.mu.Unlock()
	return s.p.Publish(limit, s.topic, b, 0, false)
}

// Move turns the stick; the next frame says it, and one is sent at once.
func (s *Stick) Move(ctx context.Context, v wire.Speeds) error {
	s.mu.Lock()
	s.speeds = v
	s.mu.Unlock()
	return s.frame(ctx)
}

// Release lets go: the stop frame ends the session.
func (s *Stick) Release(ctx context.Context) error {
	s.Cut()
	s.mu.Lock()
	b := s.sealer.Stop()
	s.mu.Unlock()
	return s.publish(ctx, b)
}

// Cut ends the frames without a word, as a broken link does. It returns when the last
// frame has gone, and when that was.
func (s *Stick) Cut() time.Time {
	s.end()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent[len(s.sent)-1]
}

// Frames are the frames sent so far.
func (s *Stick) Frames() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.raw...)
}

// Replay sends one of the frames once more.
func (s *Stick) Replay(ctx context.Context, i int) error {
	return s.p.Publish(ctx, s.topic, s.Frames()[i], 0, false)
}
