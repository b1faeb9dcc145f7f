package mqtt

import (
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// script is a broker over net.Pipe of which each answer is chosen by the test. It
// says CONNACK by itself.
type script struct {
	net.Conn
	answer func(w io.Writer, p packets.ControlPacket)
	quiet  bool // no CONNACK, no PINGRESP
	code   byte
}

// dialer gives the client's end and plays the broker's.
func (s *script) dialer() Dialer {
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		s.Conn = server
		go s.run()
		return client, nil
	}
}

func (s *script) run() {
	defer s.Close()
	for {
		p, err := packets.ReadPacket(s)
		if err != nil {
			return
		}
		if _, ok := p.(*packets.ConnectPacket); ok && !s.quiet {
			ack := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
			ack.ReturnCode = s.code
			if ack.Write(s) != nil {
				return
			}
		}
		if s.answer != nil {
			s.answer(s, p)
		}
	}
}

// connected opens a session with s inside a synctest bubble.
func connected(t *testing.T, s *script, receive func(Message)) *Session {
	t.Helper()
	c, err := Connect(t.Context(), Options{Broker: "mqtt://127.0.0.1", ClientID: "gw", Dial: s.dialer()}, receive)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A peer that accepts bytes and never answers is noticed within 30 s.
func TestPromise11_SilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := connected(t, &script{}, nil)
		began := time.Now()
		<-c.Done()
		if d := time.Since(began); d < 20*time.Second || d > 30*time.Second {
			t.Errorf("noticed after %v", d)
		}
		var silence Silence
		if !errors.As(c.Err(), &silence) {
			t.Errorf("reason: %v", c.Err())
		}
		if cause, _ := Explain(c.Err()); cause != Network {
			t.Errorf("cause %s", cause)
		}
		if _, err := c.Publish(t.Context(), Message{Topic: "a"}); !errors.As(err, &silence) {
			t.Errorf("publish on a dead session: %v", err)
		}
		time.Sleep(time.Minute) // paho's goroutines end in virtual time
	})
}

// A peer that reads nothing more, so that writes do not return, is noticed within 30 s.
func TestPromise12_FullSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		s := &script{}
		s.answer = func(_ io.Writer, p packets.ControlPacket) {
			if _, ok := p.(*packets.ConnectPacket); ok {
				<-stop
			}
		}
		c := connected(t, s, nil)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Published(ctx, Message{Topic: "a", QoS: 1, Payload: []byte("x")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a stalled publish must end with its context: %v", err)
		}
		if d := time.Since(began); d != time.Second {
			t.Errorf("returned after %v", d)
		}
		<-c.Done()
		if d := time.Since(began); d > 30*time.Second {
			t.Errorf("noticed after %v", d)
		}
		close(stop)
		time.Sleep(time.Minute)
	})
}

// Hours of idling cost pings only, and the ping's round trip is known.
func TestKeepAliveForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings atomic.Int32
		c := connected(t, &script{answer: func(w io.Writer, p packets.ControlPacket) {
			if _, ok := p.(*packets.PingreqPacket); ok {
				pings.Add(1)
				time.Sleep(40 * time.Millisecond)
				_ = packets.NewControlPacket(packets.Pingresp).Write(w)
			}
		}}, nil)
		time.Sleep(3 * time.Hour)
		select {
		case <-c.Done():
			t.Fatal(c.Err())
		default:
		}
		if n := pings.Load(); n < 400 || n > 550 {
			t.Errorf("%d pings in 3 h", n)
		}
		if p := c.Stats().Ping; p != 40*time.Millisecond {
			t.Errorf("round trip %v", p)
		}
		if err := c.Close(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
	})
}

// No answer to CONNECT ends the attempt after 10 s, or with the caller's context.
func TestNoConnack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, limit := range []time.Duration{3 * time.Second, time.Hour} {
			s := &script{quiet: true}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			began := time.Now()
			_, err := Connect(ctx, Options{Broker: "mqtt://127.0.0.1", ClientID: "gw", Dial: s.dialer()}, nil)
			cancel()
			if err == nil {
				t.Fatal("connected")
			}
			if d := time.Since(began); d != min(limit, defaultConnect) {
				t.Errorf("gave up after %v: %v", d, err)
			}
		}
		time.Sleep(time.Minute)
	})
}
