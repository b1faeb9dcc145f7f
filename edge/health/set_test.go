package health

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// live runs a set in a bubble and notes its changes with their time.
func live(t *testing.T, f func(s *Set, log func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var all []string
		var s *Set
		s = New(slog.New(slog.DiscardHandler), func(c Change) {
			word := "-"
			if c.Raised {
				word = "+"
			}
			all = append(all, fmt.Sprintf("%v %s%s %s", time.Since(began), word, c.Code, c.Subject))
			s.Active() // called outside all locks
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Run(ctx) }()
		synctest.Wait() // it looks at nothing any more until something happens
		f(s, func() []string { synctest.Wait(); return all })
		cancel()
		<-done
	})
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestDamping: a cause is shown after its time and hidden after its time; one that goes
// before that was never there.
func TestDamping(t *testing.T) {
	live(t, func(s *Set, log func() []string) {
		s.Raise("uplink.offline", "", "refused") // shown after 10 s
		time.Sleep(9 * time.Second)
		s.Clear("uplink.offline", "")
		time.Sleep(time.Minute)
		want(t, log())
		s.Raise("uplink.offline", "", "refused")
		time.Sleep(5 * time.Second)
		s.Raise("uplink.offline", "", "timed out") // renews the detail, not the time
		time.Sleep(6 * time.Second)
		if a := s.Active(); len(a) != 1 || a[0].Detail != "timed out" || a[0].Since != time.Second {
			t.Errorf("%+v", a)
		}
		s.Clear("uplink.offline", "")
		want(t, log(), "1m19s +uplink.offline ", "1m20s -uplink.offline ")
	})
}

// TestFlapping: what is hidden only after a minute is one condition however often it comes.
func TestFlapping(t *testing.T) {
	live(t, func(s *Set, log func() []string) {
		for range 10 {
			s.Raise("bus.foreign_bytes", "rs485-1", "")
			time.Sleep(5 * time.Second)
			s.Clear("bus.foreign_bytes", "rs485-1")
			time.Sleep(5 * time.Second)
		}
		time.Sleep(2 * time.Minute)
		want(t, log(), "0s +bus.foreign_bytes rs485-1", "2m35s -bus.foreign_bytes rs485-1")
	})
}

// TestPulse: what merely happened is shown and clears by itself.
func TestPulse(t *testing.T) {
	live(t, func(s *Set, log func() []string) {
		s.Pulse("device.reset", "horn-1", "")
		time.Sleep(10 * time.Minute)
		want(t, log(), "0s +device.reset horn-1", "5m0s -device.reset horn-1")
		s.Pulse("device.reset", "horn-1", "")
		time.Sleep(2 * time.Minute)
		s.Pulse("device.reset", "horn-1", "") // again: it passes later
		time.Sleep(10 * time.Minute)
		want(t, log()[2:], "10m0s +device.reset horn-1", "17m0s -device.reset horn-1")
	})
}

// TestSubjects: each subject has its own; alarms come first.
func TestSubjects(t *testing.T) {
	live(t, func(s *Set, log func() []string) {
		s.Raise("device.no_reply", "horn-2", "")
		s.Raise("bus.port_lost", "uart-1", "")
		s.Raise("device.no_reply", "horn-1", "")
		log()
		var got []string
		for _, a := range s.Active() {
			got = append(got, a.Code+" "+a.Subject)
		}
		want(t, got, "bus.port_lost uart-1", "device.no_reply horn-1", "device.no_reply horn-2")
		s.Clear("device.no_reply", "horn-1")
		s.Clear("device.no_reply", "horn-3") // never was
		log()
		if s.Raised("device.no_reply", "horn-1") || !s.Raised("device.no_reply", "horn-2") {
			t.Error("the wrong one was cleared")
		}
	})
}

// TestUnknownCode: a mistake of the program is a warning all the same.
func TestUnknownCode(t *testing.T) {
	live(t, func(s *Set, log func() []string) {
		s.Raise("no.such_code", "x", "")
		want(t, log(), "0s +no.such_code x")
		if a := s.Active(); a[0].Severity != Warning {
			t.Errorf("%+v", a)
		}
	})
}

// TestCatalogue: every code once, with words, a remedy and a severity.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Catalogue() {
		if seen[c.Code] || c.Text == "" || c.Remedy == "" || !strings.Contains(c.Code, ".") || !slices.Contains([]Severity{Alarm, Warning, Note}, c.Severity) {
			t.Errorf("%+v", c)
		}
		seen[c.Code] = true
	}
}
