package wire_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fuqiao/edged/edge/wire"
)

// example is the order that the contract shows ("An order"), byte for byte.
func example(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("testdata/order-contract.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestContractExample(t *testing.T) {
	o, err := wire.DecodeOrder([]byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	vol := 80
	want := &wire.Order{
		Contract: 1, ID: "01JD8Z3N6Q0W9V6T5R4S3P2M1K", Seq: 1795507200000000,
		Issued:   time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		NotAfter: time.Date(2026, 11, 24, 8, 0, 30, 0, time.UTC),
		Gateway:  "xiaozhakou-1", Target: []string{"horn-03", "group:market", "grid:370811001"},
		Action: wire.SpeakerSay, Priority: wire.Urgent, Class: wire.Actual,
		Args: &wire.SayArgs{Text: "请勿占道经营", Voice: wire.Voice{Volume: &vol}, Repeat: 2, Chime: "ding"},
		Hash: o.Hash,
	}
	if d := cmp.Diff(want, o); d != "" {
		t.Error(d)
	}
}

// edit replaces once, and fails where there is nothing to replace.
func edit(t *testing.T, s, old, new string) string {
	t.Helper()
	if !strings.Contains(s, old) {
		t.Fatalf("the example holds no %q", old)
	}
	return strings.Replace(s, old, new, 1)
}

// What verified but is not right is refused under its own name, with a reason.
func TestFaults(t *testing.T) {
	cases := []struct {
		name, old, new string
		reason         wire.Reason
		field          string
	}{
		{"unknown field", `"priority"`, `"loudness":3,"priority"`, wire.UnknownField, "/loudness"},
		{"unknown argument", `"repeat"`, `"pitch":3,"repeat"`, wire.UnknownField, "/args/pitch"},
		{"unknown voice member", `"volume":80`, `"volume":80,"speed":5`, wire.UnknownField, "/args/voice/speed"},
		{"case of a field", `"priority"`, `"Priority"`, wire.UnknownField, "/Priority"},
		{"case of an argument", `"text"`, `"Text"`, wire.UnknownField, "/args/Text"},
		{"unknown action", `speaker.say`, `speaker.sing`, wire.Unsupported, "/action"},
		{"action of another type", `"speaker.say"`, `7`, wire.BadArgs, "/action"},
		{"unknown priority", `"urgent"`, `"loud"`, wire.BadArgs, "/priority"},
		{"unknown class", `"actual"`, `"real"`, wire.BadArgs, "/class"},
		{"other contract", `"contract":1`, `"contract":2`, wire.Unsupported, "/contract"},
		{"null", `"urgent"`, `null`, wire.BadArgs, ""},
		{"time with offset", `2026-11-24T08:00:30.000Z`, `2026-11-24T16:00:30.000+08:00`, wire.BadArgs, "/issued"},
		{"time without zone", `2026-11-24T08:00:30.000Z`, `2026-11-24T08:00:30`, wire.BadArgs, "/not_after"},
		{"more than 24 h", `2026-11-24T08:00:30.000Z`, `2026-11-25T08:00:00.001Z`, wire.BadArgs, "/not_after"},
		{"ends before it begins", `2026-11-24T08:00:30.000Z`, `2026-11-24T07:00:30.000Z`, wire.BadArgs, "/not_after"},
		{"exact without not_before", `"priority"`, `"exact":true,"priority"`, wire.BadArgs, "/exact"},
		{"not_before after not_after", `"priority"`, `"not_before":"2026-11-24T08:00:31.000Z","priority"`, wire.BadArgs, "/not_before"},
		{"bad target", `"horn-03"`, `"horn 03"`, wire.BadArgs, "/target"},
		{"reserved target", `"horn-03"`, `"all"`, wire.BadArgs, "/target"},
		{"no target", `["horn-03","group:market","grid:370811001"]`, `[]`, wire.BadArgs, "/target"},
		{"text empty", `请勿占道经营`, ` `, wire.BadArgs, "/args/text"},
		{"text with a bell", `请勿占道经营`, `\u0007`, wire.BadArgs, "/args/text"},
		{"text too long", `请勿占道经营`, strings.Repeat("市", 4001), wire.BadArgs, "/args/text"},
		{"volume beyond", `"volume":80`, `"volume":101`, wire.BadArgs, "/args/voice/volume"},
		{"volume broken", `"volume":80`, `"volume":80.5`, wire.BadArgs, "/args/voice/volume"},
		{"huge number", `"repeat":2`, `"repeat":1e400`, wire.BadArgs, "/args/repeat"},
		{"number beyond 64 bits", `"repeat":2`, `"repeat":99999999999999999999`, wire.BadArgs, "/args/repeat"},
		{"repeat beyond", `"repeat":2`, `"repeat":101`, wire.BadArgs, "/args/repeat"},
		{"args no object", `{"text":"请勿占道经营","voice":{"volume":80},"repeat":2,"chime":"ding"}`, `[1]`, wire.BadArgs, "/args"},
		{"correlation no id", `"priority"`, `"correlation":"a b","priority"`, wire.BadArgs, "/correlation"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.DecodeOrder([]byte(edit(t, example(t), c.old, c.new)))
			var f *wire.Fault
			if !errors.As(err, &f) {
				t.Fatalf("error %v, want a fault", err)
			}
			if f.Reason != c.reason || f.Field != c.field {
				t.Errorf("%s at %q, want %s at %q", f.Reason, f.Field, c.reason, c.field)
			}
			if o == nil || o.ID != "01JD8Z3N6Q0W9V6T5R4S3P2M1K" || o.Gateway != "xiaozhakou-1" || o.Seq != 1795507200000000 || o.Hash == [32]byte{} {
				t.Errorf("the order is not named: %+v", o)
			}
		})
	}
}

// What cannot be trusted to name an order gets no order at all.
func TestMalformed(t *testing.T) {
	deep := strings.Repeat(`{"x-a":`, 33) + "1" + strings.Repeat("}", 33)
	cases := []struct{ name, old, new string }{
		{"duplicate name", `"priority"`, `"id":"x","priority"`},
		{"duplicate argument", `"repeat"`, `"text":"x","repeat"`},
		{"duplicate after unknown", `"priority"`, `"what":1,"seq":2,"priority"`},
		{"invalid UTF-8", `请勿占道经营`, "\xff\xfe"},
		{"invalid UTF-8 in a private member", `"priority"`, "\"x-a\":\"\xc3\",\"priority\""},
		{"lone surrogate", `请勿占道经营`, `\ud800`},
		{"too deep", `"priority"`, `"x-a":` + deep + `,"priority"`},
		{"trailing bytes", `"ding"}}`, `"ding"}} {}`},
		{"cut", `"ding"}}`, `"ding"`},
		{"seq as text", `1795507200000000`, `"1795507200000000"`},
		{"seq zero", `1795507200000000`, `0`},
		{"seq beyond 64 bits", `1795507200000000`, `99999999999999999999999`},
		{"id with colon", `01JD8Z3N6Q0W9V6T5R4S3P2M1K`, `a:b`},
		{"id missing", `"id":"01JD8Z3N6Q0W9V6T5R4S3P2M1K",`, ``},
		{"neither gateway nor group", `"gateway":"xiaozhakou-1",`, ``},
		{"both gateway and group", `"gateway":`, `"group":"market","gateway":`},
		{"gateway reserved", `"xiaozhakou-1"`, `"all"`},
		{"no object", `{"contract"`, `[{"contract"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := wire.DecodeOrder([]byte(edit(t, example(t), c.old, c.new)))
			var m wire.Malformed
			if !errors.As(err, &m) || o != nil {
				t.Errorf("order %v, error %v, want Malformed", o, err)
			}
		})
	}
	for _, raw := range []string{"", "null", "[]", "7", `"x"`, strings.Repeat(" ", wire.MaxCommand+1)} {
		if o, err := wire.DecodeOrder([]byte(raw)); err == nil || o != nil {
			t.Errorf("%.20q was taken", raw)
		}
	}
}

// Names that start with x- are ignored at any depth, however they are written.
func TestPrivateNames(t *testing.T) {
	s := example(t)
	s = edit(t, s, `"priority"`, `"x-note":{"a":[1,{"b":2}]},"\u0078-other":7,"priority"`)
	s = edit(t, s, `"volume":80`, `"x-v":"","volume":80`)
	o, err := wire.DecodeOrder([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	if o.Priority != wire.Urgent || *o.Args.(*wire.SayArgs).Voice.Volume != 80 {
		t.Errorf("%+v", o)
	}
	if _, err := wire.DecodeOrder([]byte(edit(t, s, `"repeat"`, `"y-v":1,"repeat"`))); err == nil {
		t.Error("an unknown name beside private ones was taken")
	}
}

func TestDefaults(t *testing.T) {
	s := edit(t, example(t), `"priority":"urgent", "class":"actual",`, ``)
	o, err := wire.DecodeOrder([]byte(s))
	if err != nil || o.Priority != wire.Normal || o.Class != wire.Actual {
		t.Errorf("%v %+v", err, o)
	}
	s = `{"contract":1,"id":"a","seq":1,"issued":"2026-11-24T08:00:00.000Z","not_after":"2026-11-24T08:00:30.000Z","gateway":"gw-1","action":"all.stop"}`
	o, err = wire.DecodeOrder([]byte(s))
	if err != nil || len(o.Target) != 1 || o.Target[0] != "*" {
		t.Errorf("all.stop without target: %v %+v", err, o)
	}
}

// Each action's arguments: what is right, and what is refused where.
func TestArguments(t *testing.T) {
	key := "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" // RFC 8037 appendix A.1
	cases := []struct {
		action wire.Action
		args   string
		field  string // empty: right
	}{
		{wire.DomeMove, `{"pan":-1,"tilt":0.5,"zoom":1,"lease_ms":600}`, ""},
		{wire.DomeMove, `{"pan":0.1}`, ""},
		{wire.DomeMove, `{}`, "/args"},
		{wire.DomeMove, `{"pan":1.01}`, "/args/pan"},
		{wire.DomeMove, `{"tilt":-2}`, "/args/tilt"},
		{wire.DomeMove, `{"pan":1,"lease_ms":599}`, "/args/lease_ms"},
		{wire.DomeMove, `{"pan":1,"lease_ms":5001}`, "/args/lease_ms"},
		{wire.DomeGoto, `{"preset":3}`, ""},
		{wire.DomeGoto, `{}`, "/args/preset"},
		{wire.DomeGoto, `{"pose":{"pan":10,"tilt":-5}}`, "/args"},
		{wire.DomePreset, `{"preset":3,"do":"set"}`, ""},
		{wire.DomePreset, `{"preset":0,"do":"set"}`, "/args/preset"},
		{wire.DomePreset, `{"preset":3,"do":"call"}`, "/args/do"},
		{wire.DomeAcquire, `{"session":{"id":"s1","pub":"` + key + `","lease_ms":600,"max_ms":600000}}`, ""},
		{wire.DomeAcquire, `{"session":{"id":"s 1","pub":"` + key + `"}}`, "/args/session/id"},
		{wire.DomeAcquire, `{"session":{"id":"s1","pub":"` + key[1:] + `"}}`, "/args/session/pub"},
		{wire.DomeAcquire, `{"session":{"id":"s1","pub":"` + key + `","lease_ms":199}}`, "/args/session/lease_ms"},
		{wire.DomeAcquire, `{"session":{"id":"s1","pub":"` + key + `","max_ms":600001}}`, "/args/session/max_ms"},
		{wire.DomeAcquire, `{}`, "/args/session/id"},
		{wire.DomeRelease, `{}`, ""},
		{wire.DomeRelease, `{"session":"s1"}`, ""},
		{wire.DomeRelease, `{"session":"s/1"}`, "/args/session"},
		{wire.DomeStop, `{}`, ""},
		{wire.DomeStop, `{"now":true}`, "/args/now"},
		{wire.SpeakerStop, `{}`, ""},
		{wire.SpeakerVolume, `{"volume":0}`, ""},
		{wire.SpeakerVolume, `{"volume":-1}`, "/args/volume"},
		{wire.OutputSet, `{"on":true}`, ""},
		{wire.OutputSet, `{"on":1}`, "/args/on"},
		{wire.CommandCancel, `{"id":"01JD8Z3N6Q0W9V6T5R4S3P2M1K"}`, ""},
		{wire.CommandCancel, `{}`, "/args/id"},
		{wire.SpeakerPlay, `{"anything":[1,2]}`, ""}, // not offered: not looked into
		{wire.KeysPut, `{"trust":{}}`, ""},
	}
	for _, c := range cases {
		s := fmt.Sprintf(`{"contract":1,"id":"a","seq":1,"issued":"2026-11-24T08:00:00.000Z","not_after":"2026-11-24T08:00:30.000Z","gateway":"gw-1","target":["gate-3"],"action":%q,"args":%s}`, c.action, c.args)
		_, err := wire.DecodeOrder([]byte(s))
		var f *wire.Fault
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s %s: %v", c.action, c.args, err)
		case c.field != "" && (!errors.As(err, &f) || f.Field != c.field):
			t.Errorf("%s %s: %v, want a fault at %s", c.action, c.args, err, c.field)
		}
	}
}

func TestFetchArgs(t *testing.T) {
	good := wire.FetchArgs{SHA256: strings.Repeat("a", 64), FromPart: 2}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, a := range []wire.FetchArgs{{}, {SHA256: strings.Repeat("A", 64)}, {SHA256: good.SHA256, FromPart: -1}} {
		if a.Validate() == nil {
			t.Errorf("%+v was taken", a)
		}
	}
}

// What is encoded decodes to the same.
func TestOrderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,20}`)
		id := rapid.StringMatching(`[a-z0-9][a-z0-9-]{0,20}`).Filter(wire.ValidID)
		issued := time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "issued")).UTC()
		o := &wire.Order{
			Contract: 1, ID: word.Draw(t, "id"), Seq: rapid.Uint64Range(1, 1<<63).Draw(t, "seq"),
			Issued: issued, NotAfter: issued.Add(time.Duration(rapid.IntRange(1, 86400000).Draw(t, "valid")) * time.Millisecond),
			Target: []string{id.Draw(t, "device"), "group:" + id.Draw(t, "group"), "*"},
			Action: wire.SpeakerSay, Priority: rapid.SampledFrom([]wire.Priority{wire.Emergency, wire.Urgent, wire.Normal, wire.Background}).Draw(t, "priority"),
			Class: wire.Exercise, Correlation: word.Draw(t, "correlation"), DryRun: rapid.Bool().Draw(t, "dry"),
			Args: &wire.SayArgs{Text: "一" + rapid.StringMatching(`[ -~一-龥]{0,40}`).Draw(t, "text"), Repeat: rapid.IntRange(0, 100).Draw(t, "repeat")},
		}
		if rapid.Bool().Draw(t, "group order") {
			o.Group = id.Draw(t, "to")
		} else {
			o.Gateway = id.Draw(t, "to")
		}
		b, err := wire.EncodeOrder(o)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.DecodeOrder(b)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		o.Hash = got.Hash
		if d := cmp.Diff(o, got); d != "" {
			t.Fatal(d)
		}
	})
}

func BenchmarkDecodeOrder(b *testing.B) {
	payload := []byte(example(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeOrder(payload); err != nil {
			b.Fatal(err)
		}
	}
}
