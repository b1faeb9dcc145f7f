package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	limiter "golang.org/x/time/rate"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// Session is one attempt to connect; its number is in the will and in the presence.
type Session struct {
	Run wire.Run
	// Number counts the attempts of this run from 1.
	Number uint64
}

// Config of an Uplink.
type Config struct {
	// Gateway is id, client id, common name of the certificate and part of each topic.
	Gateway, Root string
	Run           wire.Run
	Changeable
	// Journal is what is sent until it is acknowledged.
	Journal Journal
	// Wrap makes the message of a record: its envelope with the identity, and the mark
	// of what was kept while there was no session.
	Wrap func(rec journal.Record, historical bool) []byte
	// Media opens a record of class media for sending; it is needed where a feed is of that
	// class.
	Media func(rec journal.Record, historical bool) (Media, error)
	// Ours tells whether a run is one of this box's last ones; Twin is told of another box
	// with this gateway's name. Both may be nil.
	Ours func(run wire.Run) bool
	Twin func(run wire.Run)
	// OldGroups are those that a session of an earlier configuration may still be
	// subscribed to at the broker; KeepGroups is told when they are not any more. Nil for
	// none.
	OldGroups  func() []string
	KeepGroups func(now []string)
	// Unsure tells that the time is not known now (mqtt.Options.Unsure); nil for known.
	Unsure func() bool
	// Go runs something that may wait for the network; it is needed where Fallback is set.
	Go func(name string, run func(ctx context.Context) error)
	// Presence makes the presence with state wire.Online or wire.Offline (the will,
	// and the goodbye).
	Presence func(s Session, state string) []byte
	// Inventory makes the index and its parts.
	Inventory func() (index []byte, parts [][]byte)
	// Beacon gets each time beacon with the moment of its arrival; it must not wait.
	Beacon func(payload []byte, at time.Time)
	// Notice raises and clears conditions of the catalogue.
	Notice func(code, detail string, raised bool)
	// Drain is how long the end waits for the last results; 0 is 1.5 s.
	Drain time.Duration
	// Dial stands in for the network in tests.
	Dial mqtt.Dialer
	// Random gives 0 ≤ x < 1; nil is math/rand.
	Random func() float64
	Log    *slog.Logger
}

// Changeable is the part of a Config that Change can exchange.
type Changeable struct {
	// Groups are those that a device of this gateway is in.
	Groups []string
	// Broker is as in mqtt.Options; empty: the box runs by itself. Fallback are further
	// ones, tried in their order where it cannot be had; when it is back so are we.
	Broker   string
	Fallback []string
	// TLS is asked before each attempt, so that new files count; nil for plain TCP to
	// loopback.
	TLS func() (*tls.Config, error)
	// Ack says whose word counts that a record has arrived; ByBroker if empty.
	Ack Ack
	// Ceiling is the most that may be sent, in bytes per second; 0 for no bound. Steps,
	// stops' results, results and alarms are never held up by it, but they count.
	Ceiling int
	// ReconnectCap is the least cap of the random waits (see Cap); 0 is 5 s.
	ReconnectCap time.Duration
	// Feeds are the classes of the journal that are sent.
	Feeds []Feed
}

// The conditions that an uplink raises.
const (
	condOffline       = "uplink.offline"
	condTLS           = "uplink.tls"
	condRevoked       = "uplink.certificate_refused"
	condNotConfigured = "uplink.not_configured"
	condDropped       = "uplink.orders_dropped"
	condRefused       = "uplink.refused"
)

const (
	defaultDrain = 1500 * time.Millisecond
	// answerIn bounds the wait for SUBACK.
	answerIn = 10 * time.Second
	// revokedWait is the longest wait while the broker refuses our certificate.
	revokedWait = 10 * time.Minute
	// reopenEvery is the shortest life of a session that is reopened for redelivery.
	reopenEvery = time.Second
)

