package uplink

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// paho holds a publish that meets the end of its connection for as long as the write
	// timeout (mqtt.Session.send says so); nobody waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/eclipse/paho%2emqtt%2egolang.(*client).Publish"))
}

// street is a real broker without a socket, so that it runs in virtual time: clients
// come in over net.Pipe. It notes what is published and which sessions there were.
type street struct {
	broker.HookBase
	*broker.Server
	noAck  func(topic string) bool // publications that get no PUBACK
	refuse func(filter string) bool
	deny   func(topic string) bool // publications that are acknowledged and go to nobody

	mu    sync.Mutex
	down  bool
	seen  []packets.Packet
	wills []string
	subs  map[string]byte
	byes  int
	conns []net.Conn
}

// newStreet starts the broker; it is closed at the end of the test's function.
func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{subs: map[string]byte{}}
	s.Server = broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := s.AddHook(s, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	return s
}

// dial is what an uplink under test gets for a network.
func (s *street) dial(context.Context, string, string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return nil, errors.New("no route")
	}
	client, server := net.Pipe()
	s.conns = append(s.conns, server)
	go func() { _ = s.EstablishConnection("pipe", server) }()
	return client, nil
}

// cut breaks every connection.
func (s *street) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.conns = nil
}

// away makes the broker unreachable, or reachable again.
func (s *street) away(down bool) {
	s.mu.Lock()
	s.down = down
	s.mu.Unlock()
	if down {
		s.cut()
	}
}

// stop ends the broker so that the bubble can end.
func (s *street) stop() {
	s.away(true)
	synctest.Wait() // a connection that has just begun counts itself while Close counts
	_ = s.Close()
	time.Sleep(2 * time.Minute) // paho's and the broker's timers run out in virtual time
}

func (*street) ID() string { return "street" }

func (*street) Provides(b byte) bool {
	switch b {
	case broker.OnConnectAuthenticate, broker.OnACLCheck, broker.OnPacketRead, broker.OnPacketEncode, broker.OnPublish,
		broker.OnSubscribed, broker.OnUnsubscribed, broker.OnSessionEstablish, broker.OnSubscribe:
		return true
	}
	return false
}

func (*street) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

func (s *street) OnACLCheck(_ *broker.Client, topic string, write bool) bool {
	return write || s.refuse == nil || !s.refuse(topic)
}

func (s *street) OnSessionEstablish(_ *broker.Client, p packets.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wills = append(s.wills, string(p.Connect.WillPayload))
}

func (s *street) OnSubscribed(_ *broker.Client, p packets.Packet, _ []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range p.Filters {
		s.subs[f.Filter] = f.Qos
	}
}

func (s *street) OnUnsubscribed(_ *broker.Client, p packets.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range p.Filters {
		delete(s.subs, f.Filter)
	}
}

// apart keeps the packet ids of the two directions apart, which the broker does not
// (MQTT 3.1.1, section 2.3.1): it would delete an order that waits for its PUBACK when
// we publish under the same id, and refuse a SUBSCRIBE under it.
const apart = 0x8000

func (s *street) OnPacketRead(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	switch {
	case p.FixedHeader.Type == packets.Publish && p.FixedHeader.Qos > 0,
		p.FixedHeader.Type == packets.Subscribe, p.FixedHeader.Type == packets.Unsubscribe:
		p.PacketID ^= apart
	case p.FixedHeader.Type == packets.Disconnect:
		s.mu.Lock()
		s.byes++
		s.mu.Unlock()
	}
	return p, nil
}

func (*street) OnPacketEncode(_ *broker.Client, p packets.Packet) packets.Packet {
	switch p.FixedHeader.Type {
	case packets.Puback, packets.Suback, packets.Unsuback:
		p.PacketID ^= apart
	}
	return p
}

func (s *street) OnPublish(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	s.mu.Lock()
	s.seen = append(s.seen, p)
	s.mu.Unlock()
	if s.noAck != nil && s.noAck(p.TopicName) {
		return p, packets.ErrRejectPacket
	}
	if s.deny != nil && s.deny(p.TopicName) {
		return p, packets.CodeSuccessIgnore
	}
	return p, nil
}

// on lists the payloads seen on a topic.
func (s *street) on(topic string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, p := range s.seen {
		if p.TopicName == topic {
			out = append(out, string(p.Payload))
		}
	}
	return out
}

// goodbyes counts DISCONNECTs.
func (s *street) goodbyes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byes
}

// testaments are the wills of all sessions.
func (s *street) testaments() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wills)
}

// granted is the QoS that a filter was subscribed with.
func (s *street) granted(filter string) (byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.subs[filter]
	return q, ok
}

// order lists all topics seen, in order.
func (s *street) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, p := range s.seen {
		out = append(out, p.TopicName)
	}
	return out
}

// retained is what the broker keeps for a topic, empty for nothing.
func (s *street) retained(topic string) string {
	for _, p := range s.Topics.Messages(topic) {
		return string(p.Payload)
	}
	return ""
}
