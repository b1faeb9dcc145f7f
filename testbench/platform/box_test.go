package platform

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/broker"
)

func TestMain(m *testing.M) {
	// paho holds a publish that meets the end of its connection for as long as the write
	// timeout (mqtt.Session.send says so); nobody waits for it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/eclipse/paho%2emqtt%2egolang.(*client).Publish"))
}

const gw = "gw-1"

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// box is a gateway that verifies, answers every order with running and done, and writes
// down what it got.
type box struct {
	t      *testing.T
	s      *mqtt.Session
	auth   *authority.Authority
	topics wire.Topics

	mu   sync.Mutex
	got  []mqtt.Message
	more chan struct{}
	seq  uint64
	work chan func()
	quit chan struct{}
	done chan struct{}
}

// street is a broker, a platform and a box.
func street(t *testing.T, o Options) (*Platform, *box, *broker.Broker) {
	t.Helper()
	b, err := broker.New(broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	trust, err := NewTrust(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Broker, o.Gateway, o.Trust = b.URL(), gw, trust
	p, err := New(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	k := &box{
		t: t, topics: wire.Topics{Root: "fuqiao"}, more: make(chan struct{}, 1),
		work: make(chan func(), 1000), quit: make(chan struct{}), done: make(chan struct{}),
	}
	k.auth, err = authority.New(authority.Options{Gateway: gw, Trust: trust.Bytes, Now: func() (time.Time, time.Duration, bool) { return time.Now(), 0, true }})
	if err != nil {
		t.Fatal(err)
	}
	k.s, err = mqtt.Connect(soon(t), mqtt.Options{Broker: b.URL(), ClientID: gw}, k.receive)
	if err != nil {
		t.Fatal(err)
	}
	go k.run()
	t.Cleanup(func() { close(k.quit); <-k.done; _ = k.s.Close(context.Background()) })
	subs := map[string]byte{}
	for _, f := range k.topics.Down(gw, nil) {
		subs[f] = 1
	}
	if err := k.s.Subscribe(soon(t), subs); err != nil {
		t.Fatal(err)
	}
	return p, k, b
}

func (k *box) run() {
	defer close(k.done)
	for {
		select {
		case f := <-k.work:
			f()
		case <-k.quit:
			return
		}
	}
}

func (k *box) receive(m mqtt.Message) {
	m.Payload = append([]byte(nil), m.Payload...)
	m.Ack()
	k.mu.Lock()
	k.got = append(k.got, m)
	k.mu.Unlock()
	select {
	case k.more <- struct{}{}:
	default:
	}
	topic, err := k.topics.Parse(m.Topic)
	if err != nil || topic.Channel != wire.ChanCommand {
		return
	}
	o, err := k.auth.Verify(topic, m.Payload, m.Retained)
	if err != nil {
		return
	}
	k.work <- func() {
		for _, s := range []wire.Status{wire.Running, wire.Done} {
			k.result(wire.Result{Order: o.ID, Kid: o.Kid, Device: o.Target[0], Seq: o.Seq, Action: o.Action, Status: s})
		}
	}
}

const run wire.Run = "00112233aabbccdd"

// say publishes.
func (k *box) say(topic string, v any, retained bool) {
	b, err := wire.Marshal(v)
	if err != nil {
		k.t.Error(err)
	}
	if err := k.s.Published(context.Background(), mqtt.Message{Topic: topic, Payload: b, QoS: 1, Retained: retained}); err != nil {
		k.t.Error(err)
	}
}

func (k *box) result(r wire.Result) {
	k.seq++
	r.Run = run
	k.event(wire.ChanResult, wire.TypeResult, r.Device, "result", k.seq, r)
}

func (k *box) event(c wire.Channel, typ, subject, class string, seq uint64, data any) {
	raw, err := wire.Marshal(data)
	if err != nil {
		k.t.Error(err)
	}
	k.say(k.topics.Of(gw, c), wire.CloudEvent{
		SpecVersion: "1.0", ID: wire.EventID(run, class, seq), Source: "/x", Type: typ, Subject: subject,
		DataContentType: "application/json", Run: run, Class: class, Seq: fmt.Sprint(seq), MonoMS: "1", Data: raw,
	}, false)
}

// next waits for message n (from 0) on channel c.
func (k *box) next(c wire.Channel, n int) mqtt.Message {
	k.t.Helper()
	ctx := soon(k.t)
	for {
		k.mu.Lock()
		i := 0
		for _, m := range k.got {
			if topic, err := k.topics.Parse(m.Topic); err == nil && topic.Channel == c {
				if i == n {
					k.mu.Unlock()
					return m
				}
				i++
			}
		}
		k.mu.Unlock()
		select {
		case <-k.more:
		case <-ctx.Done():
			k.t.Fatalf("message %d on %s never came", n, c)
		}
	}
}

// why says why the box would refuse a message.
func (k *box) why(m mqtt.Message) string {
	topic, err := k.topics.Parse(m.Topic)
	if err != nil {
		return err.Error()
	}
	_, err = k.auth.Verify(topic, m.Payload, m.Retained)
	var refused *authority.Refused
	if errors.As(err, &refused) {
		return string(refused.Why)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
