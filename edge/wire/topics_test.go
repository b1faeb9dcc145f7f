package wire_test

import (
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

// Every row of the contract's table of topics, built and parsed.
func TestTopics(t *testing.T) {
	r := wire.Topics{Root: "fuqiao"}
	sha := strings.Repeat("ab", 32)
	cases := []struct {
		built string
		want  string
		topic wire.Topic
	}{
		{r.Of("gw-1", wire.ChanPresence), "fuqiao/v1/gw-1/presence", wire.Topic{Gateway: "gw-1", Channel: wire.ChanPresence}},
		{r.Of("gw-1", wire.ChanInventory), "fuqiao/v1/gw-1/inventory", wire.Topic{Gateway: "gw-1", Channel: wire.ChanInventory}},
		{r.InventoryPart("gw-1", 12), "fuqiao/v1/gw-1/inventory/12", wire.Topic{Gateway: "gw-1", Channel: wire.ChanInventory, Leaf: "12"}},
		{r.State("gw-1", "horn-03"), "fuqiao/v1/gw-1/state/horn-03", wire.Topic{Gateway: "gw-1", Channel: wire.ChanState, Leaf: "horn-03"}},
		{r.Of("gw-1", wire.ChanCommand), "fuqiao/v1/gw-1/command", wire.Topic{Gateway: "gw-1", Channel: wire.ChanCommand}},
		{r.OfGroup("market", wire.ChanCommand), "fuqiao/v1/group/market/command", wire.Topic{Group: "market", Channel: wire.ChanCommand}},
		{r.Of("gw-1", wire.ChanStop), "fuqiao/v1/gw-1/stop", wire.Topic{Gateway: "gw-1", Channel: wire.ChanStop}},
		{r.OfGroup("market", wire.ChanStop), "fuqiao/v1/group/market/stop", wire.Topic{Group: "market", Channel: wire.ChanStop}},
		{r.Session("gw-1", "S-1.a"), "fuqiao/v1/gw-1/session/S-1.a", wire.Topic{Gateway: "gw-1", Channel: wire.ChanSession, Leaf: "S-1.a"}},
		{r.Of("gw-1", wire.ChanAck), "fuqiao/v1/gw-1/ack", wire.Topic{Gateway: "gw-1", Channel: wire.ChanAck}},
		{r.Of("gw-1", wire.ChanTime), "fuqiao/v1/gw-1/time", wire.Topic{Gateway: "gw-1", Channel: wire.ChanTime}},
		{r.Of("gw-1", wire.ChanResult), "fuqiao/v1/gw-1/result", wire.Topic{Gateway: "gw-1", Channel: wire.ChanResult}},
		{r.Of("gw-1", wire.ChanEvent), "fuqiao/v1/gw-1/event", wire.Topic{Gateway: "gw-1", Channel: wire.ChanEvent}},
		{r.Of("gw-1", wire.ChanTelemetry), "fuqiao/v1/gw-1/telemetry", wire.Topic{Gateway: "gw-1", Channel: wire.ChanTelemetry}},
		{r.Of("gw-1", wire.ChanLoop), "fuqiao/v1/gw-1/loop", wire.Topic{Gateway: "gw-1", Channel: wire.ChanLoop}},
		{r.Media("gw-1", sha, 0), "fuqiao/v1/gw-1/media/" + sha, wire.Topic{Gateway: "gw-1", Channel: wire.ChanMedia, Leaf: sha}},
		{r.Media("gw-1", sha, 3), "fuqiao/v1/gw-1/media/" + sha + "/3", wire.Topic{Gateway: "gw-1", Channel: wire.ChanMedia, Leaf: sha, Part: "3"}},
	}
	for _, c := range cases {
		c.topic.Root = "fuqiao"
		if c.built != c.want {
			t.Errorf("built %s, want %s", c.built, c.want)
		}
		got, err := r.Parse(c.want)
		if err != nil || got != c.topic {
			t.Errorf("%s: parsed as %+v, %v", c.want, got, err)
		}
	}
	down := r.Down("gw-1", []string{"market"})
	if len(down) != 10 || down[2] != "fuqiao/v1/gw-1/session/+" || down[9] != "fuqiao/v1/group/market/session/+" {
		t.Errorf("subscriptions %q", down)
	}
}

func TestBadTopics(t *testing.T) {
	r := wire.Topics{Root: "fuqiao"}
	for _, s := range []string{
		"", "fuqiao", "fuqiao/v1/", "fuqiao/v1/gw-1", "fuqiao/v2/gw-1/command", "other/v1/gw-1/command",
		"fuqiao/v1/GW-1/command", "fuqiao/v1/all/command", "fuqiao/v1/group/command", "fuqiao/v1/group/all/command",
		"fuqiao/v1/group/market/presence", "fuqiao/v1/group/market/result", "fuqiao/v1/gw-1/command/x", "fuqiao/v1/gw-1/commands",
		"fuqiao/v1/gw-1/session", "fuqiao/v1/gw-1/session/+", "fuqiao/v1/gw-1/session/a/b", "fuqiao/v1/gw-1/state/all",
		"fuqiao/v1/gw-1/inventory/0", "fuqiao/v1/gw-1/inventory/01", "fuqiao/v1/gw-1/media/abc", "fuqiao/v1/gw-1/media/" + strings.Repeat("AB", 32),
		"fuqiao/v1/gw-1/command/", "/fuqiao/v1/gw-1/command", "fuqiao/v1/-gw/command", "fuqiao/v1/" + strings.Repeat("a", 64) + "/command",
	} {
		if got, err := r.Parse(s); err == nil {
			t.Errorf("%q was taken as %+v", s, got)
		}
	}
}

func FuzzTopic(f *testing.F) {
	for _, s := range []string{"fuqiao/v1/gw-1/command", "fuqiao/v1/group/market/session/s1", "fuqiao/v1/gw-1/inventory/12", "fuqiao/v1/group/group/stop"} {
		f.Add(s)
	}
	r := wire.Topics{Root: "fuqiao"}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := r.Parse(s); err == nil && got.String() != s {
			t.Errorf("%q came back as %q", s, got.String())
		}
	})
}

func TestTargets(t *testing.T) {
	at := []string{"group:market", "zone:north", "grid:370811001", "code:37081100001310000012"}
	cases := []struct {
		target string
		want   bool
	}{
		{"*", true}, {"horn-03", true}, {"horn-04", false}, {"group:market", true}, {"group:mark", false}, {"zone:north", true},
		{"zone:market", false}, {"grid:370811001", true}, {"grid:3708", true}, {"grid:3709", false}, {"grid:", false},
		{"code:37081100001310000012", true}, {"code:3708", false}, {"", false}, {"all", false}, {"group:all", false}, {"mesh:x", false},
	}
	for _, c := range cases {
		if got := wire.MatchTarget(c.target, "horn-03", at); got != c.want {
			t.Errorf("%q: %v, want %v", c.target, got, c.want)
		}
	}
}
