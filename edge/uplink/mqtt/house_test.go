package mqtt

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// allow lets everybody do everything.
type allow struct{ broker.HookBase }

func (*allow) ID() string { return "allow" }

func (*allow) Provides(b byte) bool {
	return b == broker.OnConnectAuthenticate || b == broker.OnACLCheck || b == broker.OnPacketRead || b == broker.OnPacketEncode
}

// The broker keeps the packet ids of both directions in one table, so that a
// publication of ours would delete an order that waits for our PUBACK under the same
// id (section 2.3.1 says that they are independent). Ours are moved out of the way.
const apart = 0x8000

func (*allow) OnPacketRead(_ *broker.Client, p packets.Packet) (packets.Packet, error) {
	switch {
	case p.FixedHeader.Type == packets.Publish && p.FixedHeader.Qos > 0,
		p.FixedHeader.Type == packets.Subscribe, p.FixedHeader.Type == packets.Unsubscribe:
		p.PacketID ^= apart
	}
	return p, nil
}

func (*allow) OnPacketEncode(_ *broker.Client, p packets.Packet) packets.Packet {
	switch p.FixedHeader.Type {
	case packets.Puback, packets.Suback, packets.Unsuback:
		p.PacketID ^= apart
	}
	return p
}

func (*allow) OnConnectAuthenticate(*broker.Client, packets.Packet) bool { return true }

func (*allow) OnACLCheck(*broker.Client, string, bool) bool { return true }

// house is a real broker on a loopback port.
type house struct {
	*broker.Server
	url string
}

// newHouse starts a broker.
func newHouse(t *testing.T) *house {
	t.Helper()
	s := broker.New(&broker.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := s.AddHook(new(allow), nil); err != nil {
		t.Fatal(err)
	}
	l := listeners.NewTCP(listeners.Config{ID: "l", Address: "127.0.0.1:0"})
	if err := s.AddListener(l); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &house{s, "mqtt://" + l.Address()}
}

// inbox collects what arrives.
type inbox chan Message

func (b inbox) take(m Message) { b <- m }

// next waits for a message.
func (b inbox) next(t *testing.T) Message {
	t.Helper()
	select {
	case m := <-b:
		return m
	case <-time.After(5 * time.Second):
		t.Fatal("nothing arrived")
		return Message{}
	}
}

// join connects or fails the test.
func join(t *testing.T, o Options, receive func(Message)) *Session {
	t.Helper()
	s, err := Connect(t.Context(), o, receive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}
