package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/testbench/kernel"
)

func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	if mode := os.Getenv("FAKE_DAEMON"); mode != "" {
		os.Exit(daemon(mode, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// daemon is a program that talks to its manager like the real one.
func daemon(mode string, args []string) int {
	say := func(s string) {
		c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err == nil {
			_, _ = c.Write([]byte(s))
			_ = c.Close()
		}
	}
	if args[0] == "-safe" {
		fmt.Fprintf(os.Stderr, "{\"msg\":\"all at rest\",\"file\":%q}\n", args[1])
		return 0
	}
	fmt.Fprintln(os.Stderr, `{"level":"INFO","msg":"starts","run":"0011223344556677"}`)
	if mode == "never" {
		select {}
	}
	if mode == "broken" {
		fmt.Fprint(os.Stderr, "broken: no such thing")
		return 1
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	say("READY=1\nSTATUS=fine")
	usec, _ := strconv.Atoi(os.Getenv("WATCHDOG_USEC"))
	for {
		select {
		case <-term:
			if mode == "stubborn" {
				continue
			}
			return 0
		case <-time.After(max(time.Duration(usec)*time.Microsecond/4, time.Millisecond)):
			if mode != "hungry" {
				say("WATCHDOG=1")
			}
		}
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func config(mode string) Config {
	return Config{
		Path: "/proc/self/exe", File: "street.yaml", Env: []string{"FAKE_DAEMON=" + mode},
		Restart: 20 * time.Millisecond, Abort: 200 * time.Millisecond,
	}
}

func start(t *testing.T, c Config) *Service {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if c.Path, err = filepath.EvalSymlinks(exe); err != nil {
		t.Fatal(err)
	}
	s, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

func TestDiesIsMadeSafeAndComesBack(t *testing.T) {
	s := start(t, config("good"))
	if err := s.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := s.WaitReady(soon(t), 2); err != nil {
		t.Fatal(err)
	}
	lives := s.Lives()
	if l := lives[0]; l.How != "signal killed" || l.Safe.How != "exit 0" || !l.Safe.Started.After(l.Ready) || l.Safe.Ended.After(lives[1].Started) {
		t.Errorf("%+v", lives)
	}
	if _, peak := s.RSS(); peak < 1<<20 {
		t.Errorf("peak of %d bytes", peak)
	}
	last, err := s.Stop(soon(t))
	if err != nil || last.How != "exit 0" || last.Why != "asked" || last.Safe.How != "exit 0" || len(s.Lives()) != 2 {
		t.Errorf("%+v %v", last, err)
	}
	line, err := s.WaitLine(soon(t), 0, func(l Line) bool { return l.Safe })
	if err != nil || line.Msg() != "all at rest" || line.Fields["file"] != "street.yaml" || line.Life != 1 {
		t.Errorf("%+v %v", line, err)
	}
	if status, fed := s.Status(); status != "fine" || len(s.Lines()) != 4 {
		t.Errorf("%q, fed %d times, %d lines", status, fed, len(s.Lines()))
	}
}

func TestWatchdogBites(t *testing.T) {
	for _, mode := range []string{"hungry", "frozen"} {
		c := config(mode)
		c.Watchdog = 300 * time.Millisecond
		s := start(t, c)
		if mode == "frozen" {
			if err := s.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.WaitReady(soon(t), 2); err != nil {
			t.Fatal(err)
		}
		l := s.Lives()[0]
		// A frozen process takes no SIGABRT until SIGCONT; SIGKILL may come first.
		if l.Why != "watchdog" || !strings.HasPrefix(l.How, "signal") && l.How != "exit 2" {
			t.Errorf("%s: %+v", mode, l)
		}
		if lived := l.Ended.Sub(l.Ready); lived < 300*time.Millisecond {
			t.Errorf("%s: bitten after %v", mode, lived)
		}
	}
	c := config("good")
	c.Watchdog = 1200 * time.Millisecond
	s := start(t, c)
	if err := s.mu.Until(soon(t), func() bool { return s.beats > 4 }); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Lives()); n != 1 {
		t.Errorf("a fed daemon lived %d lives", n)
	}
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	c := config("stubborn")
	c.Term = 200 * time.Millisecond
	s := start(t, c)
	last, err := s.Stop(soon(t))
	if err != nil || last.How != "signal killed" || last.Safe.How != "exit 0" {
		t.Errorf("%+v %v", last, err)
	}
}

func TestWhatDoesNotStart(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := config("broken")
	c.Path, c.Restart = exe, -1
	if _, err := Start(soon(t), c); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("broken: %v", err)
	}
	c = config("never")
	c.Path, c.Start, c.Restart = exe, 200*time.Millisecond, -1
	if _, err := Start(soon(t), c); err == nil {
		t.Error("never: started")
	}
	c.Path = "/no/such/file"
	if _, err := Start(soon(t), c); err == nil {
		t.Error("no file: started")
	}
}
