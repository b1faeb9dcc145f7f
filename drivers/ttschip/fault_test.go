package ttschip_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// two is a text that makes two parts: 60 characters each, 13.2 s on the chip.
var two = drivers.Announcement{Text: sixty("停车") + "。" + sixty("防火") + "。", Volume: 50}

func sixty(word string) string {
	s := ""
	for range 30 {
		s += word
	}
	return s
}

// TestFaultsOfTheChip: what a chip can do wrong, what is said all the same, how often,
// and what is known of it in the end.
func TestFaultsOfTheChip(t *testing.T) {
	part1, part2 := "[x0]"+sixty("停车")+"。", "[x0]"+sixty("防火")+"。"
	for _, c := range []struct {
		name  string
		fault func(*chip)
		ev    drivers.Evidence
		err   fault.Class
		heard []string      // by the street
		told  int           // parts
		least time.Duration // nothing may return before this
		most  time.Duration
		cond  string
	}{
		{"none", func(*chip) {}, drivers.Acknowledged, "", []string{part1, part2}, 2, 26 * time.Second, 28 * time.Second, ""},
		{"status in two bytes, 4F lost on the wire", func(c *chip) { c.twoBytes, c.noEnd = true, true },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 60 * time.Second, 68 * time.Second, ""},
		{"every 4F lost on the wire", func(c *chip) { c.noEnd = true },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 60 * time.Second, 68 * time.Second, ""},
		{"marks refused once", func(c *chip) { c.refuse = 1 },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 26 * time.Second, 28 * time.Second, ""},
		{"the first part refused once", func(c *chip) { c.refuseAt = 2 },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 26 * time.Second, 28 * time.Second, ""},
		{"a reset between the parts: the second is not begun", func(c *chip) { c.resetOn = 2 },
			drivers.Acknowledged, fault.Reset, []string{part1}, 1, 13 * time.Second, 14 * time.Second, "device.reset"},
		{"everything refused: the wrong family", func(c *chip) { c.refuse = 99 },
			drivers.Commanded, fault.Refused, nil, 0, 0, time.Second, ""},
		{"marks lost", func(c *chip) { c.dropSay = 1 },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 26 * time.Second, 28 * time.Second, ""},
		{"41 of the first part lost: it is not said again", func(c *chip) { c.dropAck = 2 },
			drivers.Acknowledged, "", []string{part1, part2}, 2, 26 * time.Second, 28 * time.Second, ""},
		{"the first part lost: an idle chip has not said it", func(c *chip) { c.dropSay = 2 },
			drivers.Commanded, fault.NoReply, nil, 0, 0, 2 * time.Second, "device.no_reply"},
		{"the second part lost", func(c *chip) { c.dropSay = 3 },
			drivers.Acknowledged, fault.NoReply, []string{part1}, 1, 13 * time.Second, 15 * time.Second, "device.no_reply"},
		{"a reset in the first part", func(c *chip) { c.resetIn = map[int]duration{2: 4 * time.Second} },
			drivers.Acknowledged, fault.Reset, []string{part1}, 1, 4 * time.Second, 5 * time.Second, "device.reset"},
		{"a reset in the second part", func(c *chip) { c.resetIn = map[int]duration{3: 4 * time.Second} },
			drivers.Acknowledged, fault.Reset, []string{part1, part2}, 2, 17 * time.Second, 18 * time.Second, "device.reset"},
		{"only the wire back is broken: all is said", func(c *chip) { c.mute = true },
			drivers.Commanded, fault.NoReply, []string{part1, part2}, 2, 60 * time.Second, 70 * time.Second, "device.no_reply"},
		{"no chip at all", func(c *chip) { c.deaf = true },
			drivers.Commanded, fault.NoReply, nil, 2, 60 * time.Second, 70 * time.Second, "device.no_reply"},
		{"a chip that says 4E for ever", func(c *chip) { c.stuck, c.noEnd = true, true },
			drivers.Acknowledged, fault.NoReply, []string{part1}, 1, 60 * time.Second, 68 * time.Second, "device.no_reply"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t)
			c.fault(s.chip)
			ev, told, took, err := s.say(t.Context(), two)
			synctest.Wait()
			if ev != c.ev || fault.Of(err) != c.err || (err == nil) != (c.err == "") {
				t.Errorf("%s: %s, %v; want %s, %q", c.name, ev, err, c.ev, c.err)
			}
			equal(t, c.name+": heard", s.chip.heard, c.heard)
			if len(told) != c.told {
				t.Errorf("%s: %d parts told, want %d", c.name, len(told), c.told)
			}
			if s.chip.hasty != 0 {
				t.Errorf("%s: %d frames within 1 ms of a 4F, or into the marks", c.name, s.chip.hasty)
			}
			if took < c.least || took > c.most {
				t.Errorf("%s: took %s, want %s to %s", c.name, took, c.least, c.most)
			}
			if c.cond == "" && len(s.raised) != 0 || c.cond != "" && !s.raised[c.cond] {
				t.Errorf("%s: raised %v, want %q", c.name, s.raised, c.cond)
			}
		})
	}
}

