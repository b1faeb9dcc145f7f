//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/pki"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/street"
)

func say(text string) wire.Order {
	return wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: text}}
}

// came counts camera events with a word in them.
func came(s *street.Street, word string) (n int) {
	s.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Type == wire.TypeCamera && !e.Again && strings.Contains(string(e.What.Data), `"id":"`+word) {
				n++
			}
		}
	})
	return n
}

// story is the same day with every broker: orders, a stop, events through an outage and a
// restart of the broker, and everything there again after it.
func story(t *testing.T, s *street.Street, b *server) {
	t.Helper()
	for i := range 3 {
		if r, err := s.Send(within(t), say(fmt.Sprintf("第%d次通知", i+1))); err != nil || r.Status != wire.Done {
			t.Fatalf("%+v %v", r, err)
		}
	}
	id, err := s.Platform.Stop(within(t))
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, "dome-1"); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("a stop: %+v %v", r, err)
	}
	post := func(word string) {
		for i := range 10 {
			if code, err := s.Camera.Event(within(t), fmt.Sprintf("%s-%d", word, i), "motion"); code != 202 || err != nil {
				t.Fatal(word, code, err)
			}
		}
	}
	post("before")
	// A broker without persistence forgets what it has acknowledged when it is killed: where
	// its word counts, that is its word. (uplink.ack: platform is for those who want more.)
	soon(t, "the events before", func() bool { return came(s, "before") == 10 })
	b.stop()
	post("during")
	time.Sleep(2 * time.Second) // an outage has a length
	b.start()
	must(t, s.Platform.WaitConnected(within(t)))
	post("after")
	for _, word := range []string{"before", "during", "after"} {
		soon(t, "the events "+word, func() bool { return came(s, word) == 10 })
	}
	soon(t, "an order after it", func() bool {
		limit, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, err := s.Send(limit, say("恢复"))
		return err == nil && r.Status == wire.Done
	})
	for _, text := range []string{"第1次通知", "第2次通知", "第3次通知"} {
		n := 0
		for _, u := range s.Horns[0].Chip.Utterances() {
			if u.Text == text {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s was said %d times", text, n)
		}
	}
	for _, r := range s.Platform.Account() {
		if r.Different > 0 {
			t.Errorf("%+v", r)
		}
	}
	verified := status(t, s)
	if !verified.Uplink.Connected || !verified.Uplink.Verified {
		t.Errorf("%+v", verified)
	}
}

type state struct {
	Uplink struct {
		Connected, Verified bool
		Reason              string
	}
	Conditions []struct{ Code, Detail string }
}

func status(t *testing.T, s *street.Street) (st state) {
	t.Helper()
	out, err := exec.Command(program("edgectl"), "status", "--json", "--socket", s.Socket).Output()
	must(t, err)
	must(t, json.Unmarshal(out, &st))
	return st
}

func (s state) raised(code string) (detail string, raised bool) {
	for _, c := range s.Conditions {
		if c.Code == code {
			return c.Detail, true
		}
	}
	return "", false
}

// TestMosquitto: the story with Mosquitto.
func TestMosquitto(t *testing.T) {
	s, b := live(t, street.Options{}, func(ca *pki.CA) *server { return mosquitto(t, ca, brokerSpec(), nil) })
	story(t, s, b)
}

// TestNATS: the story with nats-server.
func TestNATS(t *testing.T) {
	s, b := live(t, street.Options{}, func(ca *pki.CA) *server { return nats(t, ca, brokerSpec(), street.Gateway, "box-2") })
	story(t, s, b)
}

// other is a client with the certificate of another gateway.
func other(t *testing.T, s *street.Street, b *server, clientID string) (*mqtt.Session, chan mqtt.Message, error) {
	t.Helper()
	pair, err := s.CA.Client("box-2")
	must(t, err)
	cfg, err := s.CA.ClientTLS(pair)
	must(t, err)
	got := make(chan mqtt.Message, 64)
	session, err := mqtt.Connect(within(t), mqtt.Options{Broker: "mqtts://" + b.addr, TLS: cfg, ClientID: clientID, Clean: true}, func(m mqtt.Message) {
		m.Ack()
		select {
		case got <- m:
		default:
		}
	})
	return session, got, err
}

