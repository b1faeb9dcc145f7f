package main_test

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/broker"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/street"
)

// TestOnlyWhatChanged: while a long announcement is being said the configuration gets other
// uplink settings, a new group, another name, other limits and a second camera. All of it
// counts at once, in the same run and without a word of the announcement being lost; the
// first camera's listener and the dome are not touched either.
func TestOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Speech: slow()})
	raw, err := os.ReadFile(s.File)
	must(t, err)
	id := speaking(t, s, long)
	stops := len(s.Domes[0].Stops())
	var run wire.Run
	s.Platform.Look(func(b *platform.Books) { run = b.Presences[len(b.Presences)-1].What.Run })
	text := string(raw)
	for _, c := range [][2]string{
		{"telemetry_s: 2", "telemetry_s: 1\n  max_kbit_s: 5000"},
		{"小闸口1号号角", "新号角"},
		{"max_say_s: 60", "max_say_s: 60\n  max_text_runes: 3"},
		{"zones:", "zones:\n  reload: [horn-1]"},
	} {
		if !strings.Contains(text, c[0]) {
			t.Fatalf("%q is not in the configuration", c[0])
		}
		text = strings.Replace(text, c[0], c[1], 1)
	}
	must(t, os.WriteFile(s.File, []byte(text), 0o600))
	seen := len(s.Service.Lines())
	must(t, s.Service.Hup())
	_, err = s.Service.WaitLine(within(t), seen, func(l process.Line) bool { return l.Msg() == "configuration taken in" })
	must(t, err)
	must(t, s.Online(within(t)))
	soon(t, "the new name", func() (there bool) {
		s.Platform.Look(func(b *platform.Books) {
			for _, d := range b.Inventory {
				there = there || d.Name == "新号角" && slices.Contains(d.Zones, "reload")
			}
		})
		return there
	})
	s.Platform.Look(func(b *platform.Books) {
		if now := b.Presences[len(b.Presences)-1].What; now.Run != run || now.Boot == "reload" {
			t.Errorf("another run: %+v", now)
		}
	})
	if r := send(t, s, say("一二三四")); r.Status != wire.Rejected {
		t.Errorf("a text that is longer than the new limit: %+v", r)
	}
	if r, err := s.Platform.Await(within(t), id, "horn-1"); err != nil || r.Status != wire.Done {
		t.Errorf("what was being said: %+v %v", r, err)
	}
	if n := len(s.Domes[0].Stops()); n != stops {
		t.Errorf("the dome was stopped %d times more", n-stops)
	}
	if r := send(t, s, say("好", "zone:reload")); r.Status != wire.Done {
		t.Errorf("by the new zone: %+v", r)
	}
	if code, err := s.Camera.Event(within(t), "after", "motion"); code != 202 || err != nil {
		t.Errorf("the camera: %d %v", code, err)
	}
	// The same file once more changes nothing at all.
	sessions := 0
	s.Platform.Look(func(b *platform.Books) { sessions = int(b.Presences[len(b.Presences)-1].What.Session) })
	seen = len(s.Service.Lines())
	must(t, s.Service.Hup())
	_, err = s.Service.WaitLine(within(t), seen, func(l process.Line) bool { return l.Msg() == "configuration taken in" })
	must(t, err)
	if r := send(t, s, say("好")); r.Status != wire.Done {
		t.Errorf("%+v", r)
	}
	s.Platform.Look(func(b *platform.Books) {
		if now := b.Presences[len(b.Presences)-1].What; int(now.Session) != sessions {
			t.Errorf("session %d became %d without a change", sessions, now.Session)
		}
	})
}

// TestCamerasComeAndGo: a camera that is added takes events, one that is removed refuses
// them, one whose secret has changed wants the new one; the others do not notice.
func TestCamerasComeAndGo(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1})
	raw, err := os.ReadFile(s.File)
	must(t, err)
	second := s.Camera
	second.ID, second.Path = "cam-2", "/cam-2"
	must(t, os.WriteFile(s.State+"/secrets/cam-2", []byte(second.Token+"\n"), 0o600))
	apply := func(text string) {
		t.Helper()
		must(t, os.WriteFile(s.File, []byte(text), 0o600))
		seen := len(s.Service.Lines())
		must(t, s.Service.Hup())
		_, err := s.Service.WaitLine(within(t), seen, func(l process.Line) bool { return l.Msg() == "configuration taken in" })
		must(t, err)
	}
	at := strings.Index(string(raw), "cameras:\n") + len("cameras:\n")
	apply(string(raw[:at]) + "  cam-2: {model: webhook, options: {listen: \"" + s.Camera.Addr + "\", path: /cam-2, secret: cam-2}}\n" + string(raw[at:]))
	soon(t, "the second camera", func() bool {
		code, err := second.Event(within(t), "first", "motion")
		return err == nil && code == 202
	})
	if code, err := s.Camera.Event(within(t), "x", "motion"); code != 202 || err != nil {
		t.Errorf("the first camera: %d %v", code, err)
	}
	apply(string(raw))
	soon(t, "its end", func() bool {
		code, err := second.Event(within(t), "second", "motion")
		return err == nil && code == 404
	})
	if code, err := s.Camera.Event(within(t), "y", "motion"); code != 202 || err != nil {
		t.Errorf("the first camera: %d %v", code, err)
	}
	soon(t, "three events", func() bool { return len(events(s, wire.TypeCamera)) == 3 })
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("%d lives of the process", n)
	}
	balanced(t, s)
}

// TestSecondBroker: the first broker goes, the second serves: what a camera was promised is
// there, and the status says which one it is and that its rules let us work.
func TestSecondBroker(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1, Cold: true})
	server, err := s.CA.Server("broker-2")
	must(t, err)
	tls, err := s.CA.ServerTLS(server)
	must(t, err)
	second, err := broker.New(broker.Options{TLS: tls, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer func() { must(t, second.Close()) }()
	raw, err := os.ReadFile(s.File)
	must(t, err)
	must(t, os.WriteFile(s.File, []byte(strings.Replace(string(raw), "  ca: ", "  fallback: ["+second.URL()+"]\n  ca: ", 1)), 0o600))
	must(t, s.Start(within(t)))
	soon(t, "the first broker", func() bool { u := status(t, s).Uplink; return u.Connected && u.Verified && u.Broker != second.URL() })
	must(t, s.Link.Set(proxy.Cut))
	soon(t, "the second broker", func() bool { u := status(t, s).Uplink; return u.Connected && u.Verified && u.Broker == second.URL() })
	if code, err := s.Camera.Event(within(t), "there", "motion"); code != 202 || err != nil {
		t.Fatal(code, err)
	}
	soon(t, "the event at the second broker", func() bool {
		for _, c := range status(t, s).Journal {
			if c.Class == "event" {
				return c.Records == 0
			}
		}
		return false
	})
	if raised(t, s, "uplink.offline") || raised(t, s, "uplink.acl") {
		t.Errorf("%+v", status(t, s).Conditions)
	}
}
