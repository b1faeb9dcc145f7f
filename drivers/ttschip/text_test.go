package ttschip

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// read turns parts back into text, as the chip would.
func read(t testing.TB, parts []part) []string {
	t.Helper()
	var all []string
	for _, p := range parts {
		text, err := simplifiedchinese.GBK.NewDecoder().Bytes(p.text)
		if err != nil || !utf8.Valid(text) || bytes.ContainsRune(text, utf8.RuneError) {
			t.Fatalf("part % X is not GBK: %v", p.text, err)
		}
		all = append(all, string(text))
	}
	return all
}

// TestSpell: what the chip cannot carry is reported and leaves a space, what it must
// not be given is made harmless, nothing is garbled.
func TestSpell(t *testing.T) {
	for _, c := range []struct{ name, text, said, lost string }{
		{"plain", "请勿占道经营。", "请勿占道经营。", ""},
		{"rare characters of GBK", "堽城坝村的喆先生、朱镕", "堽城坝村的喆先生、朱镕", ""},
		{"traditional characters", "禁止停車", "禁止停車", ""},
		{"dash, dot, dots, quotation marks", "通知——“阜桥”·古槐…", "通知——“阜桥”·古槐…", ""},
		{"the euro sign is no byte 80", "罚款5€整", "罚款5 整", "€"},
		{"emoji", "今天😀天气好", "今天 天气好", "😀"},
		{"a character outside GBK", "㙍村", "村", "㙍"},
		{"each lost one once, in order", "😀㙍😀€㙍好", "好", "😀㙍€"},
		{"emoji with joiners and selectors", "家👩‍👧❤️好", "家 好", "👩👧❤"},
		{"kana, Greek, Cyrillic: codes of GBK that the chip does not state", "あ好α好Я好", "好 好 好", "あαЯ"},
		{"names for signs", "二〇二六年，30㎡，5㎞，3–5号楼", "二零二六年，30平方米，5公里，3-5号楼", ""},
		{"marks lose their power", "[v0]静音[d]", "［v0］静音［d］", ""},
		{"line ends and tabs are spaces", "第一条\r\n第二条\t完\u00a0了", "第一条 第二条 完 了", ""},
		{"control characters and a byte order mark", "\ufeff好\x00\x1b[5m的\x7f", "好 ［5m的", ""},
		{"full-width signs", "ＡＢ１２％", "ＡＢ１２％", ""},
		{"degrees and circled numbers", "38℃，①防火", "38℃，①防火", ""},
		{"a replacement character", "坏\ufffd字", "坏 字", "\ufffd"},
		{"nothing left", "😀😀", "", "😀"},
	} {
		glyphs, lost := spell(c.text)
		var said []rune
		for _, g := range glyphs {
			said = append(said, g.r)
		}
		if string(said) != c.said || string(lost) != c.lost {
			t.Errorf("%s: %q lost %q, want %q lost %q", c.name, string(said), string(lost), c.said, c.lost)
		}
		if len(glyphs) > 0 {
			if back := read(t, []part{join(glyphs)}); back[0] != c.said {
				t.Errorf("%s: the chip reads %q, want %q", c.name, back[0], c.said)
			}
		}
	}
}

