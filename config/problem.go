package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Problem is one thing that is wrong in a file. Format and Args make its sentence
// in the reader's language (the English sentence is the catalogue's key).
type Problem struct {
	File  string
	Line  int
	Path  string
	Value string
	// Format is the English sentence with fmt verbs, Args fill it.
	Format string
	Args   []any
}

// Word is an argument of a Problem that is itself a key of the message catalogue:
// "a list", "a whole number".
type Word string

// problem makes a Problem whose arguments fit on one line of a terminal.
func problem(file string, line int, path, value, format string, args []any) Problem {
	clean := make([]any, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			a = printable(s)
		}
		clean[i] = a
	}
	return Problem{File: file, Line: line, Path: path, Value: printable(value), Format: format, Args: clean}
}

// printable escapes what would not show, or would move the cursor.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// Place is where the Problem stands, the same in every language:
// "edged.yaml:12: buses.rs485-1.baud: ".
func (p Problem) Place() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	return b.String()
}

// Sentence is the catalogue's key and what fills it.
func (p Problem) Sentence() (format string, args []any) { return p.Format, p.Args }

// Error is the whole message in English, on one line.
func (p Problem) Error() string { return p.Place() + fmt.Sprintf(p.Format, p.Args...) }

// String is Error.
func (p Problem) String() string { return p.Error() }

// Sort puts problems into the order of the file and drops those that say the same.
func Sort(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if c := cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Path, b.Path)); c != 0 {
			return c
		}
		return cmp.Compare(a.Error(), b.Error())
	})
	return slices.CompactFunc(problems, func(a, b Problem) bool {
		return a.Line == b.Line && a.Path == b.Path && a.Error() == b.Error()
	})
}
