package mqtt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime/debug"
	"sync/atomic"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"fuqiao/edged/drivers/fault"
)

const (
	// maxUnacked bounds what the library keeps for a receiver that does not
	// acknowledge: a broker that goes beyond either is not obeying its window.
	maxUnacked      = 2048
	maxUnackedBytes = 8 << 20
	// goodbye is how long DISCONNECT may take.
	goodbye = 250 * time.Millisecond
)

// Session is one connection from CONNACK to its end. Its methods may be called from
// any goroutine.
type Session struct {
	o       Options
	client  paho.Client
	receive func(Message)
	present bool

	g    atomic.Pointer[guard]
	c    counters
	over chan struct{}
	dial atomic.Pointer[error]

	out  chan request
	acks chan func()

	unacked, unackedBytes atomic.Int64
}

// Stats of a session, in bytes at the socket (TLS included, TCP and IP not).
type Stats struct {
	BytesIn, BytesOut int64
	// Ping is the round trip of the last answered ping, 0 before the first.
	Ping time.Duration
	// Unacked counts received messages of QoS 1 that wait for their Ack.
	Unacked int
}

// Connect makes one attempt and returns when the broker has accepted it, within
// Options.ConnectTimeout. receive gets every message; it may be called before
// Connect returns, runs on the library's goroutine and must copy what it needs,
// enqueue without waiting and return. A panic in it is logged and the message stays
// unacknowledged.
//
// Errors: fault.BadInput for options, Refusal for a CONNACK that says no, else what
// the network or TLS says. Explain puts them into words.
func Connect(ctx context.Context, o Options, receive func(Message)) (*Session, error) {
	o = o.withDefaults()
	if o.ClientID == "" {
		return nil, fmt.Errorf("client id is empty: %w", fault.BadInput)
	}
	if err := CheckBroker(o.Broker); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	s := &Session{o: o, receive: receive, over: make(chan struct{}), out: make(chan request), acks: make(chan func(), maxUnacked)}
	s.client = paho.NewClient(s.options(ctx))
	token := s.client.Connect()
	select {
	case <-token.Done():
	case <-ctx.Done():
		// The dialer sees ctx by itself; a wait for CONNACK ends when the socket goes.
		if g := s.g.Load(); g != nil {
			g.fail(fmt.Errorf("no answer to CONNECT: %w", ctx.Err()))
		}
		<-token.Done()
	}
	// Nothing may be published before the token is done: until then paho walks
	// through its store and would send what it finds there a second time.
	if err := s.refused(token); err != nil {
		return nil, err
	}
	if t, ok := token.(*paho.ConnectToken); ok {
		s.present = t.SessionPresent()
	}
	return s, nil
}

// refused returns why the attempt failed, nil if it did not. The guard and the dialer
// know it better than paho, which also takes unknown codes for success.
func (s *Session) refused(token paho.Token) error {
	if err := s.dial.Load(); err != nil {
		return *err
	}
	if g := s.g.Load(); g != nil {
		if code := g.code.Load(); code != 0 {
			g.fail(Refusal(code))
		}
		select {
		case <-g.over:
			return fmt.Errorf("broker %s: %w", s.o.Broker, g.why)
		default:
		}
	}
	if err := token.Error(); err != nil {
		return fmt.Errorf("broker %s: %w", s.o.Broker, err)
	}
	return nil
}

// options is the block of dependencies.md: a transport, nothing more.
func (s *Session) options(ctx context.Context) *paho.ClientOptions {
	o := s.o
	p := paho.NewClientOptions().
		SetProtocolVersion(4).
		SetClientID(o.ClientID).
		SetCleanSession(o.Clean).
		SetOrderMatters(true).
		SetAutoAckDisabled(true).
		SetConnectRetry(false).
		SetAutoReconnect(false).
		SetKeepAlive(o.KeepAlive).
		SetPingTimeout(o.PingTimeout).
		SetConnectTimeout(o.ConnectTimeout).
		SetWriteTimeout(o.WriteTimeout).
		SetStore(paho.NewMemoryStore()).
		SetResumeSubs(false).
		SetDefaultPublishHandler(s.handle).
		// paho calls this on a goroutine of its own: it becomes the sender.
		SetOnConnectHandler(func(paho.Client) { s.send() }).
		SetCustomOpenConnectionFn(func(*url.URL, paho.ClientOptions) (net.Conn, error) { return s.openFor(ctx) })
	p.AddBroker(o.Broker)
	if o.Will != nil {
		p.SetBinaryWill(o.Will.Topic, o.Will.Payload, o.Will.QoS, o.Will.Retained)
	}
	return p
}

