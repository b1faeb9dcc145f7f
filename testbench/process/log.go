package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Line is one line that the daemon or -safe printed.
type Line struct {
	At time.Time
	// Life counts from 1; Safe tells that -safe printed it.
	Life int
	Safe bool
	Text string
	// Fields are the members of a JSON line, nil for any other.
	Fields map[string]any
}

// Msg is the line's message, "" for one that is no JSON.
func (l Line) Msg() string {
	m, _ := l.Fields["msg"].(string)
	return m
}

// splitter is an io.Writer that cuts a stream into lines.
type splitter struct {
	s    *Service
	life int
	safe bool
	part []byte
}

// Write implements io.Writer.
func (w *splitter) Write(b []byte) (int, error) {
	if w.s.c.Tee != nil {
		_, _ = w.s.c.Tee.Write(b)
	}
	w.part = append(w.part, b...)
	for {
		i := bytes.IndexByte(w.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		w.s.logged(Line{At: time.Now(), Life: w.life, Safe: w.safe, Text: string(w.part[:i])})
		w.part = w.part[i+1:]
	}
}

// flush takes what has no end of line.
func (w *splitter) flush() {
	if len(w.part) > 0 {
		w.s.logged(Line{At: time.Now(), Life: w.life, Safe: w.safe, Text: string(w.part)})
		w.part = nil
	}
}

func (s *Service) logged(l Line) {
	if strings.HasPrefix(l.Text, "{") {
		if json.Unmarshal([]byte(l.Text), &l.Fields) != nil {
			l.Fields = nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, l)
	s.mu.Changed()
}

// Lines are all lines so far.
func (s *Service) Lines() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// WaitLine waits for the first line after the first skip ones for which match is true.
func (s *Service) WaitLine(ctx context.Context, skip int, match func(Line) bool) (Line, error) {
	var found Line
	err := s.mu.Until(ctx, func() bool {
		i := slices.IndexFunc(s.lines[min(skip, len(s.lines)):], match)
		if i < 0 {
			return false
		}
		found = s.lines[skip+i]
		return true
	})
	if err != nil {
		return Line{}, fmt.Errorf("no such line: %w\n%s", err, s.tail(10))
	}
	return found, nil
}

// tail is the end of the log, for error messages.
func (s *Service) tail(n int) string {
	lines := s.Lines()
	var out strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		fmt.Fprintf(&out, "  [%d] %s\n", l.Life, l.Text)
	}
	return out.String()
}
