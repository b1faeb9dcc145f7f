package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"syscall"
	"time"

	"fuqiao/edged/testbench/board"
	"fuqiao/edged/testbench/kernel"
)

// Config of a service. Zero durations take the values in brackets.
type Config struct {
	// Path is the daemon's binary, File its configuration.
	Path, File string
	// Args stand before -config FILE and -safe FILE.
	Args []string
	// Env is added to the testbench's own environment.
	Env []string
	// Chips and Hooks are the hardware and the faults that it meets.
	Chips []*kernel.Chip
	Hooks []kernel.Hook
	// Watchdog is WatchdogSec [10 s]; negative: none.
	Watchdog time.Duration
	// Abort is how long a daemon has for its last words after SIGABRT [2 s].
	Abort time.Duration
	// Start bounds the way to READY [30 s], Term the way from SIGTERM to the end
	// [75 s], Safe the run of -safe [5 s].
	Start, Term, Safe time.Duration
	// Restart is RestartSec [1 s]; negative: a dead daemon stays dead.
	Restart time.Duration
	// Tee gets a copy of what daemon and -safe print; nil: nobody.
	Tee io.Writer
}

// Life is one run of the daemon.
type Life struct {
	Pid            int
	Started, Ready time.Time
	Ended          time.Time
	// How it ended: "exit 0", "signal killed", …; Why: "" by itself, "watchdog" or
	// "start" by us, "asked" after Term, Kill9 or Stop.
	How, Why string
	// MaxRSS is the highest resident size seen, bytes (VmHWM).
	MaxRSS int64
	// Safe is the run of -safe behind it.
	Safe Safe
}

// Safe is one run of -safe.
type Safe struct {
	Started, Ended time.Time
	How            string
}

// Service is a daemon that is looked after.
type Service struct {
	c      Config
	cancel context.CancelFunc
	done   chan struct{}

	mu      board.Board
	lives   []Life
	now     *kernel.Process
	why     string // the reason for the end that is coming
	over    bool   // no further life
	gone    bool   // and the last one is buried
	err     error
	beats   int
	status  string
	fed     time.Time
	rewatch chan struct{} // the watchdog is to be looked at again
	lines   []Line
}

// fail is an error of this package.
type fail string

func (f fail) Error() string { return string(f) }

// errNone is what signals meet between two lives.
const errNone = fail("no daemon is running")

// Start starts the daemon and looks after it until Stop, or until ctx ends, which kills
// it. It returns when the first life is ready.
func Start(ctx context.Context, c Config) (*Service, error) {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&c.Watchdog, 10*time.Second)
	def(&c.Abort, 2*time.Second)
	def(&c.Start, 30*time.Second)
	def(&c.Term, 75*time.Second)
	def(&c.Safe, 5*time.Second)
	def(&c.Restart, time.Second)
	ctx, cancel := context.WithCancel(ctx)
	s := &Service{c: c, cancel: cancel, done: make(chan struct{}), rewatch: make(chan struct{}, 1)}
	go s.run(ctx)
	if err := s.WaitReady(ctx, 1); err != nil {
		s.Kill()
		return nil, fmt.Errorf("%s: %w", c.Path, err)
	}
	return s, nil
}

// run is one life after the other.
func (s *Service) run(ctx context.Context) {
	defer close(s.done)
	for {
		err := s.live(ctx)
		s.mu.Lock()
		if err != nil {
			s.err = err
			s.over = true
		}
		if s.c.Restart < 0 {
			s.over = true
		}
		over := s.over
		s.mu.Changed()
		s.mu.Unlock()
		if over || !sleep(ctx, s.c.Restart) {
			break
		}
		s.mu.Lock()
		over = s.over
		s.mu.Unlock()
		if over {
			break
		}
	}
	s.mu.Lock()
	s.over, s.gone = true, true
	s.mu.Changed()
	s.mu.Unlock()
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// signal sends sig to the running daemon; why is what its life then says.
func (s *Service) signal(sig syscall.Signal, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return errNone
	}
	if why != "" {
		s.why = why
	}
	return s.now.Signal(sig)
}

// Kill9 kills the daemon as the kernel's OOM killer would; it comes back by itself.
func (s *Service) Kill9() error { return s.signal(syscall.SIGKILL, "asked") }

// Term asks it to end; it comes back by itself.
func (s *Service) Term() error { return s.signal(syscall.SIGTERM, "asked") }

// Hup makes it read its configuration again.
func (s *Service) Hup() error { return s.signal(syscall.SIGHUP, "") }

// Signal sends any other signal: SIGSTOP freezes the daemon for its watchdog to find.
func (s *Service) Signal(sig syscall.Signal) error { return s.signal(sig, "") }

// Stop is `systemctl stop`: SIGTERM, SIGKILL when Term is over, -safe, no restart. It
// returns the last life.
func (s *Service) Stop(ctx context.Context) (Life, error) {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	if err := s.signal(syscall.SIGTERM, "asked"); err != nil && !errors.Is(err, errNone) && !errors.Is(err, os.ErrProcessDone) {
		return Life{}, err
	}
	t := time.NewTimer(s.c.Term)
	defer t.Stop()
	for {
		select {
		case <-s.done:
			s.cancel()
			lives := s.Lives()
			if len(lives) == 0 {
				return Life{}, s.Err()
			}
			return lives[len(lives)-1], s.Err()
		case <-t.C:
			if err := s.signal(syscall.SIGKILL, "stop took too long"); err != nil && !errors.Is(err, errNone) {
				return Life{}, err
			}
		case <-ctx.Done():
			s.Kill()
			return Life{}, ctx.Err()
		}
	}
}

// Kill ends everything at once, without -safe, and waits for it.
func (s *Service) Kill() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.cancel()
	<-s.done
}

// Err is why the daemon could not be started at all, nil otherwise.
func (s *Service) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Lives are all lives so far, the running one included.
func (s *Service) Lives() []Life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lives)
}

// Status is what the daemon last said of itself (STATUS=), and how often it has fed its
// watchdog.
func (s *Service) Status() (line string, fed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status, s.beats
}

// WaitReady waits until life n (from 1) has said READY=1.
func (s *Service) WaitReady(ctx context.Context, n int) error {
	return s.waitLife(ctx, n, "said READY=1", func(l Life) bool { return !l.Ready.IsZero() })
}

// WaitEnded waits until life n is over and -safe has run behind it.
func (s *Service) WaitEnded(ctx context.Context, n int) error {
	return s.waitLife(ctx, n, "ended", func(l Life) bool { return !l.Safe.Ended.IsZero() })
}

func (s *Service) waitLife(ctx context.Context, n int, what string, ok func(Life) bool) error {
	met := false
	err := s.mu.Until(ctx, func() bool {
		met = len(s.lives) >= n && ok(s.lives[n-1])
		return met || s.gone
	})
	switch {
	case met:
		return nil
	case err != nil:
		return fmt.Errorf("life %d has not %s: %w\n%s", n, what, err, s.tail(5))
	case s.Err() != nil:
		return s.Err()
	}
	return fmt.Errorf("life %d has not %s and will not\n%s", n, what, s.tail(20))
}