// TestConditionsClear: a chip that answers again is well again.
func TestConditionsClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.chip.set(func() { s.chip.deaf = true })
		s.say(t.Context(), drivers.Announcement{Text: "好", Volume: 50})
		if !s.raised["device.no_reply"] {
			t.Fatal("silence was not reported")
		}
		s.chip.set(func() { s.chip.deaf = false })
		if ev, _, _, err := s.say(t.Context(), drivers.Announcement{Text: "好", Volume: 50}); ev != drivers.Acknowledged || err != nil {
			t.Errorf("%s, %v", ev, err)
		}
		if len(s.raised) != 0 {
			t.Errorf("raised %v", s.raised)
		}
	})
}

// TestForeignEnd: a 4F that belongs to an earlier utterance, or to a query, does not
// end the new one; nor do other bytes.
func TestForeignEnd(t *testing.T) {
	for _, early := range []time.Duration{150 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second, 3400 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t)
			go func() {
				time.Sleep(early)
				s.wire.Inject(0x4F, 0x41, 0x4E, 0x45, 0x4F)
			}()
			ev, _, took, err := s.say(t.Context(), two)
			if ev != drivers.Acknowledged || err != nil || took < 26*time.Second || len(s.chip.cut) != 0 {
				t.Errorf("4F after %s: %s, %v after %s, cut %q", early, ev, err, took, s.chip.cut)
			}
			if !slices.Contains(s.frames(), "query") {
				t.Errorf("4F after %s: the chip was not asked", early)
			}
		})
	}
}

// TestEndMeetsQuery: an old 4F that arrives exactly as the answer to a query does not
// end the part either: "idle" has to be said twice.
func TestEndMeetsQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		queries := 0
		s.wire.Answer(func(f line.Frame) []byte {
			if f.Write[3] == 0x21 {
				if queries++; queries == 1 {
					return append([]byte{0x4F}, s.chip.answer(f)...)
				}
			}
			return s.chip.answer(f)
		})
		go func() { time.Sleep(time.Second); s.wire.Inject(0x4F) }()
		ev, _, took, err := s.say(t.Context(), two)
		if ev != drivers.Acknowledged || err != nil || took < 26*time.Second || len(s.chip.cut) != 0 {
			t.Errorf("%s, %v after %s, cut %q", ev, err, took, s.chip.cut)
		}
	})
}

// TestLateLife: a chip that answered nothing and then reports the end has said it.
func TestLateLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.chip.mute = true
		go func() { time.Sleep(8 * time.Second); s.wire.Inject(0x4F) }()
		ev, _, took, err := s.say(t.Context(), drivers.Announcement{Text: "请勿占道经营，消防通道禁止停车，谢谢配合", Volume: 50})
		if ev != drivers.Acknowledged || err != nil || took > 9*time.Second {
			t.Errorf("%s, %v after %s", ev, err, took)
		}
	})
}

func TestPortAndQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		s.wire.Lose()
		ev, _, took, err := s.say(t.Context(), two)
		if ev != drivers.None || fault.Of(err) != fault.PortLost || took > time.Second {
			t.Errorf("port away: %s, %v after %s", ev, err, took)
		}
		if err := s.Halt(t.Context()); fault.Of(err) != fault.PortLost {
			t.Errorf("halt: %v", err)
		}
		s.wire.Restore()
		s.wire.Fill(true)
		if ev, _, _, err := s.say(t.Context(), two); ev != drivers.None || fault.Of(err) != fault.Full {
			t.Errorf("queue full: %s, %v", ev, err)
		}
		s.wire.Fill(false)
		go func() { time.Sleep(5 * time.Second); s.wire.Lose() }()
		if ev, told, _, err := s.say(t.Context(), two); ev != drivers.Acknowledged || fault.Of(err) != fault.PortLost || len(told) != 1 {
			t.Errorf("port lost in the middle: %s, %v, told %v", ev, err, told)
		}
	})
}

// TestOneAtATime: a second announcement is refused and does not cut the first.
func TestOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		go func() {
			time.Sleep(time.Second)
			if ev, err := s.Announce(t.Context(), two, nil); ev != drivers.None || fault.Of(err) != fault.Full {
				t.Errorf("second: %s, %v", ev, err)
			}
		}()
		if ev, _, _, err := s.say(t.Context(), two); ev != drivers.Acknowledged || err != nil || len(s.chip.cut) != 0 {
			t.Errorf("%s, %v, cut %q", ev, err, s.chip.cut)
		}
	})
}

func TestCanSay(t *testing.T) {
	s := newStreet(t)
	if got := string(s.CanSay(notice)); got != "€😀㙍" {
		t.Errorf("%q", got)
	}
	if s.OwnVolume() != 80 {
		t.Error(s.OwnVolume())
	}
}
