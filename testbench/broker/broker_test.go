package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/testbench/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func newBroker(t *testing.T, o Options) *Broker {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// client is a session and what it received.
type client struct {
	*mqtt.Session
	got chan mqtt.Message
}

func dial(t *testing.T, b *Broker, id string, clean bool, c *tls.Config) (client, error) {
	t.Helper()
	k := client{got: make(chan mqtt.Message, 5000)}
	s, err := mqtt.Connect(soon(t), mqtt.Options{
		Broker: b.URL(), ClientID: id, TLS: c, Clean: clean,
		Will: &mqtt.Message{Topic: "fuqiao/v1/" + id + "/presence", Payload: []byte("gone"), QoS: 1, Retained: true},
	}, func(m mqtt.Message) {
		m.Payload = append([]byte(nil), m.Payload...)
		m.Ack()
		k.got <- m
	})
	k.Session = s
	if err == nil {
		t.Cleanup(func() { _ = s.Close(context.Background()) })
	}
	return k, err
}

func must(t *testing.T, k client, err error) client {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (k client) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-k.got:
		return fmt.Sprintf("%s=%s retained:%v qos:%d", m.Topic, m.Payload, m.Retained, m.QoS)
	case <-soon(t).Done():
		t.Fatal("no message")
	}
	return ""
}

func publish(t *testing.T, k client, topic, payload string, qos byte, retain bool) {
	t.Helper()
	if err := k.Published(soon(t), mqtt.Message{Topic: topic, Payload: []byte(payload), QoS: qos, Retained: retain}); err != nil {
		t.Fatal(err)
	}
}

func TestPlainRoundTripAndWill(t *testing.T) {
	b := newBroker(t, Options{})
	gw, err := dial(t, b, "gw-1", false, nil)
	gw = must(t, gw, err)
	p, err := dial(t, b, "ctl-platform", true, nil)
	p = must(t, p, err)
	publish(t, gw, "fuqiao/v1/gw-1/presence", "here", 1, true)
	if err := p.Subscribe(soon(t), map[string]byte{"fuqiao/v1/+/presence": 1, "fuqiao/v1/gw-1/event": 1}); err != nil {
		t.Fatal(err)
	}
	if got := p.next(t); got != "fuqiao/v1/gw-1/presence=here retained:true qos:1" {
		t.Error(got)
	}
	publish(t, gw, "fuqiao/v1/gw-1/event", "e1", 1, false)
	if got := p.next(t); got != "fuqiao/v1/gw-1/event=e1 retained:false qos:1" {
		t.Error(got)
	}
	if !b.Kick("gw-1") {
		t.Error("nobody to kick")
	}
	if got := p.next(t); got != "fuqiao/v1/gw-1/presence=gone retained:false qos:1" {
		t.Error(got)
	}
	if err := b.WaitClient(soon(t), "gw-1", false); err != nil {
		t.Error(err)
	}
	if m, err := b.WaitMessage(soon(t), 0, func(m Message) bool { return m.Topic == "fuqiao/v1/gw-1/event" }); err != nil || m.Client != "gw-1" || m.QoS != 1 {
		t.Errorf("%+v %v", m, err)
	}
}

