package ttschip_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/ttschip"
)

// street is a speaker, its chip and what the house was told.
type street struct {
	*ttschip.Speaker
	wire   *drivertest.Wire
	chip   *chip
	raised map[string]bool
}

func newStreet(t *testing.T) *street {
	w := drivertest.NewWire(t).Baud(9600)
	s := &street{wire: w, chip: newChip(w), raised: map[string]bool{}}
	s.Speaker = ttschip.New(ttschip.Config{
		ID: "horn-03", Chip: ttschip.SYN6288Chip(), Line: w, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Volume: 80, Speed: 4, Reply: 200 * time.Millisecond,
		Chimes: map[string]string{"market": "msgb"},
		Raise:  func(code, _ string) { s.raised[code] = true },
		Clear:  func(code string) { delete(s.raised, code) },
	})
	return s
}

// say announces and returns everything there is to know.
func (s *street) say(ctx context.Context, a drivers.Announcement) (drivers.Evidence, []drivers.Progress, time.Duration, error) {
	var told []drivers.Progress
	began := time.Now()
	ev, err := s.Announce(ctx, a, func(p drivers.Progress) { told = append(told, p) })
	return ev, told, time.Since(began), err
}

// frames decodes what was sent: the text of say frames, a word for the others.
func (s *street) frames() []string {
	var all []string
	for _, f := range s.wire.Sent() {
		switch f[3] {
		case 0x01:
			all = append(all, decode(f[5:len(f)-1]))
		case 0x02:
			all = append(all, "stop")
		case 0x21:
			all = append(all, "query")
		}
	}
	return all
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// TestSayShort is the whole talk on the wire, byte for byte as the vectors print it.
func TestSayShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := drivertest.NewWire(t)
		s := ttschip.New(ttschip.Config{ID: "horn-03", Chip: ttschip.SYN6288Chip(), Line: w, Speed: 4, Reply: 200 * time.Millisecond})
		w.Expect(hexed("FD 00 17 01 01 5B 64 5D 5B 76 31 30 5D 5B 6D 30 5D 5B 74 34 5D 5B 78 31 5D AB"), hexed("41")) // set defaults: vector of the datasheet's 4.1
		w.Expect(hexed("FD 00 0B 01 01 73 6F 75 6E 64 6B A3 AC F1"), hexed("41"))                                     // soundk，
		w.Expect(say("[x0]请勿占道经营"), hexed("41"))
		var told []drivers.Progress
		go func() {
			time.Sleep(2 * time.Second)
			w.Inject(0x4F) // end of the chime
			time.Sleep(2 * time.Second)
			w.Inject(0x4F) // end of the text
		}()
		began := time.Now()
		ev, err := s.Announce(t.Context(), drivers.Announcement{Text: "请勿占道经营", Volume: 62, Chime: "ding"},
			func(p drivers.Progress) { told = append(told, p) })
		if ev != drivers.Acknowledged || err != nil {
			t.Errorf("%s, %v", ev, err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 4100*time.Millisecond {
			t.Errorf("returned after %s, the text ended after 4 s", took)
		}
		if len(told) != 1 || told[0].Part != 1 || told[0].Parts != 1 || told[0].Lost != nil {
			t.Errorf("told %+v", told)
		}
		for _, f := range w.Frames() {
			if f.Quiet <= 8*time.Millisecond || f.Urgent || !f.Wanted {
				t.Errorf("frame % X: quiet %s, urgent %t, wants a reply %t", f.Bytes, f.Quiet, f.Urgent, f.Wanted)
			}
		}
	})
}

// notice is what a neighbourhood hears: several hundred characters, all kinds of
// punctuation, digits, and what must not get through.
const notice = "各位居民请注意：受台风外围影响，预计11月24日20:00至25日08:00，阜桥街道辖区内将出现8～9级阵风，局部雨量可达120毫米！" +
	"请关好门窗，收好阳台上的花盆、衣架；地下车库（含兴隆小区3号楼—5号楼）请于18:30前把车移走。" +
	"“老年食堂”今晚停业，订餐退款5€……有困难请拨打12345，或社区值班电话0537-2345678。😀㙍堌村的住户请到文化广场二〇二六厅避险？" +
	"[v0]本条为测试：sounda，msga，ringa都不是铃声，Wi-Fi名称为FuQiao-2026，面积1,200㎡；请互相转告，请互相转告，谢谢大家。" +
	"重复一遍：请关好门窗，收好阳台上的花盆衣架，看护好老人和孩子，不要在广告牌、大树、临时围挡下停留，遇到积水的路段请绕行，听从现场工作人员的指挥。"

