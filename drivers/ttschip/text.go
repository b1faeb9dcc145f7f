package ttschip

import (
	"slices"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// glyph is one character that the chip can carry.
type glyph struct {
	r    rune
	code [2]byte
	n    uint8 // bytes of code in use: 1 or 2
}

// spell turns a text into what a GBK chip can carry: characters with their codes,
// and those that were lost, each once, in order of appearance.
//
// What cannot be said becomes a space before anything is encoded, so that words do
// not run together and nothing is garbled. User text has no power over the engine:
// [ and ] become full-width, so no mark can stand in it.
func spell(text string) (said []glyph, lost []rune) {
	enc := simplifiedchinese.GBK.NewEncoder()
	space := glyph{r: ' ', code: [2]byte{' '}, n: 1}
	add := func(g glyph) {
		if g.r == ' ' && (len(said) == 0 || said[len(said)-1].r == ' ') {
			return // no leading space, no double one: it is paid for in bytes
		}
		said = append(said, g)
	}
	for _, r := range text {
		if silent(r) {
			continue
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			add(space)
			continue
		}
		for _, r := range reword(r) {
			if g, ok := encode(enc, r); ok {
				add(g)
				continue
			}
			if !slices.Contains(lost, r) {
				lost = append(lost, r)
			}
			add(space)
		}
	}
	if n := len(said); n > 0 && said[n-1].r == ' ' {
		said = said[:n-1]
	}
	return said, lost
}

// silent tells whether r only shapes its neighbours on a screen: joiners, selectors,
// direction marks. Leaving it out is no loss.
func silent(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// reword gives what is said for a character that the chip lacks although every
// listener knows its name, and takes the brackets of marks out of the user's hands.
func reword(r rune) string {
	switch r {
	case '[':
		return "［"
	case ']':
		return "］"
	case '〇': // A996, outside the ranges that the chip states; official texts write 二〇二六年
		return "零"
	case '㎡':
		return "平方米"
	case '㎥':
		return "立方米"
	case '㎏':
		return "公斤"
	case '㎞':
		return "公里"
	case '㎝':
		return "厘米"
	case '㎜':
		return "毫米"
	case '‐', '‑', '–', '−':
		return "-"
	case '―':
		return "—"
	case '•':
		return "·"
	}
	return string(r)
}

// encode gives r's code, and false for what the chip does not know. The ranges are
// those that the maker states (GBK 8140–A0FE and AA40–FEFE, signs A1A0–A3FE); GBK's
// single byte 80 for the euro sign is in none of them.
func encode(enc *encoding.Encoder, r rune) (glyph, bool) {
	if r > 0 && r < 0x7F {
		return glyph{r: r, code: [2]byte{byte(r)}, n: 1}, true
	}
	var src [4]byte
	g := glyph{r: r, n: 2}
	n, _, err := enc.Transform(g.code[:], append(src[:0], string(r)...), true)
	if err != nil || n != 2 || r == unicode.ReplacementChar {
		return glyph{}, false
	}
	switch hi, lo := g.code[0], g.code[1]; {
	case hi >= 0x81 && hi <= 0xA0, hi >= 0xAA && hi <= 0xFE:
		return g, lo >= 0x40
	case hi >= 0xA1 && hi <= 0xA3:
		return g, lo >= 0xA0
	}
	return glyph{}, false
}

// voiced tells whether r is spoken, and does not only shape the melody.
func voiced(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r)
}