// TestPromise31_Impersonation: with the rules of edgectl acl a gateway that publishes under
// another's name is not heard, and with another's client id it does not get its place.
func TestPromise31_Impersonation(t *testing.T) {
	for name, start := range map[string]func(ca *pki.CA) *server{
		"mosquitto": func(ca *pki.CA) *server { return mosquitto(t, ca, brokerSpec(), nil) },
		"nats":      func(ca *pki.CA) *server { return nats(t, ca, brokerSpec(), street.Gateway, "box-2") },
	} {
		t.Run(name, func(t *testing.T) {
			s, b := live(t, street.Options{Horns: -1}, start)
			box, _, err := other(t, s, b, "box-2")
			must(t, err)
			record := `{"specversion":"1.0","id":"00000000000000aa-event-1","source":"/x","type":"fuqiao.edged.camera","run":"00000000000000aa","class":"event","seq":"1","data":{"id":"forged"}}`
			for _, topic := range []string{"event", "presence", "command"} {
				limit, cancel := context.WithTimeout(t.Context(), time.Second)
				_ = box.Published(limit, mqtt.Message{Topic: "fuqiao/v1/" + street.Gateway + "/" + topic, QoS: 1, Payload: []byte(record)}) // it may be acknowledged, or the session ended
				cancel()
				if box.Err() != nil {
					box, _, err = other(t, s, b, "box-2")
					must(t, err)
				}
			}
			if code, err := s.Camera.Event(within(t), "real", "motion"); code != 202 || err != nil {
				t.Fatal(code, err)
			}
			soon(t, "the real event", func() bool { return came(s, "real") == 1 })
			if came(s, "forged") != 0 {
				t.Error("another gateway's word was taken for ours")
			}
			if _, raised := status(t, s).raised("uplink.twin"); raised {
				t.Error("a forged presence came through")
			}
			// What it may read is its own.
			box, got, err := other(t, s, b, "box-2")
			must(t, err)
			_ = box.Subscribe(within(t), map[string]byte{"fuqiao/v1/" + street.Gateway + "/command": 1, "fuqiao/v1/+/event": 1}) // may be refused
			if code, err := s.Camera.Event(within(t), "second", "motion"); code != 202 || err != nil {
				t.Fatal(code, err)
			}
			soon(t, "the second event", func() bool { return came(s, "second") == 1 })
			select {
			case m := <-got:
				t.Errorf("box-2 reads %s", m.Topic)
			default:
			}
			if name != "mosquitto" {
				return // NATS does not bind a client id to a user: a taken session is the twin's row
			}
			var sessions uint64
			s.Platform.Look(func(b *platform.Books) { sessions = b.Presences[len(b.Presences)-1].What.Session })
			if taken, _, err := other(t, s, b, street.Gateway); err == nil {
				time.Sleep(time.Second)
				_ = taken.Close(t.Context())
			}
			if r, err := s.Send(within(t), wire.Order{Target: []string{"dome-1"}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 1}}); err != nil || r.Status != wire.DoneUnverified {
				t.Errorf("%+v %v", r, err)
			}
			s.Platform.Look(func(b *platform.Books) {
				if now := b.Presences[len(b.Presences)-1].What.Session; now != sessions {
					t.Errorf("the gateway's session was taken: %d, %d", sessions, now)
				}
			})
		})
	}
}

// TestPromise32_MosquittoDeniesSilently: Mosquitto acknowledges what its ACL throws away; the
// daemon finds it out and says so.
func TestPromise32_MosquittoDeniesSilently(t *testing.T) {
	deny := func(acl string) string { return strings.ReplaceAll(acl, "pattern write fuqiao/v1/%u/loop\n", "") }
	s, _ := live(t, street.Options{Horns: -1}, func(ca *pki.CA) *server { return mosquitto(t, ca, brokerSpec(), deny) })
	soon(t, "uplink.acl", func() bool { _, raised := status(t, s).raised("uplink.acl"); return raised })
	if st := status(t, s); !st.Uplink.Connected || st.Uplink.Verified {
		t.Errorf("%+v", st)
	}
}

// TestPromise33_Matrix: a Mosquitto of another authority, under another name, or with a
// certificate that has expired is not spoken to, the reason is said, and events are kept.
func TestPromise33_Matrix(t *testing.T) {
	for name, c := range map[string]struct {
		spec pki.Spec
		want string
		own  bool // by our authority
	}{
		"wrong name": {pki.Spec{Name: "outside", File: "bad", Hosts: []string{"elsewhere.example"}}, "another name", true},
		"expired":    {pki.Spec{Name: "outside", File: "bad", Hosts: []string{"127.0.0.1"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, "not valid at this time", true},
		"wrong CA":   {brokerSpec(), "unknown authority", false},
	} {
		t.Run(name, func(t *testing.T) {
			var bad *server
			good := func(ca *pki.CA) *server {
				by := ca
				if !c.own {
					var err error
					by, err = pki.New(t.TempDir(), "somebody")
					must(t, err)
				}
				bad = mosquitto(t, by, c.spec, nil)
				bad.start()
				return mosquitto(t, ca, brokerSpec(), nil) // for the platform
			}
			change := func(config string) string {
				at := strings.Index(config, "broker: ")
				end := at + strings.Index(config[at:], "\n")
				return config[:at] + "broker: mqtts://" + bad.addr + config[end:]
			}
			s, _ := live(t, street.Options{Horns: -1, Cold: true, Change: change}, good)
			must(t, s.StartOffline(within(t)))
			if code, err := s.Camera.Event(within(t), "kept", "motion"); code != 202 || err != nil {
				t.Error(code, err)
			}
			limit := time.Now().Add(20 * time.Second)
			for {
				st := status(t, s)
				if detail, raised := st.raised("uplink.tls"); raised && strings.Contains(detail, c.want) {
					break
				}
				if time.Now().After(limit) {
					t.Fatalf("%+v", st)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
}