// openFor dials for paho and remembers why it failed.
func (s *Session) openFor(ctx context.Context) (net.Conn, error) {
	conn, raw, err := open(ctx, s.o, &s.c)
	if err == nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), raw.Close())
	}
	if err != nil {
		s.dial.Store(&err)
		return nil, err
	}
	g := newGuard(conn, raw, s.o, s.over)
	s.g.Store(g)
	if ctx.Err() != nil { // between the look above and the store nobody could have closed it
		g.fail(ctx.Err())
	}
	return g, nil
}

// handle passes a message on. Nothing here may wait: paho would stop reading,
// publishing and noticing that the link is gone.
func (s *Session) handle(_ paho.Client, m paho.Message) {
	defer func() {
		if p := recover(); p != nil {
			s.o.Log.Error("receiver of an MQTT message panicked", "topic", m.Topic(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	size := int64(len(m.Payload()) + len(m.Topic()))
	ack := func() {}
	if m.Qos() > 0 {
		if s.unacked.Add(1) > maxUnacked || s.unackedBytes.Add(size) > maxUnackedBytes {
			s.g.Load().fail(Violation("more unacknowledged messages than any window allows"))
			return
		}
		var done atomic.Bool
		ack = func() {
			if done.CompareAndSwap(false, true) {
				s.unacked.Add(-1)
				s.unackedBytes.Add(-size)
				s.ack(m.Ack)
			}
		}
	}
	s.receive(Message{Topic: m.Topic(), Payload: m.Payload(), QoS: m.Qos(), Retained: m.Retained(), Duplicate: m.Duplicate(), Ack: ack})
}

// ack gives an acknowledgement to the sender. There is a place for each message that
// may be unacknowledged, so it does not wait.
func (s *Session) ack(send func()) {
	select {
	case s.acks <- send:
	case <-s.over:
	}
}

// SessionPresent tells whether the broker still knew this client.
func (s *Session) SessionPresent() bool { return s.present }

// Done is closed when the connection is over, for whatever reason.
func (s *Session) Done() <-chan struct{} { return s.over }

// Err is nil while the session lives and after Close, else why it ended.
func (s *Session) Err() error {
	select {
	case <-s.over:
		return s.g.Load().why
	default:
		return nil
	}
}

// Stats are the counts so far.
func (s *Session) Stats() Stats {
	st := Stats{BytesIn: s.c.in.Load(), BytesOut: s.c.out.Load(), Unacked: int(s.unacked.Load())}
	if g := s.g.Load(); g != nil {
		st.Ping = time.Duration(g.ping.Load())
	}
	return st
}

// Abort ends the session without goodbye for the reason given: the broker publishes
// the will. It does not wait.
func (s *Session) Abort(why error) { s.g.Load().fail(why) }

// Close sends the acknowledgements that were given, says goodbye (the broker discards
// the will) and ends the session; each of the two takes 250 ms at most, less if ctx
// ends sooner. It does not wait for what else is on its way out: who needs a PUBACK
// waits for it first. It returns what Err then says.
func (s *Session) Close(ctx context.Context) error {
	flush, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	_, _ = s.ask(flush, func(paho.Client) paho.Token { return nil }) // the sender takes acknowledgements first
	g := s.g.Load()
	g.closing.Store(true)
	wait := time.Duration(0)
	if ctx.Err() == nil {
		wait = goodbye
		if end, ok := ctx.Deadline(); ok {
			wait = max(min(wait, time.Until(end)), 0)
		}
	}
	s.client.Disconnect(uint(wait / time.Millisecond))
	g.fail(nil)
	return s.Err()
}
