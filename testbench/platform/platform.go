package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/board"
)

// Options of a platform. Gateway, Broker and Trust are needed.
type Options struct {
	Broker  string
	TLS     *tls.Config
	Gateway string
	Trust   *Trust
	// Root is the first level of the topics [fuqiao], ClientID its own name [ctl-platform].
	Root, ClientID string
	// Now is the time that this platform believes in and tells in its beacons
	// [time.Now]: each gateway may live in a time of its own.
	Now func() time.Time
	// NoBeacon leaves presences unanswered.
	NoBeacon bool
	Log      *slog.Logger
}

// Platform is the central platform of one gateway.
type Platform struct {
	o      Options
	topics wire.Topics
	cancel context.CancelFunc
	done   chan struct{}
	asked  chan wire.Presence // those that want a beacon
	mute   atomic.Bool
	dumb   atomic.Bool // presences are not answered

	mu      board.Board
	session *mqtt.Session
	books   Books
	last    error
}

// New begins to connect, again and again until Close; it returns when the subscriptions
// of the first connection stand.
func New(ctx context.Context, o Options) (*Platform, error) {
	if o.Root == "" {
		o.Root = "fuqiao"
	}
	if o.ClientID == "" {
		o.ClientID = "ctl-platform"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Platform{
		o: o, topics: wire.Topics{Root: o.Root}, cancel: cancel, done: make(chan struct{}), asked: make(chan wire.Presence, 64),
		books: newBooks(),
	}
	p.dumb.Store(o.NoBeacon)
	go p.run(life)
	if err := p.WaitConnected(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("platform: %w", err)
	}
	return p, nil
}

// Close says goodbye and waits for all goroutines.
func (p *Platform) Close() {
	p.cancel()
	<-p.done
}

// WaitConnected waits until the platform hears its gateway.
func (p *Platform) WaitConnected(ctx context.Context) error {
	if err := p.mu.Until(ctx, func() bool { return p.session != nil }); err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		return errors.Join(err, p.last)
	}
	return nil
}

// run keeps one session up.
func (p *Platform) run(ctx context.Context) {
	beacons := make(chan struct{})
	go func() { defer close(beacons); p.tellTime(ctx) }()
	defer close(p.done)
	defer func() { <-beacons }()
	for ctx.Err() == nil {
		if err := p.connect(ctx); err != nil {
			p.mu.Lock()
			p.last = err
			p.mu.Unlock()
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}
}

// connect is one session from its beginning to its end.
func (p *Platform) connect(ctx context.Context) error {
	s, err := mqtt.Connect(ctx, mqtt.Options{Broker: p.o.Broker, TLS: p.o.TLS, ClientID: p.o.ClientID, Log: p.o.Log}, p.receive)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.Close(end)
	}()
	of := func(c wire.Channel) string { return p.topics.Of(p.o.Gateway, c) }
	if err := s.Subscribe(ctx, map[string]byte{
		of(wire.ChanPresence): 1, of(wire.ChanInventory): 1, of(wire.ChanInventory) + "/+": 1, of(wire.ChanState) + "/+": 1,
		of(wire.ChanResult): 1, of(wire.ChanEvent): 1, of(wire.ChanTelemetry): 1, of(wire.ChanMedia) + "/#": 1,
	}); err != nil {
		return err
	}
	p.mu.Lock()
	p.session = s
	p.mu.Changed()
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.session = nil
		p.mu.Changed()
		p.mu.Unlock()
	}()
	select {
	case <-s.Done():
		return s.Err()
	case <-ctx.Done():
		return nil
	}
}

// Publish puts any bytes on any topic, waiting for a connection and for the broker. What
// may have been lost with a connection is sent again on the next one, if its QoS is 1.
func (p *Platform) Publish(ctx context.Context, topic string, payload []byte, qos byte, retained bool) error {
	var s *mqtt.Session
	for {
		old := s
		if err := p.mu.Until(ctx, func() bool { s = p.session; return s != nil && s != old }); err != nil {
			return fmt.Errorf("publish to %s: not connected: %w", topic, err)
		}
		err := s.Published(ctx, mqtt.Message{Topic: topic, Payload: payload, QoS: qos, Retained: retained})
		if err == nil || qos == 0 || ctx.Err() != nil {
			return err
		}
	}
}

// Beacons says whether presences that ask for the time are answered from now on.
func (p *Platform) Beacons(on bool) { p.dumb.Store(!on) }

// Mute takes the PUBACKs away, so that the broker believes that the platform is stuck.
func (p *Platform) Mute(on bool) { p.mute.Store(on) }

// tellTime answers presences with beacons.
func (p *Platform) tellTime(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case pr := <-p.asked:
			b := wire.Beacon{Gateway: p.o.Gateway, Run: pr.Run, Nonce: pr.Nonce, Time: p.o.Now().UTC()}
			payload, err := p.o.Trust.Time.SignBeacon(b)
			if err == nil {
				err = p.Publish(ctx, p.topics.Of(p.o.Gateway, wire.ChanTime), payload, 0, false)
			}
			if err != nil && ctx.Err() == nil {
				p.o.Log.Warn("beacon not sent", "error", err)
			}
		}
	}
}

// SendAck tells the gateway what is stored, for uplinks that wait for the platform.
func (p *Platform) SendAck(ctx context.Context, a wire.Ack) error {
	payload, err := wire.Marshal(a)
	if err != nil {
		return err
	}
	return p.Publish(ctx, p.topics.Of(p.o.Gateway, wire.ChanAck), payload, 1, false)
}

// signer is who signs orders.
func (p *Platform) signer() *authority.Signer { return p.o.Trust.Operator }
