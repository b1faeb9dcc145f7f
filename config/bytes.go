package config

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

const (
	// maxBytes bounds the file.
	maxBytes = 1 << 20
	// maxValues bounds what a file can make the YAML reader build: a node costs
	// some 200 bytes, and the whole daemon lives in 96 MiB.
	maxValues = 50_000
)

// judgeBytes looks at the file before any YAML reader does. false: reading it any
// further makes no sense.
func judgeBytes(file string, data []byte) ([]Problem, bool) {
	problem := func(line int, format string, args ...any) []Problem {
		return []Problem{{File: file, Line: line, Format: format, Args: args}}
	}
	if len(data) > maxBytes {
		return problem(0, sayTooLong, strconv.Itoa(maxBytes)), false
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return problem(1, sayBOM), false
	}
	if n := values(data); n > maxValues {
		return problem(0, sayTooMany, strconv.Itoa(maxValues)), false
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return problem(1, sayEmptyFile), false
	}
	var all []Problem
	line := 1
	for len(data) > 0 {
		text, rest, _ := bytes.Cut(data, []byte("\n"))
		if format, args := judgeLine(bytes.TrimSuffix(text, []byte("\r"))); format != "" {
			all = append(all, problem(line, format, args...)...)
		}
		if len(all) == 10 {
			break // a file in GBK has one in every line
		}
		data, line = rest, line+1
	}
	return all, len(all) == 0
}

// values is an upper bound of the YAML nodes in data, counted by the marks that
// stand between them.
func values(data []byte) int {
	n := 0
	for i, c := range data {
		switch c {
		case '\n', ',', '[', '{':
			n++
		case ':', '-', '?':
			if i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

// judgeLine finds the first thing in a line that an editor hides or that makes
// lines be counted differently by different programs.
func judgeLine(text []byte) (format string, args []any) {
	indent := true
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return sayEncoding, []any{fmt.Sprintf("0x%02x", text[i])}
		case indent && r == '\t':
			return sayTab, nil
		case indent && r == 0xa0:
			return sayWideBlank, []any{wordNBSP}
		case indent && r == 0x3000:
			return sayWideBlank, []any{wordWide}
		case r != '\t' && hidden(r):
			return sayCharacter, []any{fmt.Sprintf("U+%04X", r)}
		}
		indent = indent && (r == ' ' || r == '\t')
		i += size
	}
	return "", nil
}

// hidden are control characters, those that turn the direction of writing, line
// separators that editors do not count, and the byte order mark.
func hidden(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0xfeff, r == 0x2028, r == 0x2029, r == 0xfffe, r == 0xffff:
		return true
	}
	return unicode.Is(unicode.Bidi_Control, r)
}
