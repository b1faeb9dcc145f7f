package main_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

// TestLostCharacters: what the chip cannot say is told, character by character; a text of
// which nothing is left is refused and nothing sounds.
func TestLostCharacters(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1})
	r := send(t, s, say("你好😀，𠮷野家。"))
	if r.Status != wire.Done || r.Lost != "😀𠮷" {
		t.Errorf("%+v", r)
	}
	must(t, s.Pins.WaitLevel(within(t), s.Horns[0].Relay, false)) // the tail
	before := traffic(s)
	for _, mute := range []string{"😀😀", "。。。", "]][["} {
		if r := send(t, s, say(mute)); r.Status != wire.Rejected || r.Reason != wire.CannotSay {
			t.Errorf("%s: %+v", mute, r)
		}
	}
	if n := traffic(s) - before; n != 0 {
		t.Errorf("%d frames and edges for nothing that can be said", n)
	}
}

// TestLongText: frames end at ends of sentences, and together they are the text.
func TestLongText(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Speech: speech.Options{Faster: 40, Lead: 10 * time.Millisecond}})
	text := strings.Repeat("各位居民请注意，明天上午八点至十二点停水，请提前做好储水准备。", 12)
	if r := send(t, s, say(text)); r.Status != wire.Done || r.Evidence != "acknowledged" {
		t.Errorf("%+v", r)
	}
	var whole bytes.Buffer
	for _, u := range s.Horns[0].Chip.Utterances() {
		whole.WriteString(u.Text)
		if !strings.HasSuffix(u.Text, "。") || u.Cut {
			t.Errorf("%q is not a sentence, or was cut (%v)", u.Text, u.Cut)
		}
	}
	if whole.String() != text || len(s.Horns[0].Chip.Utterances()) < 3 {
		t.Errorf("%d parts: %s", len(s.Horns[0].Chip.Utterances()), whole.String())
	}
}

// TestDeadMan: a stick whose link is cut lets go after its lease, three stops on the wire;
// one that is released stops at once.
func TestDeadMan(t *testing.T) {
	s := live(t, street.Options{Horns: -1})
	d := s.Domes[0]
	stick, err := s.Platform.TakeStick(within(t), d.ID, wire.Speeds{Pan: 0.6}, platform.Hold{})
	must(t, err)
	soon(t, "motion", func() bool { _, moving := d.MovingSince(); return moving })
	stops, cut := len(d.Stops()), stick.Cut()
	soon(t, "three stops", func() bool { return len(d.Stops()) == stops+3 })
	if late := d.Stops()[stops].Sub(cut) - time.Second; late < -50*time.Millisecond || late > 300*time.Millisecond {
		t.Errorf("the first stop came %v after the end of the lease", late)
	}
	r, err := s.Platform.Await(within(t), stick.Order, d.ID)
	if err != nil || r.Status != wire.Cancelled || r.Reason != wire.Lapsed {
		t.Errorf("%+v %v", r, err)
	}
	stick, err = s.Platform.TakeStick(within(t), d.ID, wire.Speeds{Pan: -0.6}, platform.Hold{})
	must(t, err)
	soon(t, "motion", func() bool { _, moving := d.MovingSince(); return moving })
	stops = len(d.Stops())
	began := time.Now()
	must(t, stick.Release(within(t)))
	soon(t, "three stops", func() bool { return len(d.Stops()) == stops+3 })
	if took := d.Stops()[stops].Sub(began); took > 300*time.Millisecond {
		t.Errorf("stopped %v after the release", took)
	}
	if r, err := s.Platform.Await(within(t), stick.Order, d.ID); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("%+v %v", r, err)
	}
}