// TestCut: where texts are divided.
func TestCut(t *testing.T) {
	for _, c := range []struct {
		name, text string
		room       int
		want       []string
	}{
		{"fits", "一二三。", 8, []string{"一二三。"}},
		{"at the last end of a sentence that fits", "一。二三。四五六", 12, []string{"一。二三。", "四五六"}},
		{"a sentence before a pause", "一二。三四，五六七", 14, []string{"一二。", "三四，五六七"}},
		{"at a pause if there is no end", "一二，三四、五六七八", 14, []string{"一二，三四、", "五六七八"}},
		{"ASCII punctuation", "stop! go on, now", 12, []string{"stop!", "go on, now"}},
		{"anywhere, but whole characters", "一二三四五六七", 7, []string{"一二三", "四五六", "七"}},
		{"odd room", "a一二三四", 6, []string{"a一二", "三四"}},
		{"not inside a number", "共12345678人", 8, []string{"共", "12345678", "人"}},
		{"a number longer than a frame", "123456789012", 5, []string{"12345", "67890", "12"}},
		{"1,000 and 8:30 are one number each", "收1,000元8:30止", 9, []string{"收1,000元", "8:30止"}},
		{"punctuation stays with its words", "一二三四。五", 8, []string{"一二三", "四。五"}},
		{"a closing quotation mark belongs to its sentence", "说“停。”走了吧", 12, []string{"说“停。”", "走了吧"}},
		{"several ends together", "停！！！走", 8, []string{"停！！！", "走"}},
		{"parts without a voice are left out", "停。————————————走", 8, []string{"停。", "走"}},
		{"only punctuation", "。。。，，，", 8, nil},
		{"only spaces", "", 8, nil},
		{"decimal point", "气温36.5度。", 9, []string{"气温36.5", "度。"}},
	} {
		glyphs, _ := spell(c.text)
		got := read(t, cut(glyphs, c.room))
		if strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestVolume: 0–100 on the chip's 0–16.
func TestVolume(t *testing.T) {
	c := SYN6288Chip()
	for _, v := range []struct{ percent, step int }{
		{0, 0}, {1, 1}, {3, 1}, {9, 1}, {10, 2}, {50, 8}, {62, 10}, {63, 10}, {80, 13}, {96, 15}, {97, 16}, {100, 16},
	} {
		if got := c.volume(v.percent); got != v.step {
			t.Errorf("%d%%: v%d, want v%d", v.percent, got, v.step)
		}
	}
}

// TestTones: the names that the datasheet lists, and no other.
func TestTones(t *testing.T) {
	c := SYN6288Chip()
	if len(c.Tones) != 25+8+15 {
		t.Errorf("%d tones", len(c.Tones))
	}
	for _, name := range []string{"sounda", "soundy", "msga", "msgh", "ringa", "ringo"} {
		if _, ok := c.tone(name); !ok {
			t.Errorf("no %s", name)
		}
	}
	for _, name := range []string{"soundz", "msgi", "ringp", "sound101", "", "sound"} {
		if _, ok := c.tone(name); ok {
			t.Errorf("%s is a tone", name)
		}
	}
	for chime, tone := range c.Chimes {
		if _, ok := c.tone(tone); !ok {
			t.Errorf("chime %s plays %s, which is no tone", chime, tone)
		}
	}
}

// FuzzCut: for any text each part fits, is GBK, and all parts together are the text
// in its order, with nothing lost that was not reported.
func FuzzCut(f *testing.F) {
	for _, seed := range []string{
		"请勿占道经营。", "[v0]sounda😀㙍€", "1,000元；8:30—9:30，3–5号楼", "a\xffb", strings.Repeat("文明城市", 60), "。。。……——",
	} {
		f.Add(seed, uint8(196))
	}
	f.Fuzz(func(t *testing.T, text string, room uint8) {
		room = max(room, 2)
		glyphs, lost := spell(text)
		parts := cut(glyphs, int(room))
		var together []byte
		for _, p := range parts {
			if len(p.text) == 0 || len(p.text) > int(room) || p.voiced == 0 {
				t.Fatalf("part of %d bytes, room %d, %d voiced", len(p.text), room, p.voiced)
			}
			together = append(together, p.text...)
		}
		read(t, parts)
		if bytes.ContainsAny(together, "[]") {
			t.Fatal("a mark got through")
		}
		var want []byte
		for _, g := range glyphs {
			if voiced(g.r) {
				want = append(want, g.code[:g.n]...)
			}
		}
		if got := voice(t, together); !bytes.Equal(got, want) {
			t.Fatalf("voiced % X, want % X", got, want)
		}
		for i, r := range lost {
			if strings.ContainsRune(string(lost[:i]), r) {
				t.Fatalf("%q is reported twice", r)
			}
		}
	})
}

// voice keeps of GBK bytes what is voiced.
func voice(t *testing.T, gbk []byte) []byte {
	t.Helper()
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(gbk)
	if err != nil {
		t.Fatal(err)
	}
	var kept []rune
	for _, r := range string(text) {
		if voiced(r) {
			kept = append(kept, r)
		}
	}
	out, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(string(kept)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