// Uplink is the way to the platform. Make it with New, run it with Run.
type Uplink struct {
	c      Config
	topics wire.Topics
	groups atomic.Pointer[map[string]bool]
	change chan Changeable // holds the newest that is not taken yet

	orders, stops, frames chan Inbound
	private               chan private
	wake                  chan struct{}
	overflow, announce    atomic.Bool
	tune                  func(*mqtt.Options) // tests shorten what they wait for
	ceiling               *limiter.Limiter

	// Run's own, over all sessions.
	waits  outstanding
	learnt rate
	moving *transfer
	order  order
	twin   twin
	// revoked is how often since the last session the broker would not have our certificate.
	revoked int
	done    map[journal.ID]func() error // files whose record waits for the platform's word

	mu           sync.Mutex
	st           Stats
	changed      time.Time // when st.Connected last changed
	session      *mqtt.Session
	steps, packs []mqtt.Message
	states       map[string]*state
}

// New makes an uplink that does nothing until Run.
func New(c Config) *Uplink {
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Drain == 0 {
		c.Drain = defaultDrain
	}
	u := &Uplink{c: c, topics: wire.Topics{Root: c.Root}, change: make(chan Changeable, 1),
		orders: make(chan Inbound, queueOrders), stops: make(chan Inbound, queueStops), frames: make(chan Inbound, queueFrames),
		private: make(chan private, queuePrivate), wake: make(chan struct{}, 1),
		changed: time.Now(), states: map[string]*state{}, done: map[journal.ID]func() error{}}
	u.take(c.Changeable)
	return u
}

// take makes a part of the configuration count.
func (u *Uplink) take(c Changeable) {
	u.c.Changeable, u.ceiling, u.order = c, nil, order{}
	if c.Ceiling > 0 {
		u.ceiling = limiter.NewLimiter(limiter.Limit(c.Ceiling), max(c.Ceiling, leastFlightBytes))
	}
	groups := map[string]bool{}
	for _, g := range c.Groups {
		groups[g] = true
	}
	u.groups.Store(&groups)
}

// Change exchanges a part of the configuration: the session ends and the next begins with
// it at once, with inventory, states and subscriptions as they are then. A broker must be
// named before and after, or neither.
func (u *Uplink) Change(c Changeable) {
	for {
		select {
		case u.change <- c:
			return
		case <-u.change: // a newer one counts
		}
	}
}

// Run keeps one session after another until ctx ends, then says goodbye within
// Config.Drain and a second. It returns nil.
func (u *Uplink) Run(ctx context.Context) error {
	if u.c.Broker == "" {
		u.c.Notice(condNotConfigured, "", true)
		<-ctx.Done()
		return nil
	}
	defer u.stopMoving()
	good := time.Now() // end of the last session of at least goodSession
	for ctx.Err() == nil {
		select {
		case c := <-u.change:
			u.take(c)
		default:
		}
		up, again := u.once(ctx)
		if up >= goodSession {
			good = time.Now()
		}
		hold := u.twin.hold(time.Now(), u.c.Random)
		if u.revoked > 1 { // another one, if there is, was tried; knocking on looks like an attack
			hold = max(hold, revokedWait/2+time.Duration(u.c.Random()*float64(revokedWait)/2))
		}
		switch {
		case again && hold == 0, up < shortSession && !u.failed() && hold == 0:
			continue
		case up >= shortSession:
			u.order.at = 0
		}
		timer := time.NewTimer(max(wait(u.c.ReconnectCap, time.Since(good), u.c.Random), hold))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case c := <-u.change:
			u.take(c)
		}
		timer.Stop()
	}
	return nil
}

// once makes one attempt and, where it succeeds, lives one session. It returns how
// long that lasted and whether the next is to follow at once.
func (u *Uplink) once(ctx context.Context) (up time.Duration, again bool) {
	id := Session{Run: u.c.Run}
	u.count(func(s *Stats) { s.Session++; id.Number = s.Session })
	s, err := u.connect(ctx, id)
	if err != nil {
		u.down(ctx, err)
		return 0, false
	}
	began := time.Now()
	l := newLink(u, s, id)
	err = l.live(ctx)
	u.closed(s)
	if errors.Is(err, errReturn) {
		u.order.at = 0
	}
	if seldom(err) {
		return time.Since(began), true
	}
	u.down(ctx, err)
	return time.Since(began), false
}

