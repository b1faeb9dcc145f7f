package platform

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/wire"
)

func say(text string) wire.Order {
	return wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: text}}
}

func TestOrdersAndResults(t *testing.T) {
	p, _, b := street(t, Options{})
	id, err := p.Send(soon(t), say("请勿占道经营"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Await(soon(t), id, "horn-1")
	if err != nil || r.Status != wire.Done || r.Kid != "operator" {
		t.Errorf("%+v %v", r, err)
	}
	if steps := p.Results(id); len(steps) != 2 || steps[0].What.Status != wire.Running || steps[0].Again {
		t.Errorf("%+v", steps)
	}
	// After a broken connection the platform hears again, by itself.
	b.Kick("ctl-platform")
	id, err = p.Send(soon(t), say("again"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Await(soon(t), id, ""); err != nil {
		t.Error(err)
	}
	p.Look(func(b *Books) {
		if len(b.Bad) > 0 || len(b.Sent) != 2 {
			t.Errorf("%d sent, bad: %q", len(b.Sent), b.Bad)
		}
	})
}

func TestStopGoesTwice(t *testing.T) {
	p, k, _ := street(t, Options{})
	if _, err := p.Stop(soon(t)); err != nil {
		t.Fatal(err)
	}
	one, two := k.next(wire.ChanStop, 0), k.next(wire.ChanStop, 1)
	if one.QoS != 0 || two.QoS != 1 || !bytes.Equal(one.Payload, two.Payload) || k.why(one) != "" {
		t.Errorf("QoS %d and %d, equal: %v, %s", one.QoS, two.QoS, bytes.Equal(one.Payload, two.Payload), k.why(one))
	}
}

func TestPresencesAreAnsweredWithTheTime(t *testing.T) {
	skew := 3 * time.Hour
	p, k, _ := street(t, Options{Now: func() time.Time { return time.Now().Add(skew) }})
	k.say(k.topics.Of(gw, wire.ChanPresence), wire.Presence{Contract: 1, State: wire.Online, Run: run, Nonce: "n-1"}, true)
	if pr, n, err := p.AwaitOnline(soon(t), 0); err != nil || pr.Nonce != "n-1" || n != 1 {
		t.Errorf("%+v %d %v", pr, n, err)
	}
	m := k.next(wire.ChanTime, 0)
	beacon, err := k.auth.VerifyBeacon(m.Payload)
	if err != nil || beacon.Nonce != "n-1" || beacon.Run != run || beacon.Gateway != gw {
		t.Errorf("%+v %v", beacon, err)
	}
	if ahead := time.Until(beacon.Time); ahead < skew-time.Minute || ahead > skew {
		t.Errorf("the beacon is %v ahead, want %v", ahead, skew)
	}
	p.Look(func(b *Books) {
		if len(b.Presences) != 1 || b.Presences[0].What.Run != run {
			t.Errorf("%+v", b.Presences)
		}
	})
}

func TestForgeriesAndReplays(t *testing.T) {
	p, k, _ := street(t, Options{})
	for i, c := range []struct {
		how  Forgery
		want authority.Cause
	}{
		{BadSignature, authority.Forged}, {OtherKey, authority.Forged}, {UnknownKey, authority.UnknownKey}, {Altered, authority.Forged},
	} {
		if _, err := p.Forge(soon(t), say("lies"), c.how); err != nil {
			t.Fatal(err)
		}
		if got := k.why(k.next(wire.ChanCommand, i)); got != string(c.want) {
			t.Errorf("%s is refused as %q, want %q", c.how, got, c.want)
		}
	}
	id, err := p.Send(soon(t), say("once"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Replay(soon(t), id, false); err != nil {
		t.Fatal(err)
	}
	if one, two := k.next(wire.ChanCommand, 4), k.next(wire.ChanCommand, 5); !bytes.Equal(one.Payload, two.Payload) {
		t.Error("a replay has other bytes")
	}
	if err := p.Replay(soon(t), "nobody", false); err == nil {
		t.Error("an order that was never sent was replayed")
	}
}

func TestStickIsHeldAndLetGo(t *testing.T) {
	p, k, _ := street(t, Options{})
	// The box says done at once; a running step is enough to take the stick.
	stick, err := p.TakeStick(soon(t), "gate-3", wire.Speeds{Pan: 0.5}, Hold{Every: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	order, err := k.auth.Verify(wire.Topic{Root: "fuqiao", Gateway: gw, Channel: wire.ChanCommand}, k.next(wire.ChanCommand, 0).Payload, false)
	if err != nil {
		t.Fatal(err)
	}
	spec := order.Args.(*wire.SessionArgs).Session
	pub, err := base64.RawURLEncoding.DecodeString(spec.Pub)
	if err != nil {
		t.Fatal(err)
	}
	open := func(i int) wire.Frame {
		t.Helper()
		m := k.next(wire.ChanSession, i)
		f, err := wire.OpenFrame(m.Payload, gw, spec.ID, ed25519.PublicKey(pub))
		if err != nil || m.QoS != 0 || f.Counter != uint64(i+1) {
			t.Fatalf("frame %d: %+v, QoS %d, %v", i, f, m.QoS, err)
		}
		return f
	}
	for i := range 5 {
		if v, err := open(i).Move(); err != nil || v.Pan < 0.49 || v.Pan > 0.51 {
			t.Errorf("%+v %v", v, err)
		}
	}
	if err := stick.Move(soon(t), wire.Speeds{Tilt: -1}); err != nil {
		t.Fatal(err)
	}
	if err := stick.Release(soon(t)); err != nil {
		t.Fatal(err)
	}
	n := len(stick.Frames())
	if last := open(n - 1); last.Kind != wire.FrameStop {
		t.Errorf("the last frame is %+v", last)
	}
	if v, _ := open(n - 2).Move(); v.Tilt != -1 {
		t.Errorf("the frame before it says %+v", v)
	}
	if err := stick.Replay(soon(t), 0); err != nil {
		t.Fatal(err)
	}
	if m := k.next(wire.ChanSession, n); wire.FrameCounter(m.Payload) != 1 {
		t.Error("the replayed frame is another")
	}
}

func TestAccountOfRecords(t *testing.T) {
	p, k, _ := street(t, Options{NoBeacon: true})
	type any = map[string]string
	for _, seq := range []uint64{1, 2, 2, 5} {
		k.event(wire.ChanEvent, wire.TypeCamera, "cam-1", "event", seq, any{})
	}
	k.event(wire.ChanEvent, wire.TypeCamera, "cam-1", "event", 5, any{"other": "bytes"})
	k.event(wire.ChanEvent, wire.TypeGap, "", "gap", 1, struct {
		Run   wire.Run `json:"run"`
		Class string   `json:"class"`
		First int      `json:"first"`
		Last  int      `json:"last"`
	}{run, "event", 3, 3})
	k.say(k.topics.Of(gw, wire.ChanPresence), wire.Presence{Contract: 1, State: wire.Online, Run: run, Next: map[string]uint64{"event": 8}}, true)
	if err := p.Until(soon(t), func(b *Books) bool { return len(b.Presences) == 1 }); err != nil {
		t.Fatal(err)
	}
	rows := p.Account()
	e := rows[0]
	if len(rows) != 2 || e.Class != "event" || e.Produced != 7 || e.Seen != 3 || e.Accounted != 1 || e.Doubled != 2 || e.Different != 1 || len(e.Lost) != 3 || e.Lost[0] != 4 {
		t.Errorf("%+v", rows)
	}
	p.Look(func(b *Books) {
		if len(b.Bad) != 1 || !strings.Contains(b.Bad[0], "other bytes") || len(b.Events) != 6 || !b.Events[2].Again {
			t.Errorf("%d events, bad %q", len(b.Events), b.Bad)
		}
	})
}

// TestClosedRun: run.closed says where a run ended, whatever its presence had promised;
// what comes from beyond it is a phantom.
func TestClosedRun(t *testing.T) {
	p, k, _ := street(t, Options{NoBeacon: true})
	k.event(wire.ChanEvent, wire.TypeCamera, "cam-1", "event", 1, map[string]string{})
	k.say(k.topics.Of(gw, wire.ChanPresence), wire.Presence{Contract: 1, State: wire.Online, Run: run, Next: map[string]uint64{"event": 4}}, true)
	k.event(wire.ChanEvent, wire.TypeRunClosed, "", "gap", 1, struct {
		Run   wire.Run `json:"run"`
		Class string   `json:"class"`
		Last  int      `json:"last"`
	}{run, "event", 2})
	if err := p.Until(soon(t), func(b *Books) bool { return len(b.Events) == 2 && len(b.Presences) == 1 }); err != nil {
		t.Fatal(err)
	}
	if e := p.Account()[0]; e.Produced != 2 || e.Seen != 1 || len(e.Lost) != 1 || e.Lost[0] != 2 {
		t.Errorf("%+v", e)
	}
	k.event(wire.ChanEvent, wire.TypeCamera, "cam-1", "event", 3, map[string]string{})
	if err := p.Until(soon(t), func(b *Books) bool { return len(b.Bad) == 1 }); err != nil {
		t.Fatal(err)
	}
	p.Look(func(b *Books) {
		if !strings.Contains(b.Bad[0], "run.closed says that 2 was the last") {
			t.Errorf("%q", b.Bad)
		}
	})
}

func TestLastValues(t *testing.T) {
	p, k, _ := street(t, Options{})
	k.say(k.topics.InventoryPart(gw, 1), wire.InventoryPart{Part: 1, Devices: []wire.DeviceInfo{{ID: "horn-1"}, {ID: "gate-3"}}}, true)
	k.say(k.topics.Of(gw, wire.ChanInventory), wire.InventoryIndex{Version: 1, Parts: 1}, true)
	k.say(k.topics.State(gw, "horn-1"), wire.DeviceState{Device: "horn-1", State: wire.StateBusy}, true)
	k.say(k.topics.State(gw, "horn-1"), wire.DeviceState{Device: "horn-2", State: wire.StateBusy}, true)
	k.say(k.topics.Of(gw, wire.ChanTelemetry), wire.Pack{wire.Num("cpu", "/", 0.03)}, false)
	k.say(k.topics.Of(gw, wire.ChanTelemetry), wire.Pack{{Name: "no-value"}}, false)
	if err := p.Until(soon(t), func(b *Books) bool { return len(b.Telemetry) == 2 }); err != nil {
		t.Fatal(err)
	}
	p.Look(func(b *Books) {
		if len(b.Inventory) != 2 || b.Index.Parts != 1 || b.States["horn-1"].State != wire.StateBusy || len(b.StateLog) != 1 || len(b.Bad) != 2 {
			t.Errorf("%+v", b)
		}
	})
}

func TestTrustHolds(t *testing.T) {
	trust, err := NewTrust(t.TempDir(), func(d *authority.Trust) { d.Version = 7 })
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(trust.File)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := authority.CheckTrust(text)
	if err != nil || doc.Version != 7 || len(doc.Keys) != 3 || len(doc.Roots) != 2 {
		t.Errorf("%+v %v", doc, err)
	}
	if _, err := authority.ReadKey(trust.OperatorKey); err != nil {
		t.Error(err)
	}
}
