package main_test

import (
	"path/filepath"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/street"
)

// steps reads send --json: one result a line.
func steps(t *testing.T, r ran) (out []wire.Result) {
	t.Helper()
	for line := range strings.Lines(r.out) {
		var v wire.Result
		if err := wire.Unmarshal([]byte(strings.TrimSpace(line)), &v); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		out = append(out, v)
	}
	return out
}

// TestSend: an order of edgectl is obeyed as one of the platform, its steps are printed as
// they come, and the exit code says how it ended.
func TestSend(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: 2})
	d := desk(t, s, "li")
	r := d.run(t, "send", "speaker.say", "--to", "horn-1", "text=请勿占道经营", "voice.volume=70")
	r.expect(t, 0, "speaker.say sent as", "signed by operator", "horn-1", "done (answered by the device)")
	if u := s.Horns[0].Chip.Utterances(); len(u) != 1 || u[0].Text != "请勿占道经营" {
		t.Errorf("heard %+v", u)
	}
	d.but("LC_ALL=zh_CN.UTF-8").run(t, "send", "dome.preset", "--to", "dome-1", "preset=6", "do=set").expect(t, 0, "已发送", "dome-1", "已执行，但设备无法确认")
	if _, ok := s.Domes[0].Preset(6); !ok {
		t.Error("the dome has not stored the preset")
	}
	r = d.run(t, "send", "--json", "speaker.say", "--to", "zone:market", "text=您好😀")
	r.expect(t, 0)
	ended := map[string]wire.Result{}
	for _, v := range steps(t, r) {
		if v.Status.Terminal() {
			ended[v.Device] = v
		}
	}
	for _, id := range []string{"horn-1", "horn-2"} {
		if v := ended[id]; v.Status != wire.Done || v.Evidence != "acknowledged" || v.Lost != "😀" {
			t.Errorf("%s: %+v", id, v)
		}
	}
	r = d.run(t, "send", "--json", "--dry-run", "speaker.say", "--to", "horn-2", "text=试一试")
	if all := steps(t, r); len(all) == 0 || !all[len(all)-1].DryRun || all[len(all)-1].Status != wire.DoneUnverified || len(s.Horns[1].Chip.Utterances()) != 1 {
		t.Errorf("exit %d, %+v, heard %+v", r.code, all, s.Horns[1].Chip.Utterances())
	}
}

// TestSendEndsBadly: each way in which an order does not come to a good end has its exit
// code and its words, and none of them moves or sounds.
func TestSendEndsBadly(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	d := desk(t, s, "li")
	gatewayOwn, err := s.CA.Client("somebodys-gateway")
	must(t, err)
	stranger := filepath.Join(t.TempDir(), "stranger.key")
	d.run(t, "keys", "new", stranger).expect(t, 0, "mode 0600")
	say := func(more ...string) []string {
		return append([]string{"send", "speaker.say", "--to", "horn-1", "--wait", "1s", "text=假的"}, more...)
	}
	for _, c := range []struct {
		name string
		d    tool
		args []string
		code int
		want string
	}{
		{"refused by the device", d, []string{"send", "speaker.say", "--to", "horn-1", "text=😀😀"}, 3, "the device has no sound for these characters"},
		{"no such device", d, []string{"send", "speaker.say", "--to", "horn-9", "text=你好"}, 3, "horn-9"},
		{"over too soon", d, say("--valid", "-1m"), 3, ""},
		{"a key that nobody trusts gets no answer", d, say("--sign", stranger, "--kid", ""), 4, "no result within 1s"},
		{"no broker there", d.but("EDGECTL_BROKER=mqtts://127.0.0.1:1"), say(), 1, "127.0.0.1:1"},
		{"a gateway's certificate", d.but("EDGECTL_CERT="+gatewayOwn.Cert, "EDGECTL_CERT_KEY="+gatewayOwn.Key), say(), 1, "somebodys-gateway"},
		{"no key", d.but("EDGECTL_SIGN="), say(), 2, "no key to sign with; give --sign FILE"},
		{"a key that is not there", d.but("EDGECTL_SIGN=/nonexistent/op.key"), say(), 1, "/nonexistent/op.key"},
		{"no gateway", d.but("EDGECTL_GATEWAY="), say(), 2, "give --gateway ID"},
		{"no target", d, []string{"send", "dome.preset", "preset=1", "do=set"}, 2, "no target; give --to DEVICE"},
		{"no action", d, []string{"send"}, 2, "name an action; one of"},
		{"no such action", d, []string{"send", "dome.dance", "--to", "dome-1"}, 2, `"dome.dance" is no action`},
		{"no such argument", d, []string{"send", "dome.preset", "--to", "dome-1", "preset=1", "do=set", "colour=red"}, 2, "colour"},
		{"a wrong argument", d, []string{"send", "dome.preset", "--to", "dome-1", "preset=1", "do=dance"}, 2, "neither set nor clear"},
		{"no pair", d, []string{"send", "dome.preset", "--to", "dome-1", "preset"}, 2, `"preset": write name=value`},
		{"no such flag", d, say("--loud"), 2, "--loud"},
		{"in Chinese", d.but("EDGECTL_SIGN="), say("--lang", "zh"), 2, "没有签名密钥；请给出 --sign 文件"},
		{"no such command", d, []string{"dance"}, 2, `"dance" is no command of edgectl; see edgectl --help`},
		{"no such command below", d, []string{"trust", "dance", "--lang", "zh"}, 2, `"dance" 不是 edgectl trust 的命令`},
	} {
		t.Run(c.name, func(t *testing.T) { c.d.run(t, c.args...).expect(t, c.code, c.want) })
	}
	// The daemon is gone: the broker keeps the order, and nobody answers.
	_, err = s.Service.Stop(within(t))
	must(t, err)
	d.run(t, say("--lang", "zh")...).expect(t, 4, "1s 内没有收到结果")
	must(t, s.Broker.Stop())
	d.run(t, say()...).expect(t, 1)
	if n := len(s.Horns[0].Chip.Utterances()); n != 0 {
		t.Errorf("something was said: %+v", s.Horns[0].Chip.Utterances())
	}
}

// TestStop: a dome that turns by an order of edgectl stops by edgectl stop, three times on
// the wire, and the order that turned it ends.
func TestStop(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	d := desk(t, s, "li")
	turn := make(chan ran, 1)
	go func() { turn <- d.run(t, "send", "dome.move", "--to", "dome-1", "pan=0.4", "lease_ms=5000") }()
	dome := s.Domes[0]
	soon(t, "motion", func() bool { _, moving := dome.MovingSince(); return moving })
	stops := len(dome.Stops())
	r := d.run(t, "stop", "--json", "--to", "*")
	r.expect(t, 0)
	seen := map[string]bool{}
	for _, v := range steps(t, r) {
		if v.Action != wire.AllStop {
			t.Errorf("%+v", v)
		}
		seen[v.Device] = v.Status == wire.Done || v.Status == wire.DoneUnverified
	}
	if !seen["dome-1"] || !seen["horn-1"] || len(dome.Stops())-stops < 3 {
		t.Errorf("%v, %d stops", seen, len(dome.Stops())-stops)
	}
	if _, moving := dome.MovingSince(); moving {
		t.Error("the dome turns")
	}
	(<-turn).expect(t, 3, "dome-1", "cancelled")
	d.run(t, "stop", "now").expect(t, 2, "takes 0 arguments, not 1")
}
