package dome

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fuqiao/edged/testbench/serial"
)

func TestBrokenFramesAreCountedNotObeyed(t *testing.T) {
	s, d := newStage(Options{})
	s.say(t, d, "FF 01 00 12 3F 3F 2D", 0) // ptz-vectors.csv: sum modulo 100, obs-ptz issue 132
	s.say(t, d, "FF 01 00 02 20 00 23", 0)
	s.say(t, d, "FF 02 00 04 20 00 26", 0)               // for another address
	s.say(t, d, "FF 01 00", time.Second)                 // cut, then silence
	s.say(t, d, "FF 01 00 00 00 00 01", 0)               // heard all the same
	s.say(t, d, "00 FF FF 01 00 04 FF 00 04", time.Hour) // noise before a frame with FF inside
	bad, foreign := d.Counts()
	if got := said(d); got != "drive,stop,drive" || bad != 2 || foreign != 1 {
		t.Errorf("%s, %d bad, %d foreign", got, bad, foreign)
	}
	d.Deaf(2)
	for range 3 {
		s.say(t, d, "FF 01 00 00 00 00 01", 0)
	}
	if n := len(d.Stops()); n != 2 {
		t.Errorf("%d stops obeyed, the first two of three were to be missed", n-1)
	}
}

// A dome on a real pty, and a second one on the same wire.
func TestTwoDomesOnOneWire(t *testing.T) {
	w, err := serial.New(serial.Options{Link: filepath.Join(t.TempDir(), "tty"), Baud: 9600, Length: Length})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	one, two := New(Options{Address: 1, Queries: true}), New(Options{Address: 2})
	w.Attach(one, two)
	f, err := os.OpenFile(w.Link(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte{0xFF, 0x01, 0x00, 0x51, 0x00, 0x00, 0x52}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 7)
	for n := 0; n < 7; {
		k, err := f.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if want := []byte{0xFF, 0x01, 0x00, 0x59, 0x00, 0x00, 0x5A}; !slices.Equal(got, want) {
		t.Errorf("answer % X, want % X", got, want)
	}
	if _, foreign := two.Counts(); foreign != 1 {
		t.Errorf("the other dome heard %d foreign frames", foreign)
	}
	if v := w.Violations(); len(v) > 0 {
		t.Error(v)
	}
}

func FuzzHear(f *testing.F) {
	f.Add([]byte{0xFF, 0x01, 0x00, 0x02, 0x20, 0x00, 0x23})
	f.Add([]byte{0xFF, 0x01, 0x00, 0x12, 0x3F, 0x3F, 0x2D})
	f.Add([]byte{0xFF, 0x01, 0x00, 0x07, 0x00, 0x01, 0x09, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, d := newStage(Options{Queries: true, General: true})
		now := time.Unix(1000, 0)
		for _, c := range b {
			now = now.Add(10 * time.Millisecond)
			d.Hear(c, now)
			if p := d.PoseAt(now); math.IsNaN(p.Pan) || p.Pan < 0 || p.Pan >= 360 || p.Tilt < -90 || p.Tilt > 15 || p.Zoom < 0 || p.Zoom > 1 {
				t.Fatalf("% X: %+v", b, p)
			}
		}
	})
}
