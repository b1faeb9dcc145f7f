package uplink

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// A session begins with subscriptions of the contract's QoS, presence, inventory with
// the index last, and every state; the next one begins the same way with the next
// number in will and presence.
func TestSessionBegins(t *testing.T) {
	inventory := func() ([]byte, [][]byte) { return []byte("index"), [][]byte{[]byte("part")} }
	inBubble(t, func(c *Config) { c.Inventory = inventory }, func(t *testing.T, r *rig) {
		if !r.Online() {
			t.Fatal(r.Stats().Reason)
		}
		if err := r.SetState("dome-1", []byte("moving")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		r.s.cut()
		synctest.Wait()
		if p := r.s.retained("fuqiao/v1/gw-1/presence"); p != "offline 00000000000000a1 1" {
			t.Errorf("after the cut the broker says %q", p)
		}
		time.Sleep(2 * time.Second)
		want := []string{"presence", "inventory/1", "inventory", "loop", "state/dome-1", "presence", "inventory/1", "inventory", "loop", "state/dome-1"}
		var got []string
		for _, topic := range r.s.order() {
			got = append(got, strings.TrimPrefix(topic, "fuqiao/v1/gw-1/"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("sent %v,\nwant %v", got, want)
		}
		presence := r.s.on("fuqiao/v1/gw-1/presence")
		if want := []string{"online 00000000000000a1 1", "online 00000000000000a1 2"}; !slices.Equal(presence, want) {
			t.Errorf("presence %q", presence)
		}
		if want := []string{"offline 00000000000000a1 1", "offline 00000000000000a1 2"}; !slices.Equal(r.s.testaments(), want) {
			t.Errorf("wills %q", r.s.testaments())
		}
		for topic, qos := range map[string]byte{"gw-1/command": 1, "gw-1/stop": 1, "gw-1/session/+": 0, "gw-1/ack": 1, "gw-1/time": 0, "gw-1/presence": 1,
			"group/market/command": 1, "group/market/stop": 1, "group/market/session/+": 0} {
			if got, ok := r.s.granted("fuqiao/v1/" + topic); !ok || got != qos {
				t.Errorf("subscription %s: %v, QoS %d", topic, ok, got)
			}
		}
		for _, topic := range []string{"presence", "inventory", "inventory/1", "state/dome-1"} {
			if r.s.retained("fuqiao/v1/gw-1/"+topic) == "" {
				t.Errorf("%s is not retained", topic)
			}
		}
		if st := r.Stats(); st.Session != 2 || st.Sessions != 2 || !st.Connected || st.BytesOut == 0 || st.BytesIn == 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// A state goes out at once, then at most once per second, newest only, and is cleared
// when its device goes.
func TestStatesAreLastValue(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		topic := "fuqiao/v1/gw-1/state/horn"
		for i := range 50 {
			if err := r.SetState("horn", fmt.Appendf(nil, "%d", i/2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		got := r.s.on(topic)
		if len(got) < 5 || len(got) > 7 || got[0] != "0" || got[len(got)-1] != "24" {
			t.Errorf("%d states in 5 s: %v", len(got), got)
		}
		if err := r.SetState("horn", []byte("24")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if n := len(r.s.on(topic)); n != len(got) {
			t.Errorf("an unchanged state was sent again")
		}
		if err := r.SetState("horn", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if s := r.s.retained(topic); s != "" {
			t.Errorf("a device that is gone is still retained: %q", s)
		}
		r.s.cut()
		time.Sleep(2 * time.Second)
		if all := r.s.on(topic); len(all) != len(got)+1 {
			t.Errorf("a device that is gone came again: %q", all)
		}
		if err := r.SetState("horn", make([]byte, wire.MaxState+1)); !errors.Is(err, fault.BadInput) {
			t.Errorf("too large: %v", err)
		}
		if err := r.SetState("Horn/1", nil); !errors.Is(err, fault.BadInput) {
			t.Errorf("no id: %v", err)
		}
	})
}

// Presence goes out again when asked, at most once per 5 s, and when somebody else
// has overwritten it.
func TestPresenceIsKeptRight(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		topic := "fuqiao/v1/gw-1/presence"
		for range 100 {
			r.Announce()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		if n := len(r.s.on(topic)); n < 3 || n > 4 {
			t.Errorf("%d presences in 21 s of asking for 10 s", n)
		}
		r.s.say(t, topic, "offline", true, 1)
		time.Sleep(6 * time.Second)
		if got := r.s.retained(topic); got != "online 00000000000000a1 1" {
			t.Errorf("retained %q", got)
		}
		before := len(r.s.on(topic))
		time.Sleep(time.Hour)
		if n := len(r.s.on(topic)); n != before {
			t.Errorf("%d presences in an idle hour", n-before)
		}
	})
}

// Time beacons are passed on with their moment of arrival, acks are counted, what is
// retained or belongs to nobody is not.
func TestWhatIsForTheUplinkItself(t *testing.T) {
	var beacons []string
	inBubble(t, func(c *Config) {
		c.Beacon = func(p []byte, at time.Time) {
			if d := time.Since(at); d < 0 || d > time.Second {
				t.Errorf("arrived %v ago", d)
			}
			beacons = append(beacons, string(p))
		}
	}, func(t *testing.T, r *rig) {
		r.s.say(t, "fuqiao/v1/gw-1/time", "now", false, 0)
		r.s.say(t, "fuqiao/v1/gw-1/ack", `{"run":"00000000000000a1","class":"event","ranges":[[1,3]]}`, false, 1)
		r.s.say(t, "fuqiao/v1/gw-1/ack", "{}", false, 1)
		r.s.say(t, "fuqiao/v1/gw-1/time", "then", true, 0)
		time.Sleep(time.Second)
		r.s.cut()
		time.Sleep(time.Second)
		synctest.Wait()
		if !slices.Equal(beacons, []string{"now", "then"}) {
			t.Errorf("beacons %q: a live one counts whatever its sender retains, a stored one does not", beacons)
		}
		if st := r.Stats(); st.Acks != 1 || st.BadAcks != 1 {
			t.Errorf("%d acks, %d bad ones", st.Acks, st.BadAcks)
		}
	})
}

// No broker in the configuration: a note, and nothing else happens.
func TestWithoutABroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(newStreet(t), func(c *Config) { c.Broker = "" }).run(t.Context())
		time.Sleep(time.Hour)
		if _, ok := r.n.get(condNotConfigured); !ok || r.Stats().Session != 0 {
			t.Errorf("%v, %+v", r.n.all(), r.Stats())
		}
		if err := r.Publish(wire.ChanResult, []byte("{}")); !errors.Is(err, fault.Full) {
			t.Errorf("publish: %v", err)
		}
		r.end()
	})
}

// A broker that refuses a group leaves the box online; one that refuses the box's own
// topics does not, and both say which.
func TestRefusedSubscriptions(t *testing.T) {
	for _, c := range []struct {
		refused string
		online  bool
		code    string
	}{{"group/market/stop", true, condRefused}, {"gw-1/stop", false, condOffline}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t)
			s.refuse = func(f string) bool { return f == "fuqiao/v1/"+c.refused }
			r := newRig(s, nil).run(t.Context())
			time.Sleep(3 * time.Second)
			if r.Online() != c.online {
				t.Errorf("%s refused: online %v", c.refused, r.Online())
			}
			if detail, ok := r.n.get(c.code); !ok || !strings.Contains(detail, c.refused) {
				t.Errorf("%s refused: %v", c.refused, r.n.all())
			}
			r.end()
		})
	}
}

// A change of the configuration begins a new session at once, without the will of the one
// before; what belongs to a group that has gone is none of ours any more; of several
// changes the newest counts.
func TestChange(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, r *rig) {
		before := r.Stats()
		for _, groups := range [][]string{{"nobody"}, {"school"}} {
			r.Change(Changeable{Groups: groups, Broker: "mqtt://127.0.0.1", Feeds: testFeeds(), Ack: ByPlatform})
		}
		time.Sleep(time.Second)
		if st := r.Stats(); !st.Connected || st.Sessions == before.Sessions || r.s.retained("fuqiao/v1/gw-1/presence") == "" || strings.HasPrefix(r.s.retained("fuqiao/v1/gw-1/presence"), wire.Offline) {
			t.Errorf("%+v", st)
		}
		r.s.say(t, "fuqiao/v1/group/school/command", "order", false, 1)
		r.s.say(t, "fuqiao/v1/group/market/command", "order", false, 1)
		r.j.add(testRun, "event", `{"n":1}`)
		time.Sleep(time.Second)
		if n := len(r.Orders()); n != 1 {
			t.Errorf("%d orders", n)
		}
		if r.j.open() != 1 || r.Stats().Outstanding != 1 {
			t.Errorf("the platform's word does not count: %+v", r.Stats())
		}
	})
}

