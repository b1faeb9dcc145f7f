package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"fuqiao/edged/testbench/kernel"
)

// live is one life from start to the end of -safe. Its error means that no daemon can be
// started at all.
func (s *Service) live(ctx context.Context) error {
	sock, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketName(), Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify socket: %w", err)
	}
	heard := make(chan struct{})
	defer func() { _ = sock.Close(); <-heard }()
	env := append(os.Environ(), s.c.Env...)
	env = append(env, "NOTIFY_SOCKET="+sock.LocalAddr().String())
	if s.c.Watchdog > 0 {
		env = append(env, fmt.Sprintf("WATCHDOG_USEC=%d", s.c.Watchdog.Microseconds()))
	}
	s.mu.Lock()
	n := len(s.lives)
	s.lives = append(s.lives, Life{Started: time.Now()})
	s.why, s.fed = "", time.Time{}
	s.mu.Unlock()
	go func() { defer close(heard); s.listen(sock, n) }()
	out := &splitter{s: s, life: n + 1}
	p, err := kernel.Start(ctx, kernel.Config{
		Path: s.c.Path, Args: append(append([]string(nil), s.c.Args...), "-config", s.c.File), Env: env,
		Stdout: out, Stderr: out, Chips: s.c.Chips, Hooks: s.c.Hooks,
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.now, s.lives[n].Pid = p, p.Pid()
	over := s.over
	s.mu.Changed()
	s.mu.Unlock()
	if over { // stopped before it had begun
		_ = p.Signal(syscall.SIGTERM)
	}
	s.guard(p, n)
	out.flush()
	s.bury(p, n)
	s.safe(ctx, n)
	return nil
}

// guard waits for the end of p and brings it about where the manager has to.
func (s *Service) guard(p *kernel.Process, n int) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var abort time.Time
	for {
		select {
		case <-p.Done():
			return
		case <-s.rewatch:
		case <-look.C:
		}
		rss := status(p.Pid(), "VmHWM")
		s.mu.Lock()
		s.lives[n].MaxRSS = max(s.lives[n].MaxRSS, rss)
		late := s.late(s.lives[n])
		if late != "" && abort.IsZero() {
			s.why = late
		}
		s.mu.Unlock()
		switch {
		case abort.IsZero() && late != "":
			abort = time.Now().Add(s.c.Abort)
			_ = p.Signal(syscall.SIGABRT)
		case !abort.IsZero() && time.Now().After(abort):
			_ = p.Signal(syscall.SIGCONT)
			_ = p.Kill()
		}
	}
}

// late says which limit the life l has passed; s.mu is held.
func (s *Service) late(l Life) string {
	now := time.Now()
	switch {
	case s.why == "asked":
		return ""
	case l.Ready.IsZero() && now.Sub(l.Started) > s.c.Start:
		return "start"
	case !l.Ready.IsZero() && s.c.Watchdog > 0 && now.Sub(s.fed) > s.c.Watchdog:
		return "watchdog"
	}
	return ""
}

// bury writes down how p ended.
func (s *Service) bury(p *kernel.Process, n int) {
	how := ended(p.Wait())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = nil
	l := &s.lives[n]
	l.Ended, l.How, l.Why = time.Now(), how, s.why
	s.mu.Changed()
}

// ended puts the end of a process into words.
func ended(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit 0"
	case errors.As(err, &exit):
		if w, ok := exit.Sys().(syscall.WaitStatus); ok && w.Signaled() {
			return "signal " + w.Signal().String()
		}
		return "exit " + strconv.Itoa(exit.ExitCode())
	}
	return err.Error()
}

// safe runs ExecStopPost.
func (s *Service) safe(ctx context.Context, n int) {
	run := Safe{Started: time.Now()}
	limit, cancel := context.WithTimeout(ctx, s.c.Safe)
	defer cancel()
	out := &splitter{s: s, life: n + 1, safe: true}
	p, err := kernel.Start(limit, kernel.Config{
		Path: s.c.Path, Args: append(append([]string(nil), s.c.Args...), "-safe", s.c.File), Env: append(os.Environ(), s.c.Env...),
		Stdout: out, Stderr: out, Chips: s.c.Chips, Hooks: s.c.Hooks,
	})
	if err == nil {
		err = p.Wait()
	}
	out.flush()
	run.Ended, run.How = time.Now(), ended(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives[n].Safe = run
	s.mu.Changed()
}

// listen takes what life n tells its manager (sd_notify(3)).
func (s *Service) listen(sock *net.UnixConn, n int) {
	buf := make([]byte, 4096)
	for {
		k, err := sock.Read(buf)
		if err != nil {
			return
		}
		s.mu.Lock()
		for line := range strings.Lines(string(buf[:k])) {
			s.told(strings.TrimSpace(line), &s.lives[n])
		}
		s.mu.Changed()
		s.mu.Unlock()
		select {
		case s.rewatch <- struct{}{}:
		default:
		}
	}
}

// told takes one assignment; s.mu is held.
func (s *Service) told(line string, l *Life) {
	word, value, _ := strings.Cut(line, "=")
	now := time.Now()
	switch {
	case word == "READY" && value == "1":
		if l.Ready.IsZero() {
			l.Ready = now
		}
		s.fed = now
	case word == "WATCHDOG" && value == "1":
		s.beats++
		s.fed = now
	case word == "WATCHDOG" && value == "trigger":
		s.fed = time.Unix(1, 0)
	case word == "STATUS":
		s.status = value
	}
}

// socketName is an abstract address that nobody else has.
func socketName() string {
	return fmt.Sprintf("@testbench-notify-%d-%d", os.Getpid(), time.Now().UnixNano())
}

// RSS is the resident size of the running daemon now and its peak, bytes; 0 if none runs.
func (s *Service) RSS() (now, peak int64) {
	s.mu.Lock()
	p := s.now
	s.mu.Unlock()
	if p == nil {
		return 0, 0
	}
	return status(p.Pid(), "VmRSS"), status(p.Pid(), "VmHWM")
}

// status reads a size from /proc/PID/status, bytes; 0 if it is not to be had.
func status(pid int, field string) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10
		}
	}
	return 0
}
