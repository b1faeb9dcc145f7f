package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/street"
)

// watching is a running edgectl watch.
type watching struct {
	t    *testing.T
	end  func() error
	errs strings.Builder

	mu    sync.Mutex
	lines []string
}

// watch starts it; what it prints is read as it comes.
func watch(t *testing.T, d tool, args ...string) *watching {
	t.Helper()
	c := d.command(t, append([]string{"watch"}, args...)...)
	out, err := c.StdoutPipe()
	must(t, err)
	w := &watching{t: t}
	c.Stderr = &w.errs
	must(t, c.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			w.mu.Lock()
			w.lines = append(w.lines, s.Text())
			w.mu.Unlock()
		}
		_, _ = io.Copy(io.Discard, out) // a line that was too long for the scanner
	}()
	w.end = func() error {
		if err := c.Process.Signal(syscall.SIGINT); err != nil {
			return err
		}
		<-read
		return c.Wait()
	}
	return w
}

func (w *watching) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.lines)
}

// seen waits for a line that holds all words.
func (w *watching) seen(words ...string) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("it has said:\n%s", strings.Join(w.all(), "\n"))
		}
	}()
	soon(w.t, fmt.Sprintf("a line with %q", words), func() bool {
		return slices.ContainsFunc(w.all(), func(l string) bool {
			return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(l, word) })
		})
	})
}

// TestWatch: presence, state, results, events and telemetry of a gateway, to two people at
// once: one reads Chinese, the other one's program JSON; Ctrl-C is a good end.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	d := desk(t, s, "li")
	zh, raw := watch(t, d, "--lang", "zh", "--telemetry"), watch(t, d, "--json")
	zh.seen(street.Gateway, "：在线，会话 ")
	raw.seen(`"retained":true`, `/presence"`)
	r, err := s.Send(within(t), wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "你好"}})
	must(t, err)
	if status, err := s.Camera.Event(within(t), "e-1", "intrusion"); status != 202 || err != nil {
		t.Errorf("camera: %d %v", status, err)
	}
	zh.seen("horn-1", "已完成 (设备已应答)")
	zh.seen("cam-1", "camera", "intrusion")
	zh.seen("horn-1", "就绪")
	zh.seen("MiB")
	raw.seen(`"order":"`+r.Order+`"`, `"status":"done"`)
	raw.seen("intrusion", "/event\"")
	_, err = s.Service.Stop(within(t))
	must(t, err)
	zh.seen(street.Gateway, "：离线，", "，时钟 -")
	raw.seen(`/presence"`, `"offline"`)
	for _, w := range []*watching{zh, raw} {
		if err := w.end(); err != nil || w.errs.Len() > 0 {
			t.Errorf("Ctrl-C: %v, %s", err, w.errs.String())
		}
	}
	for _, line := range raw.all() {
		var m struct {
			Topic    string
			Retained bool
			Payload  json.RawMessage
		}
		dec := json.NewDecoder(strings.NewReader(line))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&m); err != nil || m.Topic == "" || len(m.Payload) == 0 {
			t.Errorf("%v: %s", err, line)
		}
		if strings.HasSuffix(m.Topic, "/telemetry") {
			t.Error("telemetry without --telemetry")
		}
	}
	d.run(t, "watch", "--for", "300ms").expect(t, 0, "offline")
	d.run(t, "watch", "now").expect(t, 2)
	d.but("EDGECTL_BROKER=").run(t, "watch").expect(t, 2, "no broker; give --broker URL")
	must(t, s.Broker.Stop())
	d.run(t, "watch").expect(t, 1)
}

// TestProvision is what a technician does on a new box: keys and a trust file by edgectl.
// The daemon obeys the operator that it names, and nobody else any more.
func TestProvision(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	s := live(t, street.Options{Cold: true, Change: func(c string) string {
		_, after, _ := strings.Cut(c, "  trust: ")
		file, _, _ := strings.Cut(after, "\n")
		return strings.Replace(c, file, at("trust.jws"), 1)
	}})
	d := desk(t, s, "li")
	for _, name := range []string{"root.key", "op.key"} {
		d.run(t, "keys", "new", at(name)).expect(t, 0, "secret in "+at(name))
		if info, err := os.Stat(at(name)); err != nil || info.Mode() != 0o600 {
			t.Errorf("%v %v", info, err)
		}
	}
	d.run(t, "keys", "new", at("op.key")).expect(t, 1) // a key is not replaced by accident
	// The platform's clock has its key already.
	clock := fmt.Sprintf("{\"kid\":%q,\"alg\":\"EdDSA\",\"pub\":%q}\n", s.Trust.Time.Kid(), s.Trust.Time.Public())
	must(t, os.WriteFile(at("time.key.pub"), []byte(clock), 0o600))
	d.run(t, "trust", "new", "--root", "zhang="+at("root.key"), "--operator", "li="+at("op.key.pub"), "--clock", "platform="+at("time.key.pub"),
		"--out", at("trust.jws")).expect(t, 0, "version 1, 1 roots (threshold 1), 2 keys")
	d.run(t, "check", s.File).expect(t, 0, "good: gateway "+street.Gateway)
	must(t, s.Start(within(t)))
	said := []string{"send", "speaker.say", "--to", "horn-1", "--wait", "5s"}
	d.but("EDGECTL_KID=").run(t, append(said, "--sign", at("op.key"), "text=新的")...).expect(t, 0, "done")
	d.run(t, "send", "speaker.say", "--to", "horn-1", "--wait", "1s", "text=旧的").expect(t, 4)
	d.but("EDGECTL_KID=").run(t, append(said, "--sign", at("op.key"), "--priority", "emergency", "text=太大的")...).expect(t, 3, "the key may not do this")
	if u := s.Horns[0].Chip.Utterances(); len(u) != 1 || u[0].Text != "新的" {
		t.Errorf("heard %+v", u)
	}
}

// TestCheck: a good file and a bad one, for a person and for a program.
func TestCheck(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Cold: true})
	d := desk(t, s, "li")
	raw, err := os.ReadFile(s.File)
	must(t, err)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	must(t, os.WriteFile(bad, []byte(strings.Replace(string(raw), "baud: 9600", "baud: 9601", 1)+"colour: red\n"), 0o600))
	d.run(t, "check", s.File).expect(t, 0, s.File+": good: gateway "+street.Gateway+", 2 devices, 1 cameras")
	d.run(t, "check", "--lang", "zh", s.File).expect(t, 0, s.File+"：")
	if r := d.run(t, "check", "--json", s.File); r.code != 0 || r.out != "" {
		t.Errorf("%+v", r)
	}
	d.run(t, "check", bad).expect(t, 1, bad+":", "9601", "colour: unknown key")
	r := d.run(t, "check", "--json", "--lang", "zh", bad)
	r.expect(t, 1)
	var problems []struct {
		File, Path, Value, Message string
		Line                       int
	}
	for line := range strings.Lines(r.out) {
		problems = append(problems, struct {
			File, Path, Value, Message string
			Line                       int
		}{})
		must(t, json.Unmarshal([]byte(line), &problems[len(problems)-1]))
	}
	if len(problems) != 2 || problems[0].Path != "buses.uart-1.baud" || problems[0].Value != "9601" || problems[0].Line == 0 || problems[0].File != bad || problems[0].Message == "" {
		t.Errorf("%+v", problems)
	}
	d.run(t, "check").expect(t, 2, "takes 1 arguments, not 0")
	d.run(t, "check", "/nonexistent/edged.yaml").expect(t, 1, "/nonexistent/edged.yaml")
}