// secured is a broker with TLS, and a maker of its clients' configurations.
func secured(t *testing.T) (*Broker, func(cn string) *tls.Config) {
	t.Helper()
	ca, err := pki.New(t.TempDir(), "ca")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := ca.Server("broker")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.ServerTLS(pair)
	if err != nil {
		t.Fatal(err)
	}
	return newBroker(t, Options{TLS: server}), func(cn string) *tls.Config {
		p, err := ca.Client(cn)
		if err != nil {
			t.Fatal(err)
		}
		c, err := ca.ClientTLS(p)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestCertificatesAndAccess(t *testing.T) {
	b, as := secured(t)
	if _, err := dial(t, b, "gw-2", false, as("gw-1")); !errors.Is(err, fault.Refused) {
		t.Errorf("a client with another's certificate: %v", err)
	}
	gw, err := dial(t, b, "gw-1", false, as("gw-1"))
	gw = must(t, gw, err)
	p, err := dial(t, b, "ctl-platform", true, as("ctl-platform"))
	p = must(t, p, err)
	if err := p.Subscribe(soon(t), map[string]byte{"fuqiao/v1/#": 1}); err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]bool{
		"fuqiao/v1/gw-1/command": true, "fuqiao/v1/gw-1/session/+": true, "fuqiao/v1/group/market/command": true,
		"fuqiao/v1/gw-2/command": false, "fuqiao/v1/+/command": false, "#": false,
	} {
		if err := gw.Subscribe(soon(t), map[string]byte{topic: 1}); (err == nil) != want {
			t.Errorf("subscribe to %s: %v", topic, err)
		}
	}
	// Denied publishes are acknowledged and lost; the one that is allowed arrives.
	for _, topic := range []string{"fuqiao/v1/gw-1/command", "fuqiao/v1/gw-2/event", "other"} {
		publish(t, gw, topic, "no", 1, true)
	}
	publish(t, gw, "fuqiao/v1/gw-1/event", "yes", 1, false)
	if got := p.next(t); got != "fuqiao/v1/gw-1/event=yes retained:false qos:1" {
		t.Error(got)
	}
	publish(t, p, "fuqiao/v1/gw-1/command", "do", 1, false)
	if got := gw.next(t); got != "fuqiao/v1/gw-1/command=do retained:false qos:1" {
		t.Error(got)
	}
	if c := b.Counts(); c.Denied != 3 || c.Refused != 1 || c.Connects != 2 {
		t.Errorf("%+v", c)
	}
}

func TestQueuedMessagesKeepTheirOrder(t *testing.T) {
	b := newBroker(t, Options{Queue: 300})
	gw, err := dial(t, b, "gw-1", false, nil)
	gw = must(t, gw, err)
	if err := gw.Subscribe(soon(t), map[string]byte{"c": 1}); err != nil {
		t.Fatal(err)
	}
	if err := gw.Close(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.WaitClient(soon(t), "gw-1", false); err != nil {
		t.Fatal(err)
	}
	p, err := dial(t, b, "ctl-platform", true, nil)
	p = must(t, p, err)
	for i := range 320 {
		publish(t, p, "c", fmt.Sprint(i), 1, false)
	}
	gw, err = dial(t, b, "gw-1", false, nil)
	gw = must(t, gw, err)
	if !gw.SessionPresent() {
		t.Error("the session is gone")
	}
	for i := range 300 {
		if got := gw.next(t); !strings.HasPrefix(got, fmt.Sprintf("c=%d ", i)) {
			t.Fatalf("message %d is %s", i, got)
		}
	}
	// The newest 20 were dropped. There is room again when the PUBACKs have come.
	for sent := 0; ; sent++ {
		publish(t, p, "c", "last", 1, false)
		select {
		case m := <-gw.got:
			if string(m.Payload) != "last" {
				t.Errorf("message 300 is %s", m.Payload)
			}
			return
		case <-time.After(10 * time.Millisecond):
			if sent > 500 {
				t.Fatal("nothing comes any more")
			}
		}
	}
}

func TestRestartForgets(t *testing.T) {
	b := newBroker(t, Options{})
	gw, err := dial(t, b, "gw-1", false, nil)
	gw = must(t, gw, err)
	if err := gw.Subscribe(soon(t), map[string]byte{"c": 1}); err != nil {
		t.Fatal(err)
	}
	publish(t, gw, "r", "kept?", 1, true)
	addr := b.Addr()
	if err := b.Restart(10 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if b.Addr() != addr {
		t.Errorf("address %s, was %s", b.Addr(), addr)
	}
	<-gw.Done()
	if _, reason := mqtt.Explain(gw.Err()); !strings.Contains(reason, "closed the connection") && !strings.Contains(reason, "reset") {
		t.Errorf("the client saw: %s (%v)", reason, gw.Err())
	}
	gw, err = dial(t, b, "gw-1", false, nil)
	gw = must(t, gw, err)
	if gw.SessionPresent() {
		t.Error("the session survived")
	}
	if err := gw.Subscribe(soon(t), map[string]byte{"#": 1}); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish("c", []byte("x"), false, 1); err != nil {
		t.Fatal(err)
	}
	if got := gw.next(t); !strings.HasPrefix(got, "c=x") {
		t.Errorf("first message is %s: something was retained", got)
	}
	if b.Sessions("gw-1") != 2 {
		t.Errorf("%d sessions", b.Sessions("gw-1"))
	}
}

// Twice the same client id: the newer wins, the older sees its connection closed, not a
// packet that it may not get.
func TestTakeOver(t *testing.T) {
	b := newBroker(t, Options{})
	one, err := dial(t, b, "gw-1", false, nil)
	one = must(t, one, err)
	two, err := dial(t, b, "gw-1", false, nil)
	two = must(t, two, err)
	select {
	case <-one.Done():
	case <-soon(t).Done():
		t.Fatal("the older connection lives on")
	}
	if cause, reason := mqtt.Explain(one.Err()); cause != mqtt.Network {
		t.Errorf("the older connection ended by: %s", reason)
	}
	publish(t, two, "x", "y", 1, false)
	if err := b.WaitClient(soon(t), "gw-1", true); err != nil {
		t.Error(err)
	}
}
