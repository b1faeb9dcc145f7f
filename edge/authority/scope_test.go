package authority

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

func TestRights(t *testing.T) {
	a := authority(t)
	act := func(action wire.Action, args any, target ...string) wire.Order {
		return with(say(), func(o *wire.Order) { o.Action, o.Args, o.Target = action, args, target })
	}
	prio := func(o wire.Order, p wire.Priority) wire.Order { o.Priority = p; return o }
	cases := []struct {
		name string
		o    wire.Order
		by   []string
		want wire.Reason // empty: good
	}{
		{"say by the market", say(), []string{"market"}, ""},
		{"above the key's priority", prio(say(), wire.Urgent), []string{"market"}, wire.NotAllowed},
		{"an action that it has not", act(wire.DomeMove, &wire.MoveArgs{Pan: 1}, "gate-3"), []string{"market"}, wire.NotAllowed},
		{"move by the stick", act(wire.DomeMove, &wire.MoveArgs{Pan: 1}, "gate-3"), []string{"stick"}, ""},
		{"preset by the stick", act(wire.DomePreset, &wire.PresetArgs{Preset: 1, Do: "set"}, "gate-3"), []string{"stick"}, wire.NotAllowed},
		{"stop without the right stop", act(wire.DomeStop, nil, "gate-3"), []string{"stick"}, wire.NotAllowed},
		{"stop with it", act(wire.SpeakerStop, nil, "horn-03"), []string{"market"}, ""},
		{"stop of any priority", prio(act(wire.SpeakerStop, nil, "horn-03"), wire.Emergency), []string{"market"}, ""},
		{"orders by a time key", say(), []string{"clock-1"}, wire.NotAllowed},
		{"emergency to one", prio(say(), wire.Emergency), []string{"ops-1"}, ""},
		{"emergency to all by one", prio(act(wire.SpeakerSay, &wire.SayArgs{Text: "a"}, "*"), wire.Emergency), []string{"ops-1"}, wire.TwoPerson},
		{"emergency to all by two", prio(act(wire.SpeakerSay, &wire.SayArgs{Text: "a"}, "*"), wire.Emergency), []string{"ops-1", "ops-2"}, ""},
		{"urgent to all by one", prio(act(wire.SpeakerSay, &wire.SayArgs{Text: "a"}, "*"), wire.Urgent), []string{"ops-1"}, ""},
		{"two keys reach as high as the lower", prio(say(), wire.Emergency), []string{"ops-2", "ops-3"}, wire.NotAllowed},
		{"one of two without the right", say(), []string{"ops-1", "clock-1"}, wire.NotAllowed},
		{"unoffered", act(wire.SpeakerPlay, nil, "horn-03"), []string{"ops-1"}, wire.Unsupported},
		{"unoffered and not allowed", act(wire.SpeakerPlay, nil, "horn-03"), []string{"stick"}, wire.NotAllowed},
		{"on the box, without a right there", act(wire.LogFetch, nil), []string{"market"}, wire.NotAllowed},
		{"cancel", act(wire.CommandCancel, &wire.CancelArgs{ID: "x"}), []string{"ops-1"}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := a.Verify(command(), signed(t, c.o, c.by...), false)
			var no *Rejection
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (o == nil || !errors.As(err, &no) || no.Reason != c.want):
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

// Two keys of one person are one person.
func TestTwoPersonCountsPersons(t *testing.T) {
	doc := example(t)
	doc.Keys[2].MaxPriority = wire.Emergency // ops-3, of wang like ops-1
	a := authority(t)
	doc.Version++
	if err := a.Install(trustFile(t, doc, "root-li", "root-wang")); err != nil {
		t.Fatal(err)
	}
	o := with(say(), func(o *wire.Order) { o.Priority, o.Target = wire.Emergency, []string{"*"} })
	var no *Rejection
	if _, err := a.Verify(command(), signed(t, o, "ops-1", "ops-3"), false); !errors.As(err, &no) || no.Reason != wire.TwoPerson {
		t.Errorf("%v, want two_person", err)
	}
	// A file may ask for less, or for more.
	doc.Version++
	doc.TwoPerson = []TwoPersonRule{}
	if err := a.Install(trustFile(t, doc, "root-li", "root-wang")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(command(), signed(t, o, "ops-1"), false); err != nil {
		t.Errorf("no rule: %v", err)
	}
	doc.Version++
	doc.TwoPerson = []TwoPersonRule{{Actions: []string{"speaker.*"}, Target: "horn-03"}}
	if err := a.Install(trustFile(t, doc, "root-li", "root-wang")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(command(), signed(t, say(), "ops-1"), false); !errors.As(err, &no) || no.Reason != wire.TwoPerson {
		t.Errorf("own rule: %v, want two_person", err)
	}
	stop := with(say(), func(o *wire.Order) { o.Action, o.Args = wire.SpeakerStop, nil })
	if _, err := a.Verify(command(), signed(t, stop, "ops-1"), false); err != nil {
		t.Errorf("a stop never needs two: %v", err)
	}
}

func TestAllows(t *testing.T) {
	a := authority(t)
	at := []string{"group:market", "zone:north", "grid:370811001"}
	cases := []struct {
		kids   []string
		device string
		at     []string
		want   bool
	}{
		{[]string{"ops-1"}, "horn-99", nil, true},
		{[]string{"market"}, "horn-03", nil, true},
		{[]string{"market"}, "horn-04", nil, false},
		{[]string{"market"}, "horn-04", at, true},
		{[]string{"stick"}, "gate-3", nil, true},
		{[]string{"stick"}, "gate-4", nil, false},
		{[]string{"stick"}, "gate-4", at, true},
		{[]string{"ops-1", "market"}, "horn-04", nil, false},
		{[]string{"clock-1"}, "horn-03", nil, false},
		{[]string{"gone"}, "horn-03", nil, false},
		{[]string{"nobody"}, "horn-03", nil, false},
		{nil, "horn-03", nil, false},
	}
	for _, c := range cases {
		o := &wire.Order{Kids: c.kids}
		if got := a.Allows(o, c.device, c.at); got != c.want {
			t.Errorf("%v on %s %v: %v, want %v", c.kids, c.device, c.at, got, c.want)
		}
	}
	if !a.MayCancel(&wire.Order{Kids: []string{"market"}}) || a.MayCancel(&wire.Order{Kids: []string{"stick"}}) {
		t.Error("the right to cancel")
	}
}

func TestBeacon(t *testing.T) {
	a := authority(t)
	good := wire.Beacon{Gateway: gateway, Run: "0123456789abcdef", Nonce: "n-1", Time: noon()}
	beacon := func(b wire.Beacon, kid string) []byte {
		msg, err := signer(t, kid).SignBeacon(b)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	got, err := a.VerifyBeacon(beacon(good, "clock-1"))
	if err != nil || got != good {
		t.Fatalf("%+v %v", got, err)
	}
	other, bad := good, good
	other.Gateway, bad.Nonce = "xiaozhakou-2", ""
	cases := []struct {
		name string
		msg  []byte
		want Cause
	}{
		{"by a key that may do every action", beacon(good, "ops-1"), NoScope},
		{"by nobody", beacon(good, "nobody"), UnknownKey},
		{"for another box", beacon(other, "clock-1"), WrongBox},
		{"without nonce", beacon(bad, "clock-1"), Undecodable},
		{"an order", signed(t, say(), "clock-1"), WrongType},
		{"too large", make([]byte, wire.MaxCommand+1), TooLarge},
		{"nothing", nil, BadEnvelope},
	}
	for _, c := range cases {
		if _, err := a.VerifyBeacon(c.msg); Why(err) != string(c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	// A beacon is no order.
	o, err := a.Verify(command(), beacon(good, "clock-1"), false)
	refused(t, o, err, WrongType)
}

func TestTimely(t *testing.T) {
	o := say() // from noon, one minute
	stop := with(o, func(o *wire.Order) { o.Action = wire.DomeStop })
	later := with(o, func(o *wire.Order) { o.NotBefore = noon().Add(30 * time.Second) })
	s := time.Second
	cases := []struct {
		name  string
		o     wire.Order
		at    time.Duration // after noon
		err   time.Duration
		known bool
		want  Verdict
	}{
		{"in time", o, 10 * s, 0, true, Valid},
		{"at the last moment", o, 60 * s, 0, true, Valid},
		{"too late", o, 60*s + 1, 0, true, Expired},
		{"too late by the error", o, 59 * s, 2 * s, true, Expired},
		{"clock unknown", o, 10 * s, 0, false, NeedsClock},
		{"issued ahead of our clock", o, -time.Hour, 0, true, Valid},
		{"not yet", later, 29 * s, 0, true, Early},
		{"now", later, 30 * s, 0, true, Valid},
		{"stop, clock unknown", stop, 0, 0, false, Valid},
		{"stop too late", stop, 61 * s, 0, true, Expired},
		{"stop 5 s ahead", stop, -5 * s, 0, true, Valid},
		{"stop more than 5 s ahead", stop, -5*s - 1, 0, true, Future},
		{"stop 7 s ahead, clock 2 s off", stop, -7 * s, 2 * s, true, Valid},
		{"stop with not_before", with(later, func(o *wire.Order) { o.Action = wire.DomeStop }), 0, 0, true, Valid},
	}
	for _, c := range cases {
		if got := Timely(&c.o, noon().Add(c.at), c.err, c.known); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if Verdict(9).String() != "verdict 9" || Future.String() != "future" {
		t.Error("words")
	}
}

func TestHours(t *testing.T) {
	at := func(s string) time.Time {
		x, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	cases := []struct {
		hours string
		now   string
		want  bool
	}{
		{"07:00-21:00+08:00", "2026-11-24T06:59:59+08:00", false},
		{"07:00-21:00+08:00", "2026-11-24T07:00:00+08:00", true},
		{"07:00-21:00+08:00", "2026-11-24T20:59:59+08:00", true},
		{"07:00-21:00+08:00", "2026-11-24T21:00:00+08:00", false},
		{"07:00-21:00+08:00", "2026-11-23T23:00:00Z", true},
		{"22:00-06:00+08:00", "2026-11-24T23:00:00+08:00", true},
		{"22:00-06:00+08:00", "2026-11-24T05:59:00+08:00", true},
		{"22:00-06:00+08:00", "2026-11-24T06:00:00+08:00", false},
		{"00:00-24:00+00:00", "2026-11-24T23:59:59Z", true},
		{"08:00-09:00-03:30", "2026-11-24T12:00:00Z", true},
	}
	for _, c := range cases {
		w, err := parseWindow(c.hours)
		if err != nil {
			t.Fatal(err)
		}
		if got := inHours([]window{w}, at(c.now)); got != c.want {
			t.Errorf("%s at %s: %v", c.hours, c.now, got)
		}
	}
	for _, bad := range []string{"", "7:00-21:00+08:00", "07:00-21:00", "07:00-21:00Z", "07:00-25:00+08:00", "07:60-21:00+08:00", "07:00-07:00+08:00", "07:00-21:00+15:00", "07:00-21:00+08:00 ", "-7:00-21:00+08:00", "24:01-21:00+08:00"} {
		if _, err := parseWindow(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A key holds only at its times; while the clock is unknown that is looked at later.
func TestKeyTimes(t *testing.T) {
	doc := example(t)
	doc.Keys[0].Hours = []string{"07:00-21:00+08:00"}
	doc.Keys[1].NotBefore = noon().Add(time.Hour)
	doc.Keys[1].NotAfter = noon().Add(2 * time.Hour)
	now, known := noon(), true
	a, err := New(Options{Gateway: gateway, Trust: trustFile(t, doc, "root-li", "root-zhao"), Now: func() (time.Time, time.Duration, bool) { return now, 0, known }})
	if err != nil {
		t.Fatal(err)
	}
	stop := with(say(), func(o *wire.Order) { o.Action, o.Args = wire.SpeakerStop, nil })
	check := func(name string, o wire.Order, kid string, good bool) {
		t.Helper()
		got, err := a.Verify(command(), signed(t, o, kid), false)
		var no *Rejection
		if good && err != nil || !good && (!errors.As(err, &no) || no.Reason != wire.NotAllowed) {
			t.Errorf("%s: %v", name, err)
		}
		if again := a.Recheck(got); (again == nil) != good {
			t.Errorf("%s, rechecked: %v", name, again)
		}
	}
	check("noon", say(), "ops-1", true)
	check("before the key holds", say(), "ops-2", false)
	known = false
	check("clock unknown", say(), "ops-2", true)
	known, now = true, noon().Add(90*time.Minute)
	check("while it holds", say(), "ops-2", true)
	now = noon().Add(3 * time.Hour)
	check("after it held", say(), "ops-2", false)
	now = noon().Add(12 * time.Hour)
	check("midnight", say(), "ops-1", false)
	check("a stop at midnight", stop, "ops-1", true)
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		doc := example(t)
		doc.Keys[0].Rate = &Rate{PerMinute: 6, Burst: 2}
		doc.Keys[1].Rate = &Rate{PerMinute: 3}
		a, err := New(Options{Gateway: gateway, Trust: trustFile(t, doc, "root-li", "root-zhao")})
		if err != nil {
			t.Fatal(err)
		}
		take := func(kid string, action wire.Action) bool {
			return a.Take(&wire.Order{Kids: []string{kid}, Action: action})
		}
		var got []bool
		for range 4 {
			got = append(got, take("ops-1", wire.SpeakerSay))
		}
		got = append(got, take("ops-1", wire.DomeStop), take("ops-3", wire.SpeakerSay))
		time.Sleep(10 * time.Second)
		got = append(got, take("ops-1", wire.SpeakerSay), take("ops-1", wire.SpeakerSay))
		want := []bool{true, true, false, false, true, true, true, false}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
		for i := range 4 {
			if take("ops-2", wire.SpeakerSay) != (i < 3) {
				t.Errorf("order %d of a key with 3 a minute", i)
			}
		}
	})
}
