package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

func TestSplice(t *testing.T) {
	id := journal.ID{Run: "00000000000000a1", Class: "event", Seq: 18446744073709551615}
	const mark = `"id":"00000000000000a1/event/18446744073709551615"`
	for _, c := range []struct {
		data       string
		historical bool
		want       string
	}{
		{`{"a":1}`, false, `{` + mark + `,"a":1}`},
		{`{"a":1}`, true, `{` + mark + `,"historical":true,"a":1}`},
		{`{}`, false, `{` + mark + `}`},
		{`{ }`, true, `{` + mark + `,"historical":true }`},
		{` {"a":{}}`, false, ` {` + mark + `,"a":{}}`},
		{`[{"n":"t","v":1},{"n":"u"}]`, true, `[{` + mark + `,"historical":true,"n":"t","v":1},{"n":"u"}]`},
		{``, false, ``},
		{`null`, true, `null`},
	} {
		if got := string(splice([]byte(c.data), id, c.historical)); got != c.want {
			t.Errorf("%q: %s, want %s", c.data, got, c.want)
		}
	}
}

// FuzzSplice: a JSON object stays one, with the identity and all that was in it.
func FuzzSplice(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[{}]}`), uint64(1), true)
	f.Add([]byte(" {\n\"é\":\"{\"}"), uint64(0), false)
	f.Add([]byte("{}"), uint64(1<<63), true)
	f.Fuzz(func(t *testing.T, data []byte, seq uint64, historical bool) {
		var before map[string]json.RawMessage
		out := splice(data, journal.ID{Run: testRun, Class: "c", Seq: journal.Seq(seq)}, historical)
		if json.Unmarshal(data, &before) != nil || before == nil {
			return
		}
		var after map[string]json.RawMessage
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", data, out, err)
		}
		if before["id"] == nil && string(after["id"]) != fmt.Sprintf(`"%s/c/%d"`, testRun, seq) {
			t.Errorf("id %s", after["id"])
		}
		for name, v := range before {
			if string(after[name]) != string(v) {
				t.Errorf("%q: %s became %s", name, v, after[name])
			}
		}
	})
}

// record is what the platform sees of a journal record.
type record struct {
	ID         string `json:"id"`
	Historical bool   `json:"historical"`
	N          int    `json:"n"`
}

// records lists what came on the topics of journal records, in order.
func (s *street) records(t *testing.T) []record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []record
	for _, p := range s.seen {
		if c := p.TopicName[strings.LastIndexByte(p.TopicName, '/')+1:]; c != "result" && c != "event" && c != "telemetry" {
			continue
		}
		var r record
		if err := json.Unmarshal(p.Payload, &r); err != nil {
			t.Fatalf("%s: %v", p.Payload, err)
		}
		if r.ID != "" {
			out = append(out, r)
		}
	}
	return out
}

// The order of what goes out: what is produced now before what is late, results and
// alarms before the rest, and of what is late the class with the oldest record first. Only what is late is marked.
func TestLanes(t *testing.T) {
	u := newRig(&street{}, nil)
	for i, c := range []journal.Class{"telemetry", "event", "alarm", "result", "event", "result"} {
		u.j.add(oldRun, c, fmt.Sprintf(`{"n":%d}`, i))
	}
	u.j.add(testRun, "event", `{"n":10}`) // this run, before the session
	u.j.add(testRun, "result", `{"n":11}`)
	l := newLink(u.Uplink, nil, Session{})
	u.up(Session{}, false)
	for i, c := range []journal.Class{"telemetry", "event", "alarm", "result"} {
		u.j.add(testRun, c, fmt.Sprintf(`{"n":%d}`, 20+i))
	}
	if err := errors.Join(u.Publish(wire.ChanTelemetry, []byte("pack")), u.Publish(wire.ChanResult, []byte("step")), u.SetState("dome", []byte("state"))); err != nil {
		t.Fatal(err)
	}
	l.retain("first", nil)
	var got []string
	for {
		it, ok := l.pick(pickAll, time.Now())
		if !ok {
			break
		}
		switch {
		case it.rec.Seq == 0 && len(it.msg.Payload) == 0:
			got = append(got, it.msg.Topic)
		case it.rec.Seq == 0:
			got = append(got, string(it.msg.Payload))
		default:
			var r record
			if err := json.Unmarshal(it.msg.Payload, &r); err != nil {
				t.Fatal(err)
			}
			if r.Historical != it.historical || r.Historical != (r.N < 20) {
				t.Errorf("record %d: historical %v", r.N, r.Historical)
			}
			if want := fmt.Sprintf("%s/%s/%d", it.rec.Run, it.rec.Class, it.rec.Seq); r.ID != want {
				t.Errorf("record %d: id %s, want %s", r.N, r.ID, want)
			}
			got = append(got, fmt.Sprint(r.N))
		}
	}
	want := []string{"first", "step", "23", "22", "state", "pack", "21", "20", "2", "3", "5", "11", "0", "1", "4", "10"}
	if !slices.Equal(got, want) {
		t.Errorf("order %v,\nwant  %v", got, want)
	}
}

// The window holds 32 messages and what the path carries, of which the backlog leaves a
// quarter to what is live; results and alarms wait for a place, not for bytes; a message
// that is larger goes alone.
func TestWindowLimits(t *testing.T) {
	push := func(w *window, n, bytes int) {
		for range n {
			w.push(flight{item: item{msg: mqtt.Message{Payload: make([]byte, bytes)}}})
		}
	}
	for _, c := range []struct {
		n, each, next int
		lane          lane
		want          bool
	}{
		{0, 0, 1 << 20, backlog, true},
		{0, 0, 1 << 20, ordinary, true},
		{31, 10, 10, ordinary, true},
		{32, 10, 10, ordinary, false},
		{32, 10, 10, urgent, false},
		{23, 10, 10, backlog, true},
		{24, 10, 10, backlog, false},
		{3, 16 << 10, 16 << 10, ordinary, true},
		{3, 16 << 10, 16<<10 + 1, ordinary, false},
		{3, 16 << 10, 16<<10 + 1, urgent, true},
		{8, 32 << 10, 1, urgent, false},
		{2, 16 << 10, 16 << 10, backlog, true},
		{2, 16 << 10, 16<<10 + 1, backlog, false},
	} {
		var w window
		w.rate.best[0] = 4 * 64 << 10 // carries 64 KiB in 250 ms
		push(&w, c.n, c.each)
		if got := w.fits(c.next, c.lane); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
