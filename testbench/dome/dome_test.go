package dome

import (
	"encoding/csv"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// stage is a port with a clock of its own.
type stage struct {
	sent []byte
	now  time.Time
}

func (s *stage) Send(b []byte, at time.Time) { s.sent = append(s.sent, b...) }
func (s *stage) At(time.Time, func())        {}

func newStage(o Options) (*stage, *Dome) {
	s := &stage{now: time.Unix(1000, 0)}
	d := New(o)
	d.Plug(s)
	return s, d
}

// say gives the bytes of a hex string to d at once and lets after pass.
func (s *stage) say(t *testing.T, d *Dome, hexa string, after time.Duration) {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(hexa, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b {
		d.Hear(c, s.now)
	}
	s.now = s.now.Add(after)
}

type row struct{ op, params, hex, dir, source string }

// vectors are the Pelco-D rows of the protocol facts, each with its sources.
func vectors(t *testing.T) []row {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "pelco-d.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, r := range all[1:] {
		rows = append(rows, row{r[1], r[2], r[3], r[4], r[5]})
	}
	return rows
}

// said is what d has obeyed.
func said(d *Dome) string {
	var what []string
	for _, c := range d.Changes() {
		what = append(what, c.What)
	}
	return strings.Join(what, ",")
}

func TestEveryVectorIsUnderstood(t *testing.T) {
	words := map[string]string{
		"stop": "stop", "zoom_tele": "drive", "zoom_wide": "drive", "focus_far": "lens", "focus_near": "lens",
		"iris_open": "lens", "iris_close": "lens", "camera_on": "other", "camera_off": "other", "auto_scan": "other",
		"manual_scan": "other", "preset_set": "preset set", "preset_clear": "preset clear", "preset_goto": "preset call",
		"aux_on": "aux", "aux_off": "aux", "remote_reset": "reset", "set_pan": "pan", "set_tilt": "tilt", "set_zoom": "zoom",
		"query_pan": "query", "query_tilt": "query", "query_zoom": "query",
	}
	for _, v := range vectors(t) {
		if v.dir != "host>device" {
			continue
		}
		addr := byte(1)
		if strings.Contains(v.params, "addr=2") {
			addr = 2
		}
		s, d := newStage(Options{Address: addr})
		s.say(t, d, v.hex, time.Second)
		bad, foreign := d.Counts()
		if strings.HasPrefix(v.op, "reject") {
			if bad == 0 || len(d.Changes()) > 0 {
				t.Errorf("%s %s: taken", v.op, v.hex)
			}
			continue
		}
		word, _, _ := strings.Cut(v.op, " ")
		want, known := words[word]
		if strings.HasPrefix(v.op, "pan_") || strings.HasPrefix(v.op, "tilt_") {
			want, known = "drive", true
		}
		if !known {
			want = "other"
		}
		noisy := strings.HasPrefix(v.op, "noise")
		switch {
		case noisy:
			want = "drive"
		case strings.HasPrefix(v.op, "two commands"):
			want = "drive,stop"
		}
		if got := said(d); got != want || bad > 0 != noisy || foreign > 0 {
			t.Errorf("%s (%s) %s: understood as %q (%d bad, %d foreign), want %q; source %s", v.op, v.params, v.hex, got, bad, foreign, want, v.source)
		}
	}
}

func TestAnswersAreThoseOfTheVectors(t *testing.T) {
	for _, c := range []struct {
		pan, tilt, zoom float64
		ask, answer     string
	}{ // ptz-vectors.csv, TF-0002
		{82.13, 0, 0, "FF 01 00 51 00 00 52", "FF 01 00 59 20 15 8F"},
		{0, -45, 0, "FF 01 00 53 00 00 54", "FF 01 00 5B 11 94 01"},
		{0, 5, 0, "FF 01 00 53 00 00 54", "FF 01 00 5B 8A AC 92"},
		{0, 0, 1781.0 / 65535, "FF 01 00 55 00 00 56", "FF 01 00 5D 06 F5 59"},
	} {
		s, d := newStage(Options{Queries: true, General: true})
		d.pan.pos, d.tilt.pos, d.zoom.pos = c.pan, c.tilt, c.zoom
		s.say(t, d, c.ask, 0)
		want, _ := hex.DecodeString(strings.ReplaceAll(c.answer, " ", ""))
		if !slices.Equal(s.sent, want) {
			t.Errorf("%s is answered % X, want %s", c.ask, s.sent, c.answer)
		}
	}
	s, d := newStage(Options{General: true})
	s.say(t, d, "FF 01 00 02 00 3F 42", 0) // ptz-vectors.csv, Pelco_And_Arduino
	if want := []byte{0xFF, 0x01, 0x00, 0x42}; !slices.Equal(s.sent, want) {
		t.Errorf("general answer % X, want % X", s.sent, want)
	}
}

func TestTurnsUntilToldToStop(t *testing.T) {
	s, d := newStage(Options{})
	s.say(t, d, "FF 01 00 02 3F 00 42", time.Hour)
	if p := d.PoseAt(s.now); math.Abs(p.PanSpeed-60) > 1e-4 {
		t.Fatalf("after an hour: %+v", p)
	}
	if _, ok := d.Rest(); ok {
		t.Error("a turning dome says when it will rest")
	}
	if since, ok := d.MovingSince(); !ok || !since.Equal(time.Unix(1000, 0)) {
		t.Errorf("moving since %v %v", since, ok)
	}
	s.say(t, d, "FF 01 00 00 00 00 01", 0)
	rest, ok := d.Rest()
	if !ok || rest.Sub(s.now).Round(time.Millisecond) != 300*time.Millisecond { // 60°/s at 200°/s²
		t.Errorf("rests %v after the stop (%v), want 300 ms", rest.Sub(s.now), ok)
	}
	before, after := d.PoseAt(rest), d.PoseAt(rest.Add(time.Hour))
	if after.Moving() || math.Abs(before.Pan-after.Pan) > 1e-3 {
		t.Errorf("drifts: %+v %+v", before, after)
	}
	if stops := d.Stops(); len(stops) != 1 || !stops[0].Equal(s.now) {
		t.Errorf("stops %v", stops)
	}
}

func TestSpeedsRiseFromSlowToFast(t *testing.T) {
	if lo, hi, turbo := Speed(0), Speed(0x3F), Speed(0x40); lo != 0.1 || math.Abs(hi-60) > 1e-9 || turbo != 90 || Speed(0xFF) != 90 {
		t.Errorf("%v %v %v", lo, hi, turbo)
	}
	for b := byte(1); b <= 0x3F; b++ {
		if Speed(b) <= Speed(b-1) || TiltSpeed(b) <= TiltSpeed(b-1) {
			t.Errorf("speed %02X is not above %02X", b, b-1)
		}
	}
	for zero, want := range map[bool]float64{false: 0.1, true: 0} { // TF-0002 against D-1999
		s, d := newStage(Options{ZeroStops: zero})
		s.say(t, d, "FF 01 00 02 00 00 03", time.Second)
		if p := d.PoseAt(s.now); math.Abs(p.PanSpeed-want) > 1e-4 {
			t.Errorf("ZeroStops %v: speed 00 turns at %v", zero, p.PanSpeed)
		}
	}
}

func TestTiltMeetsItsEndStops(t *testing.T) {
	for _, c := range []struct {
		frame string
		want  float64
	}{{"FF 01 00 08 00 3F 48", 15}, {"FF 01 00 10 00 3F 50", -90}} {
		s, d := newStage(Options{})
		s.say(t, d, c.frame, 10*time.Second)
		if p := d.PoseAt(s.now); p.Moving() || math.Abs(p.Tilt-c.want) > 1e-3 {
			t.Errorf("%s: %+v, want tilt %v at rest", c.frame, p, c.want)
		}
		for ms := range 4000 { // never beyond, on the whole way
			if p := d.PoseAt(time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond)); p.Tilt > 15 || p.Tilt < -90 {
				t.Fatalf("tilt %v at %d ms", p.Tilt, ms)
			}
		}
	}
}

