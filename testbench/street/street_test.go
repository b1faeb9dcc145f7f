package street_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	os.Exit(m.Run())
}

// TestStreet: all parts know each other: an order is heard, seen on the pin, and answered;
// an event arrives; the end is clean.
func TestStreet(t *testing.T) {
	edged := filepath.Join(t.TempDir(), "edged")
	build := exec.Command("go", "build", "-o", edged, "fuqiao/edged/cmd/edged")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, err := street.New(ctx, street.Options{Edged: edged, Dir: t.TempDir(), Speech: speech.Options{Faster: 4}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	r, err := s.Send(ctx, wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "请勿占道经营"}})
	if err != nil || r.Status != wire.Done || r.Evidence != "acknowledged" {
		t.Errorf("%+v %v", r, err)
	}
	if u := s.Horns[0].Chip.Utterances(); len(u) != 1 || u[0].Text != "请勿占道经营" {
		t.Errorf("heard %+v", u)
	}
	if err := s.Pins.WaitLevel(ctx, s.Horns[0].Relay, false); err != nil {
		t.Errorf("amplifier stays on: %v", err)
	}
	if status, err := s.Camera.Event(ctx, "e-1", "intrusion"); status != 202 || err != nil {
		t.Errorf("camera: %d %v", status, err)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("%q", v)
	}
	life, err := s.Service.Stop(ctx)
	if err != nil || life.How != "exit 0" {
		t.Errorf("%+v %v", life, err)
	}
}
