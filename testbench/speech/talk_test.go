package speech

import (
	"context"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/testbench/serial"
)

func TestANewTextCutsTheOldOne(t *testing.T) {
	s, c := newStage(t, Options{})
	s.hex("FD 00 0F 01 01 C7 EB CE F0 D5 BC B5 C0 BE AD D3 AA 96", 500*time.Millisecond)
	s.hex("FD 00 0B 01 01 D3 EE D2 F4 CC EC CF C2 C0", 10*time.Second)
	said := c.Utterances()
	if len(said) != 2 || !said[0].Cut || said[0].By != "say" || said[1].Cut || said[1].Text != "宇音天下" {
		t.Errorf("%+v", said)
	}
	if s.answers() != "41414F" { // one 4F: the cut text has none
		t.Errorf("answers %s", s.answers())
	}
}

func TestStopPauseAndResume(t *testing.T) {
	s, c := newStage(t, Options{IdleAfterStop: true})
	s.hex("FD 00 0F 01 01 C7 EB CE F0 D5 BC B5 C0 BE AD D3 AA 96", 500*time.Millisecond)
	s.hex("FD 00 02 03 FC", time.Hour) // pause
	if !c.Speaking() {
		t.Error("a paused text is over")
	}
	s.hex("FD 00 02 04 FB", 500*time.Millisecond) // resume
	if !c.Speaking() {
		t.Error("a resumed text was over too soon")
	}
	s.hex("FD 00 02 02 FD", time.Second) // stop
	said := c.Utterances()
	if len(said) != 1 || said[0].By != "stop" || s.answers() != "414141414F" {
		t.Errorf("%+v, answers %s", said, s.answers())
	}
	s.hex("FD 00 02 02 FD", time.Second) // nothing to stop
	if s.answers() != "414141414F41" {
		t.Errorf("answers %s", s.answers())
	}
}

func TestBadFramesAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, frame, want string
	}{
		{"wrong XOR", "FD 00 02 21 DF", "45"},
		{"unknown command", "FD 00 02 77 88", "45"},
		{"201 bytes of text", "FD 00 CC 01 01" + strings.Repeat("20", 201) + "10", "45"},
		{"no XOR at all (the XFS5152CE's frame)", "FD 00 01 21", "45"},
		{"no frame", "00 11 22", ""},
	} {
		s, chip := newStage(t, Options{})
		s.hex(c.frame, time.Second)
		if s.answers() != c.want {
			t.Errorf("%s is answered %q, want %q", c.name, s.answers(), c.want)
		}
		s.hex("FD 00 02 21 DE", time.Second)
		if got, _, _, _ := chip.Counts(); got != 1 {
			t.Errorf("after %s a good frame is not heard", c.name)
		}
	}
}

func TestAPauseBreaksAFrame(t *testing.T) {
	for silence, want := range map[time.Duration]string{7 * time.Millisecond: "4F", 9 * time.Millisecond: ""} {
		s, c := newStage(t, Options{})
		s.hex("FD 00 02", silence)
		s.hex("21 DE", time.Second)
		_, _, broken, _ := c.Counts()
		if s.answers() != want || broken > 0 != (want == "") {
			t.Errorf("a pause of %v: answers %q, %d broken", silence, s.answers(), broken)
		}
	}
	s, c := newStage(t, Options{})
	s.hex("FD 00 02 21 DE FD 00 02 21 DE", 0)
	if _, _, _, hasty := c.Counts(); hasty != 1 {
		t.Error("two frames without a pause went unnoticed")
	}
}

func TestMarksStayUntilReset(t *testing.T) {
	say := func(s *stage, text string) {
		body := append([]byte{0xFD, 0, byte(3 + len(text)), 1, 1}, text...)
		x := byte(0)
		for _, c := range body {
			x ^= c
		}
		s.hear(append(body, x), time.Minute)
	}
	s, c := newStage(t, Options{})
	say(s, "[v3][t5]a")
	say(s, "b[v9]c")
	say(s, "[x0]soundk")
	say(s, "[d]soundk,msgz")
	say(s, "[v99]d")
	c.Reset(s.now)
	s.pass(time.Second)
	say(s, "e[q1]")
	var got []string
	for _, u := range c.Utterances() {
		got = append(got, u.Text+"|"+strings.Join(u.Tones, ",")+"|"+strings.Join(u.Wrong, ","))
	}
	want := []string{"a||", "b[v9]c||[v9]", "soundk||", ",msgz|soundk|", "d||", "e[q1]||[q1]"}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
	var vols []int
	for _, u := range c.Utterances() {
		vols = append(vols, u.Voice.Volume)
	}
	if !slices.Equal(vols, []int{3, 3, 3, 10, 16, 10}) {
		t.Errorf("volumes %v", vols)
	}
}

func TestFaultsOfTheChip(t *testing.T) {
	const text = "FD 00 0B 01 01 D3 EE D2 F4 CC EC CF C2 C0"
	for _, c := range []struct {
		name string
		set  func(c *Chip)
		want string
	}{
		{"mute", func(c *Chip) { c.Mute(true) }, ""},
		{"refuses one", func(c *Chip) { c.RefuseNext(1) }, "45"},
		{"loses 41", func(c *Chip) { c.LoseAccepts(1) }, "4F"},
		{"loses 4F", func(c *Chip) { c.LoseIdles(1) }, "41"},
		{"resets while it speaks", func(c *Chip) { c.ResetInNext(300 * time.Millisecond) }, "414A"},
	} {
		s, chip := newStage(t, Options{})
		c.set(chip)
		s.hex(text, time.Minute)
		if s.answers() != c.want {
			t.Errorf("%s: answers %q, want %q", c.name, s.answers(), c.want)
		}
	}
	s, chip := newStage(t, Options{})
	chip.LateIdle(time.Second)
	s.hex(text, time.Minute)
	if u := chip.Utterances()[0]; s.sent[1].at != u.Ended.Sub(start)+time.Second {
		t.Errorf("4F after %v, the end was at %v", s.sent[1].at, u.Ended.Sub(start))
	}
}

// The chip on a real pty, at line rate, thirty times as fast a speaker.
func TestOnAWire(t *testing.T) {
	w, err := serial.New(serial.Options{Link: filepath.Join(t.TempDir(), "tty"), FullDuplex: true, Length: Length})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := New(Options{Faster: 30})
	w.Attach(c)
	f, err := os.OpenFile(w.Link(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frame, _ := hex.DecodeString("FD000F0101C7EBCEF0D5BCB5C0BEADD3AA96")
	if _, err := f.Write(frame); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 2)
	if _, err := io.ReadFull(f, got); err != nil || got[0] != 0x41 || got[1] != 0x4F {
		t.Fatalf("% X %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := c.Wait(ctx, func(u []Utterance) bool { return len(u) == 1 && !u[0].Ended.IsZero() }); err != nil {
		t.Error(err)
	}
}

func FuzzHear(f *testing.F) {
	f.Add([]byte{0xFD, 0x00, 0x02, 0x21, 0xDE})
	f.Add([]byte{0xFD, 0x00, 0x08, 0x01, 0x01, 0x5B, 0x76, 0x31, 0x31, 0x5D, 0x85})
	f.Add([]byte("\xfd\x00\x05\x01\x01[]\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, _ := newStage(t, Options{})
		s.hear(b, time.Minute)
		read(string(b), defaults(), 4.5)
	})
}