// Groups that have left the configuration are left at the broker too, once, and what is
// subscribed to now is noted.
func TestGroupsThatHaveLeft(t *testing.T) {
	var kept []string
	inBubble(t, func(c *Config) {
		c.Groups = []string{"market", "gone"}
		c.OldGroups = func() []string { return kept }
		c.KeepGroups = func(now []string) { kept = slices.Clone(now) }
	}, func(t *testing.T, r *rig) {
		if _, there := r.s.granted("fuqiao/v1/group/gone/command"); !there || !slices.Equal(kept, []string{"market", "gone"}) {
			t.Fatal(there, kept)
		}
		r.Change(Changeable{Groups: []string{"market"}, Broker: "mqtt://127.0.0.1", Feeds: testFeeds()})
		time.Sleep(time.Second)
		for _, ch := range []string{"command", "stop", "session/+"} {
			if _, there := r.s.granted("fuqiao/v1/group/gone/" + ch); there {
				t.Errorf("still subscribed to the group's %s", ch)
			}
			if _, there := r.s.granted("fuqiao/v1/group/market/" + ch); !there {
				t.Errorf("not subscribed to the other group's %s", ch)
			}
		}
		if !slices.Equal(kept, []string{"market"}) {
			t.Error(kept)
		}
	})
}
