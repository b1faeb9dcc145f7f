package wire_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fuqiao/edged/edge/wire"
)

func ptr[T any](v T) *T { return &v }

// Every kind of message as it stands on the wire. A golden file that has to change
// is a change of the contract.
func TestGoldenMessages(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	run := wire.Run("0123456789abcdef")
	messages := map[string]any{
		"presence": &wire.Presence{Contract: 1, State: wire.Online, Run: run, Session: 3, Version: "1.0.0", Boot: "power", Clock: "trusted",
			Nonce: "n-1", Config: strings.Repeat("a", 64), Trust: strings.Repeat("b", 64), Next: map[string]uint64{"event": 7, "result": 12}, MonoMS: 4711},
		"presence-will":  &wire.Presence{Contract: 1, State: wire.Offline, Run: run, Session: 3},
		"beacon":         &wire.Beacon{Gateway: "xiaozhakou-1", Run: run, Nonce: "n-1", Time: at.Add(120 * time.Millisecond)},
		"inventory":      &wire.InventoryIndex{Version: 1, Parts: 1, SHA256: strings.Repeat("c", 64)},
		"inventory-part": &wire.InventoryPart{Part: 1, Contract: 1, Actions: []wire.Action{wire.SpeakerSay}, Keys: map[string]string{"ed25519": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, Devices: []wire.DeviceInfo{{ID: "horn-03", Name: "市场南门喇叭", Address: "小闸口街 12 号", Kind: "speaker", Driver: "syn6288", Groups: []string{"market"}, Grid: "370811001", Location: &wire.GeoLocation{CRS: "wgs84", Lat: 35.4, Lon: 116.6}, EBR: "23708110000131000001200"}}},
		"state":          &wire.DeviceState{Device: "gate-3", Run: run, State: wire.StateBusy, Evidence: "acknowledged", AgeMS: 40, Pose: &wire.Pose{Pan: 120.5, Tilt: -10}, Moving: ptr(true), Holder: "operator", RemainingMS: 800, Time: at, MonoMS: 9000},
		"ack":            &wire.Ack{Run: run, Class: "event", Ranges: [][2]uint64{{1, 40}, {42, 42}}},
		"result": &wire.Result{Order: "01JD8Z3N6Q0W9V6T5R4S3P2M1K", Kid: "ops-1", Device: "horn-03", Seq: 1795507200000000, Run: run, Act: "cmd:ops-1:01JD8Z3N6Q0W9V6T5R4S3P2M1K",
			Action: wire.SpeakerSay, Status: wire.Partial, Reason: wire.Stopped, Evidence: "acknowledged", Time: at, MonoMS: 9000, Clock: "trusted", Said: 1, Planned: 2, Lost: "😀"},
		"refused":   &wire.Refused{Counts: map[string]uint64{"forged": 12, "retained": 1}, SHA256: strings.Repeat("d", 64)},
		"condition": &wire.ConditionEvent{Code: "bus.port_lost", Severity: "alarm", Subject: "rs485-1", Text: "the serial port is not there", Remedy: "check the cable"},
		"clock":     &wire.ClockEvent{Run: run, MonoMS: 9000, Time: at, ErrorMS: 1.5, Source: "beacon"},
		"telemetry": &wire.Pack{{BaseName: "xiaozhakou-1/", BaseTime: 1795507200, Name: "cpu", Unit: "/", Value: ptr(0.035)}, wire.Num("mem", "B", 1<<24), wire.Word("version", "1.0.0"), wire.Flag("online", true)},
	}
	for name, m := range messages {
		t.Run(name, func(t *testing.T) {
			b, err := wire.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", b)
			back := reflect.New(reflect.TypeOf(m).Elem()).Interface()
			if err := wire.Unmarshal(b, back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(m, back); d != "" {
				t.Error(d)
			}
			// Receivers ignore what they do not know.
			wider := strings.Replace(string(b), "{", `{"tomorrow":[1],`, 1)
			if err := wire.Unmarshal([]byte(wider), reflect.New(reflect.TypeOf(m).Elem()).Interface()); err != nil {
				t.Errorf("an unknown field: %v", err)
			}
		})
	}
}

// A journalled record becomes the same CloudEvent however often it is sent.
func TestEnvelope(t *testing.T) {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	rec, err := wire.NewRecord(wire.TypeRaised, "rs485-1", at, 9000, wire.ConditionEvent{Code: "bus.port_lost", Severity: "alarm"})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "record.json", rec)
	b, err := wire.Envelope("fuqiao", "xiaozhakou-1", "0123456789abcdef", "alarm", 42, rec)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "event.json", b)
	e, err := wire.DecodeEvent(b)
	if err != nil || e.ID != "0123456789abcdef-alarm-42" || e.Source != "/fuqiao/v1/xiaozhakou-1" || e.Subject != "rs485-1" {
		t.Errorf("%+v %v", e, err)
	}
	unknown, err := wire.NewRecord(wire.TypeRaised, "", time.Time{}, 9000, map[string]int{})
	if err != nil || strings.Contains(string(unknown), "time") {
		t.Errorf("with the clock unknown: %s %v", unknown, err)
	}
	for _, bad := range []string{`{}`, `{"specversion":"0.3","id":"a","source":"b","type":"c"}`, `{"specversion":"1.0","id":"","source":"b","type":"c"}`, `[`} {
		if _, err := wire.DecodeEvent([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	if _, err := wire.Envelope("fuqiao", "gw-1", "0123456789abcdef", "alarm", 1, []byte("x")); err == nil {
		t.Error("a broken record was wrapped")
	}
}

// Times are UTC with milliseconds, whatever they were.
func TestTimesHaveMilliseconds(t *testing.T) {
	cases := map[string]time.Time{
		"2026-11-24T08:00:00.000Z": time.Date(2026, 11, 24, 16, 0, 0, 0, time.FixedZone("CST", 8*3600)),
		"2026-11-24T08:00:00.123Z": time.Date(2026, 11, 24, 8, 0, 0, 123987654, time.UTC),
	}
	for want, at := range cases {
		b, err := wire.Marshal(wire.Beacon{Time: at})
		if err != nil || !strings.Contains(string(b), `"`+want+`"`) {
			t.Errorf("%s %v, want %s", b, err, want)
		}
	}
}

func TestDecodeBeacon(t *testing.T) {
	good := `{"gateway":"gw-1","run":"0123456789abcdef","nonce":"n-1","time":"2026-11-24T08:00:00.120Z"}`
	if _, err := wire.DecodeBeacon([]byte(good)); err != nil {
		t.Error(err)
	}
	for _, edit := range [][2]string{
		{`gw-1`, `all`}, {`0123456789abcdef`, `0123`}, {`n-1`, ``}, {`Z"`, `+08:00"`}, {`"nonce"`, `"nonces"`}, {`"time"`, `"time":"2026-11-24T08:00:00.120Z","time"`}, {`"2026-11-24T08:00:00.120Z"`, `null`},
	} {
		if b, err := wire.DecodeBeacon([]byte(strings.Replace(good, edit[0], edit[1], 1))); err == nil {
			t.Errorf("%q → %q was taken: %+v", edit[0], edit[1], b)
		}
	}
}

func TestDecodeAck(t *testing.T) {
	good := `{"run":"0123456789abcdef","class":"event","ranges":[[1,40],[42,42]],"note":"ignored"}`
	a, err := wire.DecodeAck([]byte(good))
	if err != nil || len(a.Ranges) != 2 || a.Ranges[0] != [2]uint64{1, 40} {
		t.Errorf("%+v %v", a, err)
	}
	for _, ranges := range []string{`[[0,1]]`, `[[2,1]]`, `[[1]]`, `[[1,2,3]]`, `[[-1,2]]`, `"all"`, `[` + strings.Repeat(`[1,1],`, 1024) + `[1,1]]`} {
		if a, err := wire.DecodeAck([]byte(strings.Replace(good, `[[1,40],[42,42]]`, ranges, 1))); err == nil {
			t.Errorf("%.40s was taken: %+v", ranges, a.Ranges)
		}
	}
}

// Examples of RFC 8428: sections 5.1.1 and 5.1.3.
func TestSenML(t *testing.T) {
	for _, s := range []string{
		`[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]`,
		`[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},{"n":"current","t":-5,"v":1.2}]`,
	} {
		var p wire.Pack
		if err := wire.Unmarshal([]byte(s), &p); err != nil {
			t.Fatal(err)
		}
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	for name, p := range map[string]wire.Pack{
		"no value": {{Name: "a"}}, "two values": {{Name: "a", Value: ptr(1.0), Bool: ptr(true)}}, "no name": {{Value: ptr(1.0)}},
		"starts with a sign": {{Name: "-a", Value: ptr(1.0)}}, "space": {{Name: "a b", Value: ptr(1.0)}},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzAck(f *testing.F) {
	f.Add([]byte(`{"run":"0123456789abcdef","class":"event","ranges":[[1,40]]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := wire.DecodeAck(b); err == nil && !wire.ValidRun(string(a.Run)) {
			t.Errorf("%+v", a)
		}
	})
}

func FuzzBeacon(f *testing.F) {
	f.Add([]byte(`{"gateway":"gw-1","run":"0123456789abcdef","nonce":"n-1","time":"2026-11-24T08:00:00.120Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := wire.DecodeBeacon(b); err == nil && (x.Time.IsZero() || x.Nonce == "") {
			t.Errorf("%+v", x)
		}
	})
}