// TestSayLong: a long text is said part by part, each begun when the one before has
// ended, none doubled, nothing missing but what is reported.
func TestSayLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		ev, told, _, err := s.say(t.Context(), drivers.Announcement{Text: notice, Volume: 100})
		if ev != drivers.Acknowledged || err != nil {
			t.Fatalf("%s, %v", ev, err)
		}
		if len(s.chip.cut) != 0 || len(s.chip.heard) != len(told) || len(told) < 4 {
			t.Errorf("%d parts told, %d heard, %d cut", len(told), len(s.chip.heard), len(s.chip.cut))
		}
		var all strings.Builder
		for i, text := range s.chip.heard {
			if told[i].Part != i+1 || told[i].Parts != len(told) || string(told[i].Lost) != "€😀㙍" {
				t.Errorf("told %+v", told[i])
			}
			if !strings.HasPrefix(text, "[x0]") {
				t.Errorf("part %d begins %q: tone names would play", i+1, text)
			}
			text = strings.TrimPrefix(text, "[x0]")
			if strings.ContainsAny(text, "[]") {
				t.Errorf("part %d carries a mark: %q", i+1, text)
			}
			if r := []rune(text); i < len(s.chip.heard)-1 && !strings.ContainsRune("。！？；…”", r[len(r)-1]) {
				t.Errorf("part %d ends in the middle of a sentence: %q", i+1, text)
			}
			all.WriteString(text)
		}
		want := strings.NewReplacer("€", "", "😀㙍", "", "〇", "零", "[v0]", "［v0］", "㎡", "平方米").Replace(notice)
		if got := strings.ReplaceAll(all.String(), " ", ""); got != want {
			t.Errorf("heard\n%s\nwant\n%s", got, want)
		}
		for _, f := range s.wire.Sent() {
			if len(f) > 206 {
				t.Errorf("frame of %d bytes", len(f))
			}
		}
		if n := len(s.frames()); n != 1+len(told) {
			t.Errorf("%d frames for %d parts: a chip without fault needs no questions", n, len(told))
		}
		if first := s.frames()[0]; first != "[d][v16][m0][t4][x0]" {
			t.Errorf("begins with %q", first)
		}
	})
}

func TestBadInputSendsNothing(t *testing.T) {
	for name, a := range map[string]drivers.Announcement{
		"empty":             {Volume: 50},
		"spaces":            {Text: " \r\n ", Volume: 50},
		"only punctuation":  {Text: "。。。！", Volume: 50},
		"nothing sayable":   {Text: "😀㙍", Volume: 50},
		"not UTF-8":         {Text: "好\xff", Volume: 50},
		"volume 101":        {Text: "好", Volume: 101},
		"volume -1":         {Text: "好", Volume: -1},
		"unknown chime":     {Text: "好", Volume: 50, Chime: "gong"},
		"chime with a mark": {Text: "好", Volume: 50, Chime: "[v0]soundk"},
	} {
		s := newStreet(t)
		ev, err := s.Announce(t.Context(), a, nil)
		if ev != drivers.None || !errors.Is(err, fault.BadInput) || len(s.wire.Sent()) != 0 {
			t.Errorf("%s: %s, %v, sent % X", name, ev, err, s.wire.Sent())
		}
	}
}

// TestChimes: names of the configuration, of the table, and the chip's own.
func TestChimes(t *testing.T) {
	for chime, frame := range map[string]string{"market": "msgb，", "urgent": "soundr，", "soundx": "soundx，"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStreet(t)
			if ev, _, _, err := s.say(t.Context(), drivers.Announcement{Text: "好", Volume: 50, Chime: chime}); ev != drivers.Acknowledged || err != nil {
				t.Errorf("%s, %v", ev, err)
			}
			equal(t, chime, s.chip.heard, []string{frame, "[x0]好"})
			if marks := s.frames()[0]; !strings.HasSuffix(marks, "[x1]") {
				t.Errorf("%s: marks %q switch tones off", chime, marks)
			}
		})
	}
}

func hexed(s string) []byte {
	var out []byte
	for f := range strings.FieldsSeq(s) {
		out = append(out, unhex(f[0])<<4|unhex(f[1]))
	}
	return out
}

func unhex(c byte) byte { return byte(bytes.IndexByte([]byte("0123456789ABCDEF"), c)) }
