package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/street"
)

// TestSecondDaemon: the same state directory and the same port belong to one daemon.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1})
	out, err := exec.CommandContext(within(t), edged(), "-config", s.File).CombinedOutput()
	if err == nil || !strings.Contains(string(out), s.State) {
		t.Errorf("a second daemon on the same state: %v\n%s", err, out)
	}
	// With a state of its own it runs, and says that the port is somebody else's.
	other := t.TempDir()
	raw, err := os.ReadFile(s.File)
	must(t, err)
	file := filepath.Join(other, "edged.yaml")
	text := strings.ReplaceAll(string(raw), s.State, other)
	text = text[:strings.Index(text, "inputs:")] + text[strings.Index(text, "devices:"):]
	text = text[:strings.Index(text, "cameras:")]
	must(t, os.WriteFile(file, []byte(text), 0o600))
	second, err := process.Start(within(t), process.Config{Path: edged(), File: file, Restart: -1})
	must(t, err)
	defer second.Kill()
	_, err = second.WaitLine(within(t), 0, func(l process.Line) bool {
		return l.Fields["code"] == "bus.locked" && l.Msg() == "condition raised"
	})
	must(t, err)
	if n := len(s.Domes[0].Stops()); n != 3 {
		t.Errorf("the second daemon has put %d stops on a wire that is not its own", n-3)
	}
}

// TestLogLines: each line says version and run, over starts, crashes, faults and reloads;
// those about an order say its act.
func TestLogLines(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	ids := []string{send(t, s, say("你好")).Order, send(t, s, say("😀😀")).Order, send(t, s, preset(1)).Order}
	_, err := s.Platform.Forge(within(t), say("假的"), platform.BadSignature)
	must(t, err)
	must(t, s.Horns[0].Wire.Unplug())
	ids = append(ids, send(t, s, say("听得到吗")).Order)
	stop, err := s.Platform.Stop(within(t))
	must(t, err)
	_, err = s.Platform.Await(within(t), stop, "dome-1")
	must(t, err)
	restart(t, s, s.Service.Kill9)
	raw, err := os.ReadFile(s.File)
	must(t, err)
	must(t, os.WriteFile(s.File, bytes.Replace(raw, []byte("gap_ms: 10"), []byte("gap_ms: 11"), 1), 0o600)) // another wire is another run
	must(t, s.Service.Hup())
	must(t, s.Online(within(t)))
	_, err = s.Service.Stop(within(t))
	must(t, err)
	runs, about := map[any]bool{}, map[string]int{}
	for _, l := range s.Service.Lines() {
		if l.Fields["version"] != "v0.0.0-test" || l.Fields["run"] == nil {
			t.Errorf("without version or run: %s", l.Text)
		}
		runs[l.Fields["run"]] = true
		for _, id := range append(ids, stop) {
			if strings.Contains(l.Text, id) {
				about[id]++
				if act, _ := l.Fields["act"].(string); !strings.HasSuffix(act, ":"+id) {
					t.Errorf("without act: %s", l.Text)
				}
			}
		}
	}
	if !slices.ContainsFunc(s.Service.Lines(), func(l process.Line) bool { return l.Safe && l.Fields["level"] == "ERROR" }) {
		t.Error("-safe does not say that a port was not there")
	}
	if len(about) != len(ids)+1 || len(runs) < 3 {
		t.Errorf("%d runs; lines about the orders: %v", len(runs), about)
	}
}
