package mqtt

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// Each code of CONNACK, also those that MQTT 3.1.1 does not know and paho takes for success.
func TestRefusedByConnack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, code := range []byte{1, 2, 3, 4, 5, 6, 0x87, 0xFE, 0xFF} {
			s := &script{code: code}
			_, err := Connect(t.Context(), Options{Broker: "mqtt://127.0.0.1", ClientID: "gw", Dial: s.dialer()}, nil)
			var r Refusal
			if !errors.As(err, &r) || byte(r) != code {
				t.Errorf("code %d: %v", code, err)
			}
			if cause, text := Explain(err); cause != RefusedBy || text == "" {
				t.Errorf("code %d: %s %q", code, cause, text)
			}
		}
		time.Sleep(time.Minute)
	})
}

// Every answer to SUBSCRIBE that is not what was asked for is an error; one that
// would make paho panic ends the session.
func TestAnswersToSubscribe(t *testing.T) {
	for _, c := range []struct {
		name  string
		codes []byte
		want  string
		lost  bool
	}{
		{"granted", []byte{1, 1}, "", false},
		{"refused", []byte{0x80, 0x80}, "refuses the subscription a/+", false},
		{"one refused", []byte{1, 0x80}, "refuses", false},
		{"lower", []byte{0, 0}, "only QoS 0", false},
		{"too long", []byte{1, 1, 1, 1}, "4 codes", true},
		{"too short", []byte{1}, "1 codes", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := connected(t, &script{answer: func(w io.Writer, p packets.ControlPacket) {
					if sub, ok := p.(*packets.SubscribePacket); ok {
						ack := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
						ack.MessageID, ack.ReturnCodes = sub.MessageID, c.codes
						_ = ack.Write(w)
					}
				}}, nil)
				err := s.Subscribe(t.Context(), map[string]byte{"a/+": 1, "b": 1})
				if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if lost := s.Err() != nil; lost != c.lost {
					t.Errorf("session lost: %v (%v)", lost, s.Err())
				}
				_ = s.Close(t.Context())
				time.Sleep(time.Minute)
			})
		})
	}
}

// A header that announces 256 MiB ends the connection and allocates nothing.
func TestHeaderOf256MiB(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		c := connected(t, s, func(Message) { t.Error("received") })
		synctest.Wait()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := s.Write([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}); err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%d bytes allocated", grown)
		}
		var v Violation
		if !errors.As(c.Err(), &v) {
			t.Errorf("reason: %v", c.Err())
		}
		time.Sleep(time.Minute)
	})
}

// A receiver that panics loses its message and nothing else; Ack works from anywhere,
// twice, and after the end.
func TestReceiverPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan Message, 4)
		acks := make(chan uint16, 4)
		s := &script{answer: func(_ io.Writer, p packets.ControlPacket) {
			if a, ok := p.(*packets.PubackPacket); ok {
				acks <- a.MessageID
			}
		}}
		c := connected(t, s, func(m Message) {
			if string(m.Payload) == "boom" {
				panic("boom")
			}
			got <- m
		})
		for i, text := range []string{"boom", "one", "two"} {
			p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
			p.TopicName, p.Payload, p.Qos, p.MessageID = "t", []byte(text), 1, uint16(i+1)
			if err := p.Write(s); err != nil {
				t.Fatal(err)
			}
		}
		one, two := <-got, <-got
		one.Ack()
		one.Ack()
		if id := <-acks; id != 2 {
			t.Errorf("acknowledged %d", id)
		}
		synctest.Wait()
		if n := c.Stats().Unacked; n != 2 {
			t.Errorf("%d unacknowledged, want the panicked one and the last", n)
		}
		_ = c.Close(t.Context())
		two.Ack()
		time.Sleep(time.Minute)
		if len(acks) != 0 {
			t.Error("acknowledged twice or after the end")
		}
	})
}

// A broker that ignores its window is cut off instead of being collected.
func TestBrokerIgnoresTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		c := connected(t, s, func(Message) {})
		p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		p.TopicName, p.Payload, p.Qos = "t", make([]byte, 64<<10), 1
		for i := range 200 {
			p.MessageID = uint16(i + 1)
			if p.Write(s) != nil {
				break
			}
		}
		<-c.Done()
		var v Violation
		if !errors.As(c.Err(), &v) {
			t.Errorf("reason: %v", c.Err())
		}
		time.Sleep(time.Minute)
	})
}