// connect dials with a fresh will.
func (u *Uplink) connect(ctx context.Context, id Session) (*mqtt.Session, error) {
	o := u.options(u.broker())
	o.Will = &mqtt.Message{Topic: u.topics.Of(u.c.Gateway, wire.ChanPresence), QoS: 1, Retained: true, Payload: u.c.Presence(id, wire.Offline)}
	if u.c.TLS != nil {
		cfg, err := u.c.TLS()
		if err == nil {
			err = mqtt.CheckGateway(cfg, u.c.Gateway)
		}
		if err != nil {
			return nil, &ownCertificate{err}
		}
		o.TLS = cfg
	}
	if u.tune != nil {
		u.tune(&o)
	}
	// Before CONNECT: what waited at the broker may come before Connect returns.
	if u.overflow.Swap(false) {
		u.c.Notice(condDropped, "", false)
	}
	s, err := mqtt.Connect(ctx, o, u.receive)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.session = s
	u.st.Sessions++
	u.mu.Unlock()
	return s, nil
}

// options are those that every attempt has.
func (u *Uplink) options(broker string) mqtt.Options {
	return mqtt.Options{Broker: broker, ClientID: u.c.Gateway, Dial: u.c.Dial, Log: u.c.Log, Unsure: u.c.Unsure != nil && u.c.Unsure()}
}

// ownCertificate marks an error of our own files.
type ownCertificate struct{ err error }

// Error says which file.
func (e *ownCertificate) Error() string { return e.err.Error() }

// Unwrap gives the cause.
func (e *ownCertificate) Unwrap() error { return e.err }

// up says that there is a session.
func (u *Uplink) up(id Session, present bool) {
	u.mu.Lock()
	u.st.Connected, u.st.Reason, u.st.Broker, u.changed = true, "", u.broker(), time.Now()
	u.mu.Unlock()
	u.c.Notice(condOffline, "", false)
	u.c.Notice(condTLS, "", false)
	u.c.Notice(condRevoked, "", false)
	u.revoked = 0
	u.c.Log.Info("uplink connected", "broker", u.broker(), "session", id.Number, "known_to_broker", present)
}

// refused says whether the broker refuses us a group.
func (u *Uplink) refused(err error) {
	if err == nil {
		u.c.Notice(condRefused, "", false)
		return
	}
	u.c.Notice(condRefused, err.Error(), true)
	u.c.Log.Error("group not subscribed", "error", err)
}

// closed books a session that is over.
func (u *Uplink) closed(s *mqtt.Session) {
	last := s.Stats()
	u.mu.Lock()
	if u.st.Connected {
		u.st.Connected, u.changed = false, time.Now()
	}
	u.session = nil
	u.st.BytesIn += last.BytesIn
	u.st.BytesOut += last.BytesOut
	u.st.InFlight = 0
	u.mu.Unlock()
	u.emptyOutbox()
}

// down says why there is no session.
func (u *Uplink) down(ctx context.Context, err error) {
	if ctx.Err() != nil {
		u.c.Log.Info("uplink closed")
		return
	}
	cause, text := mqtt.Explain(err)
	level := slog.LevelWarn
	u.count(func(s *Stats) {
		if s.Reason == text { // said once; a long outage is not a long log
			level = slog.LevelDebug
		}
		s.Reason = text
	})
	var own *ownCertificate
	switch {
	case cause == mqtt.OwnCertificate:
		u.revoked++
		u.c.Notice(condRevoked, text, true)
	case cause == mqtt.Certificate || errors.As(err, &own):
		u.c.Notice(condTLS, text, true)
	}
	u.c.Notice(condOffline, text, true)
	u.c.Log.Log(ctx, level, "uplink down", "broker", u.broker(), "cause", string(cause), "reason", text, "error", fmt.Sprint(err))
}
