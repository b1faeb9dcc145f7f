package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"fuqiao/edged/testbench/board"
)

// Options of a broker.
type Options struct {
	// Addr is where it listens; empty: a free port of 127.0.0.1, kept over restarts.
	Addr string
	// TLS is its certificate and the CA of its clients; nil: plain, no access rules.
	TLS *tls.Config
	// Root is the first level of the topics, for the access rules; default fuqiao.
	Root string
	// Deny refuses more than the rules do; write is a publish, else a subscription or a
	// delivery.
	Deny func(client, topic string, write bool) bool
	// Queue is how many messages of QoS 1 may wait for one client; default 1020.
	Queue int
	// Forget keeps no log of messages, for floods.
	Forget bool
	// Log is for what goes wrong; nil throws it away.
	Log *slog.Logger
}

// Message is one PUBLISH that arrived.
type Message struct {
	At       time.Time
	Client   string
	Topic    string
	Payload  []byte
	QoS      byte
	Retain   bool
	Dup      bool
	Denied   bool // by the access rules
	Will     bool
	PacketID uint16
}

// Counts of a broker's whole life.
type Counts struct {
	Connects, Refused, Disconnects int
	Published, Denied, Delivered   int
	// Dropped messages found their subscriber's queue full.
	Dropped int
	// Sent and Received are bytes at the sockets, over all restarts.
	Sent, Received int64
}

// Broker is one broker; it can be stopped and started on the same address.
type Broker struct {
	o Options

	mu       board.Board
	addr     string
	server   *mqtt.Server
	conns    *tracked
	log      []Message
	taps     []func(Message)
	counts   Counts
	sessions map[string]int  // CONNECTs accepted per client
	online   map[string]bool // by client id
	subs     map[string][]string
	number   int64 // of the next message
}

// New makes a broker and starts it.
func New(o Options) (*Broker, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Root == "" {
		o.Root = "fuqiao"
	}
	if o.Queue == 0 {
		o.Queue = 1020
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Broker{
		o: o, addr: o.Addr,
		sessions: map[string]int{}, online: map[string]bool{}, subs: map[string][]string{},
	}
	return b, b.Start()
}

// Addr is host:port; URL is what a client's configuration says.
func (b *Broker) Addr() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// URL is mqtts://host:port, or mqtt:// without TLS.
func (b *Broker) URL() string { return b.URLOf(b.Addr()) }

// URLOf is the same for another way to this broker, a proxy's address.
func (b *Broker) URLOf(addr string) string {
	if b.o.TLS != nil {
		return "mqtts://" + addr
	}
	return "mqtt://" + addr
}

// Start begins with nothing remembered; it does nothing if the broker runs.
func (b *Broker) Start() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.server != nil {
		return nil
	}
	port, err := net.Listen("tcp", b.addr)
	if err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	b.addr = port.Addr().String()
	conns := track(port)
	var l net.Listener = conns
	if b.o.TLS != nil {
		l = tls.NewListener(l, b.o.TLS)
	}
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumInflight = uint16(b.o.Queue)
	caps.MaximumClientWritesPending = int32(b.o.Queue)
	caps.MaximumMessageExpiryInterval = 0
	s := mqtt.New(&mqtt.Options{Capabilities: caps, InlineClient: true, Logger: b.o.Log, SysTopicResendInterval: 3600})
	h := newHook(b)
	h.serve(s)
	err = errors.Join(s.AddHook(h, nil), s.AddListener(listeners.NewNet("tcp", l)))
	if err == nil {
		err = s.Serve()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("broker: %w", err), l.Close())
	}
	b.server, b.conns = s, conns
	return nil
}

// Stop closes all connections and the port.
func (b *Broker) Stop() error {
	b.mu.Lock()
	s, conns := b.server, b.conns
	b.server = nil
	b.mu.Unlock()
	if s == nil {
		return nil
	}
	for _, c := range s.Clients.GetAll() {
		c.Stop(errStopped)
	}
	conns.closeAll()
	err := s.Close()
	info := s.Info.Clone()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Sent += info.BytesSent
	b.counts.Received += info.BytesReceived
	clear(b.online)
	clear(b.subs)
	b.mu.Changed()
	return err
}

// Restart is Stop, a while, and Start.
func (b *Broker) Restart(after time.Duration) error {
	if err := b.Stop(); err != nil {
		return err
	}
	time.Sleep(after)
	return b.Start()
}

// Close is Stop for good.
func (b *Broker) Close() error { return b.Stop() }

// Kick closes a client's connection; false if it has none.
func (b *Broker) Kick(client string) bool {
	b.mu.Lock()
	s := b.server
	b.mu.Unlock()
	if s == nil {
		return false
	}
	c, ok := s.Clients.Get(client)
	if !ok || c.Closed() {
		return false
	}
	c.Stop(errKicked)
	return true
}

// Publish puts a message in as if an all-powerful client had sent it.
func (b *Broker) Publish(topic string, payload []byte, retain bool, qos byte) error {
	b.mu.Lock()
	s := b.server
	b.mu.Unlock()
	if s == nil {
		return errStopped
	}
	return s.Publish(topic, payload, retain, qos)
}

// Tap calls f for each message that arrives, in order of arrival per client, before it
// is given to anybody. f must not wait.
func (b *Broker) Tap(f func(Message)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taps = append(slices.Clip(b.taps), f)
}

// Messages are all that arrived, unless Forget is set.
func (b *Broker) Messages() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.log)
}

// Counts are the counts so far.
func (b *Broker) Counts() Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts
	if b.server != nil {
		info := b.server.Info.Clone()
		c.Sent += info.BytesSent
		c.Received += info.BytesReceived
	}
	return c
}

// Sessions is how often a client was accepted.
func (b *Broker) Sessions(client string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[client]
}

// Subscriptions are the filters that a client holds, in the order of asking.
func (b *Broker) Subscriptions(client string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.subs[client])
}

// WaitClient waits until a client is connected, or is not.
func (b *Broker) WaitClient(ctx context.Context, client string, connected bool) error {
	return b.mu.Until(ctx, func() bool { return b.online[client] == connected })
}

// WaitMessage waits for the first message after the first skip ones for which match is
// true; match must not call the broker.
func (b *Broker) WaitMessage(ctx context.Context, skip int, match func(Message) bool) (Message, error) {
	var found Message
	err := b.mu.Until(ctx, func() bool {
		i := slices.IndexFunc(b.log[min(skip, len(b.log)):], match)
		if i < 0 {
			return false
		}
		found = b.log[skip+i]
		return true
	})
	return found, err
}

// fail is why the broker ended a connection.
type fail string

func (f fail) Error() string { return string(f) }

const (
	errStopped = fail("the broker is stopped")
	errKicked  = fail("kicked")
	errTaken   = fail("taken over by a newer connection")
)
