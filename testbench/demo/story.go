package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/street"
)

// step is one scene: what happens, and the function that makes it happen and returns an
// error unless it was seen.
type step struct {
	title string
	do    func(*story, context.Context) error
}

// stepTime bounds one step.
const stepTime = 25 * time.Second

// Summary is what the whole came to.
type Summary struct {
	// Steps were played, Missed of them not seen.
	Steps, Missed int
	Books         []Book
	// PeakRSS is the highest resident size of the daemon over all its lives, bytes.
	PeakRSS int64
	Took    time.Duration
}

// story is the demo while it is played.
type story struct {
	*street.Street
	out   io.Writer
	began time.Time

	wire   int            // frames of the RS-485 line that were told
	uart   []int          // the same of each horn
	edge   int            // edges of the pins that were told
	orders []string       // ids of all orders that must end in a terminal
	spoken map[string]int // text: times that it must have been heard
	events []string       // ids of camera events that were answered 202
}

// Play plays the demo. Its error says what was not seen.
func Play(ctx context.Context, e play.Env) (Summary, error) {
	st := &story{out: e.Out, began: time.Now(), uart: make([]int, 2), spoken: map[string]int{}}
	var err error
	st.title("One box, one dome, two horns with amplifiers, one camera; TLS broker; a link")
	if st.Street, err = street.New(ctx, street.Options{Edged: e.Edged, Dir: e.Dir, Domes: 1, Horns: 2, Seed: e.Seed, Tee: e.Tee}); err != nil {
		return Summary{}, err
	}
	var sum Summary
	var missed []error
	for _, s := range steps() {
		sum.Steps++
		st.title(s.title)
		one, cancel := context.WithTimeout(ctx, stepTime)
		err := s.do(st, one)
		cancel()
		if err != nil {
			sum.Missed++
			missed = append(missed, fmt.Errorf("%s: %w", s.title, err))
			st.line("NOT SEEN", "%v", err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	for _, v := range st.Violations() {
		missed = append(missed, fmt.Errorf("the law of the bus: %s", v))
	}
	books, err := st.balance()
	missed = append(missed, err)
	sum.Books, sum.Took = books, time.Since(st.began)
	for _, l := range st.Service.Lives() {
		sum.PeakRSS = max(sum.PeakRSS, l.MaxRSS)
	}
	return sum, errors.Join(append(missed, st.Close())...)
}

// title begins a step.
func (st *story) title(text string) {
	fmt.Fprintf(st.out, "\n%5.1f s  %s\n", time.Since(st.began).Seconds(), text)
}

// line says where something was seen, and what.
func (st *story) line(where, format string, args ...any) {
	fmt.Fprintf(st.out, "         %-9s %s\n", where, fmt.Sprintf(format, args...))
}

// wires tells what has passed on all wires and pins since the last time.
func (st *story) wires() {
	frames := st.RS485.Frames()
	changes := st.Domes[0].Changes()
	for _, f := range frames[st.wire:] {
		what := "not obeyed"
		for _, c := range changes {
			if string(c.Frame) == string(f.Data) {
				what = c.What
			}
		}
		st.line("rs485-1", "% X  %s", f.Data, what)
	}
	st.wire = len(frames)
	for i, h := range st.Horns {
		all := h.Wire.Frames()
		for _, f := range all[st.uart[i]:] {
			st.line(fmt.Sprintf("uart-%d", i+1), "%s  %s", short(f.Data), said(f.Data))
		}
		st.uart[i] = len(all)
	}
	edges := st.Pins.Edges()
	for _, e := range edges[st.edge:] {
		level := "off"
		if e.Level {
			level = "ON"
		}
		st.line("pin", "%s %s", e.Name, level)
	}
	st.edge = len(edges)
}

// short is a frame in hex that fits a line of 80 columns.
func short(b []byte) string {
	const most = 14
	if len(b) <= most {
		return fmt.Sprintf("% X", b)
	}
	return fmt.Sprintf("% X … % X (%d bytes)", b[:most-4], b[len(b)-2:], len(b))
}

// said is what a frame to a speech chip asks for (SYN6288 data sheet 4.2).
func said(b []byte) string {
	const command, text = 3, 5
	switch {
	case len(b) > text && b[command] == 0x01 && bytes.HasPrefix(b[text:], []byte("[d]")):
		return "marks"
	case len(b) > text && b[command] == 0x01:
		return "say"
	case len(b) > command && b[command] == 0x02:
		return "stop"
	case len(b) > command && b[command] == 0x21:
		return "query"
	}
	return ""
}

// until waits until look is true.
func until(ctx context.Context, what string, look func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not seen in time: %s", what)
		}
	}
	return nil
}

// all joins the checks of a step: each is a text that says what was not so, or empty.
func all(checks ...string) error {
	var bad []string
	for _, c := range checks {
		if c != "" {
			bad = append(bad, c)
		}
	}
	if bad == nil {
		return nil
	}
	return errors.New(strings.Join(bad, "; "))
}

// unless is text where ok is false.
func unless(ok bool, format string, args ...any) string {
	if ok {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
