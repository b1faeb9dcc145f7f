package speech

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	xunicode "golang.org/x/text/encoding/unicode"
)

// Voice is what the marks have set; it stays until [d], reset or power loss (chapter 5).
type Voice struct {
	Volume int  // [v] 0–16
	Music  int  // [m] 0–16
	Speed  int  // [t] 0–5
	Tones  bool // [x] names of tones are played
	Digits int  // [n] 0 auto, 1 one by one, 2 as a number
	One    int  // [y]
	Words  int  // [o] 1 word by word
}

// defaults are the values after reset (the table in chapter 5 says [v10]).
func defaults() Voice { return Voice{Volume: 10, Music: 4, Speed: 4, Tones: true} }

// speech is a text taken apart.
type speech struct {
	text  string   // what is heard, marks and tones taken out
	marks []string // in order
	tones []string
	wrong []string // marks where they may not stand, or unknown: they are read out
	takes time.Duration
	voice Voice
}

// decode turns the bytes of a say frame into text (4.2: 0 GB2312, 1 GBK, 2 BIG5,
// 3 Unicode, big endian).
func decode(code byte, b []byte) (string, error) {
	var e encoding.Encoding
	switch code {
	case 0, 1: // GB2312 is a part of GBK, byte for byte
		e = simplifiedchinese.GBK
	case 2:
		e = traditionalchinese.Big5
	case 3:
		e = xunicode.UTF16(xunicode.BigEndian, xunicode.IgnoreBOM)
	default:
		return "", fmt.Errorf("encoding %d", code)
	}
	s, err := e.NewDecoder().Bytes(b)
	return string(s), err
}

// read takes s apart, beginning with voice v; cps is characters per second at [t4].
func read(s string, v Voice, cps float64) speech {
	sp := speech{voice: v}
	var word strings.Builder
	flush := func() {
		w := word.String()
		word.Reset()
		if d, ok := tone(w); ok && sp.voice.Tones {
			sp.tones = append(sp.tones, w)
			sp.takes += d
			return
		}
		sp.say(w, cps)
	}
	for len(s) > 0 {
		if mark, ok := markAt(s); ok {
			flush()
			s = s[len(mark):]
			if !sp.mark(mark) {
				sp.wrong = append(sp.wrong, mark)
				sp.say(mark, cps)
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			word.WriteRune(r)
			continue
		}
		flush()
		sp.say(string(r), cps)
	}
	flush()
	return sp
}

// markAt returns the half-width mark with which s begins: a letter or a digit in
// brackets, with a number perhaps.
func markAt(s string) (string, bool) {
	end := strings.IndexByte(s, ']')
	if s[0] != '[' || end < 2 || end > 4 {
		return "", false
	}
	for i, r := range s[1:end] {
		if !unicode.IsDigit(r) && (i > 0 || r < 'a' || r > 'z') {
			return "", false
		}
	}
	return s[:end+1], true
}

// mark obeys a mark; false means that it is none, or none here.
func (sp *speech) mark(m string) bool {
	inner := m[1 : len(m)-1]
	if inner == "r" || inner == "2" || inner == "3" {
		sp.marks = append(sp.marks, m)
		return true
	}
	atStart := sp.text == "" && len(sp.tones) == 0
	if inner == "d" {
		if !atStart {
			return false
		}
		sp.voice = defaults()
		sp.marks = append(sp.marks, m)
		return true
	}
	n, err := strconv.Atoi(inner[1:])
	if err != nil || !atStart && (inner[0] == 'v' || inner[0] == 'm') {
		return false
	}
	v := &sp.voice
	known := map[byte]func(){
		'v': func() { v.Volume = min(n, 16) }, // larger counts as 16
		'm': func() { v.Music = min(n, 16) },
		't': func() { v.Speed = min(n, 5) },
		'x': func() { v.Tones = n != 0 },
		'n': func() { v.Digits = n },
		'y': func() { v.One = n },
		'o': func() { v.Words = n },
	}
	set, ok := known[inner[0]]
	if !ok {
		return false
	}
	set()
	sp.marks = append(sp.marks, m)
	return true
}

// say adds what is heard and how long it takes: Chinese at the default speed is about
// 4.5 characters per second; a step of [t] is taken as a tenth.
func (sp *speech) say(s string, cps float64) {
	sp.text += s
	rate := cps * (0.6 + 0.1*float64(sp.voice.Speed))
	for _, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			sp.takes += time.Duration(float64(time.Second) / rate)
		case strings.ContainsRune("。！？!?", r):
			sp.takes += 300 * time.Millisecond
		default:
			sp.takes += 100 * time.Millisecond
		}
	}
}

// tone is how long a built-in tone lasts (chapter 6); where the data sheet gives no
// length, one second.
func tone(name string) (time.Duration, bool) {
	switch name {
	case "soundk", "soundn":
		return 2 * time.Second, true
	case "soundp":
		return 3 * time.Second, true
	case "soundr":
		return 4 * time.Second, true
	}
	for _, family := range []struct {
		prefix string
		last   byte
	}{{"sound", 'y'}, {"msg", 'h'}, {"ring", 'o'}} {
		rest, ok := strings.CutPrefix(name, family.prefix)
		if !ok || len(rest) != 1 || rest[0] < 'a' || rest[0] > family.last {
			continue
		}
		if family.prefix == "ring" { // 5 to 70 s
			return 5*time.Second + time.Duration(rest[0]-'a')*65*time.Second/14, true
		}
		return time.Second, true
	}
	return 0, false
}
