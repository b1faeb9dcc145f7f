package ttschip

import "strings"

// part is the text of one say frame, in the chip's encoding and without marks.
type part struct {
	text []byte
	// runes is all characters, voiced those that take time to say.
	runes, voiced int
}

// The places where a text may be cut, worst first.
const (
	never    = iota // inside a number or a word of letters
	anywhere        // between two characters
	pause           // after ，、
	sentence        // after 。！？；
)

// cut divides a text into parts of at most room bytes. A part ends at the last end
// of a sentence that fits, else at the last pause, else between two characters, and
// only where a single word or number is longer than a whole frame inside it. The
// maker asks for cuts at punctuation because a word cut in two is read wrongly
// (SYN6288 datasheet); a double-byte character is never divided.
// Parts in which nothing is voiced are left out.
func cut(text []glyph, room int) []part {
	var parts []part
	for len(text) > 0 {
		n := fit(text, room)
		if n < len(text) {
			n = best(text, n)
		}
		if p := join(text[:n]); p.voiced > 0 {
			parts = append(parts, p)
		}
		text = text[n:]
	}
	return parts
}

// fit returns how many glyphs from the first fit into room bytes, at least one.
func fit(text []glyph, room int) int {
	used := 0
	for i, g := range text {
		if used += int(g.n); used > room && i > 0 {
			return i
		}
	}
	return len(text)
}

// best returns the best place for a cut among 1…limit: the highest rank, and the
// last one of these.
func best(text []glyph, limit int) int {
	at, rank := limit, never
	for i := limit; i > 0; i-- {
		if r := rankAt(text, i); r > rank {
			at, rank = i, r
			if rank == sentence {
				break
			}
		}
	}
	return at
}

// rankAt judges a cut between text[i-1] and text[i].
func rankAt(text []glyph, i int) int {
	before, after := text[i-1].r, text[i].r
	if closes(after) || stops(after) || pauses(after) {
		return never // punctuation stays with the words before it
	}
	ended := i - 1 // a closing quotation mark belongs to the sentence that it ends
	for ended > 0 && closes(text[ended].r) {
		ended--
	}
	switch {
	case stops(text[ended].r), text[ended].r == '.' && after == ' ':
		return sentence
	case pauses(before) && (!inNumber(before) || !digit(after)), before == ' ':
		return pause
	case wordy(before) && wordy(after):
		return never
	}
	return anywhere
}

func stops(r rune) bool  { return strings.ContainsRune("。！？；…!?;", r) }
func pauses(r rune) bool { return strings.ContainsRune("，、：,:", r) }
func closes(r rune) bool { return strings.ContainsRune("”’）》〉」』】〕］)\"", r) }
func digit(r rune) bool  { return r >= '0' && r <= '9' }

// inNumber tells whether r may stand between two digits of one number: 1,000 or 8:30.
func inNumber(r rune) bool { return r == ',' || r == ':' || r == '.' || r == '-' }

// wordy tells whether r is part of a word or number that is read in one piece.
func wordy(r rune) bool {
	return digit(r) || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || inNumber(r) || r == '%'
}

// join makes a part of glyphs.
func join(text []glyph) part {
	for len(text) > 0 && text[len(text)-1].r == ' ' {
		text = text[:len(text)-1]
	}
	for len(text) > 0 && text[0].r == ' ' {
		text = text[1:]
	}
	p := part{text: make([]byte, 0, 2*len(text)), runes: len(text)}
	for _, g := range text {
		p.text = append(p.text, g.code[:g.n]...)
		if voiced(g.r) {
			p.voiced++
		}
	}
	return p
}