func TestPresetIsReachedAndHeld(t *testing.T) {
	s, d := newStage(Options{})
	s.say(t, d, "FF 01 00 0C 20 10 3D", 2*time.Second) // left and up
	s.say(t, d, "FF 01 00 00 00 00 01", time.Second)
	s.say(t, d, "FF 01 00 03 00 01 05", 0) // set 1
	stored, ok := d.Preset(1)
	if !ok || stored.Pan < 180 { // left of zero
		t.Fatalf("stored %+v %v", stored, ok)
	}
	s.say(t, d, "FF 01 00 12 3F 3F 91", 1500*time.Millisecond) // right and down, still turning
	s.say(t, d, "FF 01 00 07 00 01 09", 0)                     // call 1
	rest, ok := d.Rest()
	if !ok {
		t.Fatal("a called preset is never reached")
	}
	if way := rest.Sub(s.now); way < 500*time.Millisecond || way > 5*time.Second {
		t.Errorf("preset reached after %v", way)
	}
	if mid := d.PoseAt(s.now.Add(500 * time.Millisecond)); !mid.Moving() {
		t.Error("does not move on its way to the preset")
	}
	if p := d.PoseAt(rest); p.Moving() || math.Abs(p.Pan-stored.Pan) > 0.01 || math.Abs(p.Tilt-stored.Tilt) > 0.01 {
		t.Errorf("arrived at %+v, stored %+v", p, stored)
	}
	s.say(t, d, "FF 01 00 05 00 01 07", 0) // clear 1
	if _, ok := d.Preset(1); ok {
		t.Error("a cleared preset is still there")
	}
}

func TestSeekTakesTheShorterWay(t *testing.T) {
	s, d := newStage(Options{})
	d.pan.pos = 350
	s.say(t, d, "FF 01 00 4B 03 E8 37", 0) // set_pan to 10.00 degrees, made by the rule of TF-0002
	rest, _ := d.Rest()
	if p := d.PoseAt(rest); math.Abs(p.Pan-10) > 0.01 || rest.Sub(s.now) > time.Second {
		t.Errorf("%+v after %v", p, rest.Sub(s.now))
	}
}
