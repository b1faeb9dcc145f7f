package main_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// decoded reads status --json: one value of exactly the documented shape.
func decoded(t *testing.T, r ran) (s edge.Status) {
	t.Helper()
	r.expect(t, 0)
	d := json.NewDecoder(strings.NewReader(r.out))
	d.DisallowUnknownFields()
	must(t, d.Decode(&s))
	if d.More() {
		t.Errorf("more than one value:\n%s", r.out)
	}
	return s
}

// TestStatus: the daemon tells itself over its socket: as JSON, in English, in Chinese;
// the socket is named or found by the configuration.
func TestStatus(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Speech: speech.Options{Lead: 10 * time.Millisecond}})
	d := desk(t, s, "li")
	id, err := s.Platform.Send(within(t), wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "各位居民请注意，今天下午三点到五点，社区将进行消防演练，请不要惊慌。谢谢配合。"}})
	must(t, err)
	var st edge.Status
	soon(t, "what the horn says", func() bool { // from the chip's first answer on
		st = decoded(t, d.run(t, "status", "--json", "--socket", s.Socket))
		i := slices.IndexFunc(st.Devices, func(v edge.DeviceStatus) bool { return v.ID == "horn-1" })
		return i >= 0 && strings.Contains(st.Devices[i].Doing, id)
	})
	if st.Gateway != street.Gateway || st.Version != "v0.0.0-test" || len(st.Run) != 16 || !st.Uplink.Connected || st.Trust != 1 {
		t.Errorf("%+v", st)
	}
	if len(st.Conditions) != 0 || len(st.Journal) == 0 {
		t.Errorf("conditions %+v, journal %+v", st.Conditions, st.Journal)
	}
	var ids []string
	for _, v := range st.Devices {
		ids = append(ids, v.ID+" "+v.Kind+" "+v.Model)
	}
	if want := []string{"cam-1 camera webhook", "dome-1 dome pelco-d", "horn-1 speaker syn6288"}; !slices.Equal(ids, want) {
		t.Errorf("devices %q, want %q", ids, want)
	}
	for _, b := range st.Buses {
		if !b.Open || b.Frames == 0 || b.Timeouts+b.Corrupt+b.Foreign != 0 {
			t.Errorf("%+v", b)
		}
	}
	if len(st.Buses) != 2 {
		t.Errorf("buses %+v", st.Buses)
	}
	d.run(t, "status", "--config", s.File).expect(t, 0, street.Gateway+"  version v0.0.0-test", "nothing is wrong", "DEVICE", "小闸口1号球机", "rs485-1", "connected for")
	d.run(t, "status", "--socket", s.Socket, "--lang", "zh").expect(t, 0, street.Gateway+"  版本 v0.0.0-test", "一切正常", "设备", "小闸口1号球机", "rs485-1", "已连接")
	_, err = s.Service.Stop(within(t))
	must(t, err)
	d.run(t, "status", "--socket", s.Socket).expect(t, 1, "no daemon answers at "+s.Socket)
	d.run(t, "status", "--lang", "zh", "--socket", s.Socket).expect(t, 1, s.Socket+" 处没有守护进程应答")
	d.run(t, "status", "--config", filepath.Join(s.State, "none.yaml")).expect(t, 1, "none.yaml cannot be read")
	d.run(t, "status", "now").expect(t, 2, "takes 0 arguments, not 1")
}

// TestStatusSaysWhatIsMissing: a box without broker, without a state directory and without
// one of its ports is up, and says all three, each with what is to be done about it.
func TestStatusSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "edged.sock")
	s := live(t, street.Options{Cold: true, Extra: "local: {socket: " + socket + "}\n", Change: func(c string) string {
		before, after, _ := strings.Cut(c, "state:\n  dir: ")
		_, after, _ = strings.Cut(after, "\n")
		return before + "state:\n  dir: /proc/nowhere/edged\n" + after
	}})
	must(t, s.Broker.Stop())
	must(t, s.Horns[0].Wire.Unplug())
	must(t, s.StartOffline(within(t)))
	d := desk(t, s, "li")
	want := []string{"bus.port_lost uart-1", "journal.storage ", "ledger.storage ", "uplink.offline "}
	var got []string
	soon(t, "all that is missing", func() bool { // the uplink may be away for 10 s before it is told
		got = nil
		for _, c := range decoded(t, d.run(t, "status", "--json", "--socket", socket)).Conditions {
			if c.Text == "" || c.Remedy == "" {
				t.Fatalf("without text or remedy: %+v", c)
			}
			got = append(got, c.Code+" "+c.Subject)
		}
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(got, w) })
	})
	t.Logf("raised: %q", got)
	d.run(t, "status", "--socket", socket).expect(t, 0, "ALARM   bus.port_lost uart-1: the serial port is not there", "→ check the cable and the adapter", "the disk takes no records", "no session with the broker")
	d.run(t, "status", "--socket", socket, "--lang", "zh").expect(t, 0, "bus.port_lost uart-1", "journal.storage", "未连接")
	for _, b := range decoded(t, d.run(t, "status", "--json", "--socket", socket)).Buses {
		if b.Open != (b.ID == "rs485-1") {
			t.Errorf("%+v", b)
		}
	}
	if n := len(s.Domes[0].Stops()); n < 3 {
		t.Errorf("%d stops on the wire that is there", n)
	}
	for _, c := range want[:3] { // and in the log
		code, subject, _ := strings.Cut(c, " ")
		if !slices.ContainsFunc(s.Service.Lines(), func(l process.Line) bool {
			return l.Msg() == "condition raised" && l.Fields["code"] == code && l.Fields["subject"] == subject
		}) {
			t.Errorf("the log does not say %s", c)
		}
	}
	must(t, s.Broker.Start())
	must(t, s.Horns[0].Wire.Replug())
	soon(t, "an end of what has come back", func() bool {
		return !slices.ContainsFunc(decoded(t, d.run(t, "status", "--json", "--socket", socket)).Conditions, func(c edge.ConditionStatus) bool {
			return c.Code == "uplink.offline" || c.Code == "bus.port_lost"
		})
	})
}
