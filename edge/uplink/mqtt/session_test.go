package mqtt

import (
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/drivers/fault"
)

func TestThereAndBack(t *testing.T) {
	h := newHouse(t)
	in := make(inbox, 8)
	s := join(t, Options{Broker: h.url, ClientID: "gw"}, in.take)
	if err := s.Subscribe(t.Context(), map[string]byte{"down/+": 1, "zero": 0}); err != nil {
		t.Fatal(err)
	}
	if err := s.Published(t.Context(), Message{Topic: "down/a", QoS: 1, Payload: []byte("一")}); err != nil {
		t.Fatal(err)
	}
	m := in.next(t)
	if m.Topic != "down/a" || string(m.Payload) != "一" || m.QoS != 1 || m.Retained || m.Duplicate {
		t.Errorf("got %+v", m)
	}
	m.Ack()
	if err := s.Published(t.Context(), Message{Topic: "zero", Payload: []byte("z")}); err != nil {
		t.Fatal(err)
	}
	if m := in.next(t); m.Topic != "zero" || m.QoS != 0 {
		t.Errorf("got %+v", m)
	}
	if st := s.Stats(); st.BytesIn < 20 || st.BytesOut < 40 {
		t.Errorf("stats %+v", st)
	}
	if err := s.Unsubscribe(t.Context(), "zero"); err != nil {
		t.Fatal(err)
	}
	if err := s.Published(t.Context(), Message{Topic: "zero", QoS: 1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil || s.Err() != nil {
		t.Errorf("close: %v, %v", err, s.Err())
	}
	if len(in) != 0 {
		t.Error("a message after unsubscribing")
	}
	if _, err := s.Publish(t.Context(), Message{Topic: "a"}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("publish after close: %v", err)
	}
}

// What was not acknowledged comes again in the next session, marked; what was, does not.
func TestUnackedComesAgain(t *testing.T) {
	h := newHouse(t)
	in := make(inbox, 8)
	s := join(t, Options{Broker: h.url, ClientID: "gw"}, in.take)
	if s.SessionPresent() {
		t.Error("a new session is said to be an old one")
	}
	if err := s.Subscribe(t.Context(), map[string]byte{"c": 1}); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"1", "2", "3"} {
		if err := h.Publish("c", []byte(p), false, 1); err != nil {
			t.Fatal(err)
		}
	}
	in.next(t).Ack()
	in.next(t)
	in.next(t).Ack()
	_ = s.Close(t.Context()) // the acknowledgements leave before the goodbye
	s = join(t, Options{Broker: h.url, ClientID: "gw"}, in.take)
	if !s.SessionPresent() {
		t.Error("the broker forgot the session")
	}
	if m := in.next(t); string(m.Payload) != "2" || !m.Duplicate {
		t.Errorf("got %q, duplicate %v", m.Payload, m.Duplicate)
	}
	if err := s.Published(t.Context(), Message{Topic: "x", QoS: 1}); err != nil {
		t.Fatal(err)
	}
	if len(in) != 0 {
		t.Error("an acknowledged message came again")
	}
}

// The will is published when the link breaks, not after a goodbye, and retained
// messages are marked as such.
func TestWillAndRetained(t *testing.T) {
	h := newHouse(t)
	in := make(inbox, 8)
	watch := join(t, Options{Broker: h.url, ClientID: "ctl-w", Clean: true}, in.take)
	if err := watch.Subscribe(t.Context(), map[string]byte{"presence": 1}); err != nil {
		t.Fatal(err)
	}
	will := &Message{Topic: "presence", QoS: 1, Retained: true, Payload: []byte("lost")}
	s := join(t, Options{Broker: h.url, ClientID: "gw", Will: will}, nil)
	_ = s.Close(t.Context())
	// Under the same name it might throw the first one out before its goodbye is read.
	s = join(t, Options{Broker: h.url, ClientID: "gw-2", Will: will}, nil)
	s.Abort(fault.NoReply)
	if m := in.next(t); string(m.Payload) != "lost" || m.Retained {
		t.Errorf("got %q, retained %v", m.Payload, m.Retained)
	}
	if !errors.Is(s.Err(), fault.NoReply) {
		t.Errorf("reason %v", s.Err())
	}
	late := join(t, Options{Broker: h.url, ClientID: "ctl-l", Clean: true}, in.take)
	if err := late.Subscribe(t.Context(), map[string]byte{"presence": 1}); err != nil {
		t.Fatal(err)
	}
	if m := in.next(t); string(m.Payload) != "lost" || !m.Retained {
		t.Errorf("got %q, retained %v", m.Payload, m.Retained)
	}
	if len(in) != 0 {
		t.Error("the will came after a goodbye too")
	}
}

// Many publishers, many acknowledgers, a link that breaks in the middle: no call
// hangs and no goroutine stays (goleak).
func TestManyAtOnceAndABreak(t *testing.T) {
	h := newHouse(t)
	s := join(t, Options{Broker: h.url, ClientID: "gw", WriteTimeout: 200 * time.Millisecond}, func(m Message) { m.Ack() })
	if err := s.Subscribe(t.Context(), map[string]byte{"t": 1}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	sent := make(chan struct{}, 1<<16)
	for range 8 {
		all.Go(func() {
			for s.Published(t.Context(), Message{Topic: "t", QoS: 1, Payload: make([]byte, 100)}) == nil {
				select {
				case sent <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 200 {
		<-sent
	}
	cl, ok := h.Clients.Get("gw")
	if !ok {
		t.Fatal("the broker does not know us")
	}
	cl.Stop(errors.New("cut"))
	all.Wait()
	if s.Err() == nil {
		t.Error("no reason")
	}
}
