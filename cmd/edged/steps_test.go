package main_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/street"
)

// step is a hook on what the daemon does to its disk, its serial lines and the network.
type step struct {
	state string
	ports []string

	mu   sync.Mutex
	meet func(c *kernel.Call, what string) kernel.Answer // nil: nobody is asked
}

// newStep belongs to a street that is cold still.
func newStep(t *testing.T, s *street.Street) *step {
	t.Helper()
	h := &step{state: s.State}
	links := []string{}
	if s.RS485 != nil {
		links = append(links, s.RS485.Link())
	}
	for _, horn := range s.Horns {
		links = append(links, horn.Wire.Link())
	}
	for _, l := range links {
		to, err := filepath.EvalSymlinks(l)
		must(t, err)
		h.ports = append(h.ports, to)
	}
	s.AddHook(h)
	return h
}

func (h *step) arm(meet func(c *kernel.Call, what string) kernel.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.meet = meet
}

func (h *step) Syscalls() []kernel.Syscall {
	return []kernel.Syscall{{Nr: unix.SYS_PWRITE64}, {Nr: unix.SYS_FDATASYNC}, {Nr: unix.SYS_WRITE}}
}

// Handle finds out what the call is about and asks meet.
func (h *step) Handle(c *kernel.Call) kernel.Answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.meet == nil || !slices.ContainsFunc(h.Syscalls(), func(s kernel.Syscall) bool { return s.Nr == c.Nr }) {
		return kernel.Continue()
	}
	to, err := c.Target(c.Args[0])
	if err != nil || !c.Alive() {
		return kernel.Continue()
	}
	what := map[uintptr]string{unix.SYS_PWRITE64: "pwrite", unix.SYS_FDATASYNC: "fdatasync", unix.SYS_WRITE: "write"}[c.Nr]
	switch {
	case strings.HasPrefix(to, h.state+"/"):
		return h.meet(c, what+" "+strings.TrimPrefix(to, h.state+"/"))
	case slices.Contains(h.ports, to):
		return h.meet(c, what+" port")
	case strings.HasPrefix(to, "socket:"):
		return h.meet(c, what+" socket")
	}
	return kernel.Continue()
}

// TestPromise15_KillBetweenSteps: the daemon is killed before the first, the second, the
// third … thing that it does about an order. Whenever that is, the broker brings the order
// again or the ledger knows it: the dome hears it at most once, and it gets one terminal.
func TestPromise15_KillBetweenSteps(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1, Cold: true, TelemetryS: 3600})
	h := newStep(t, s)
	must(t, s.Start(within(t)))
	ended := map[wire.Status]int{}
	var first []wire.Result
	for n := range 12 {
		died := make(chan string, 1)
		left := n
		h.arm(func(c *kernel.Call, what string) kernel.Answer {
			if left--; left < 0 && len(died) == 0 {
				died <- what
				_ = unix.Kill(c.Process, unix.SIGKILL)
			}
			return kernel.Continue()
		})
		o := preset(n + 1)
		o.ID = fmt.Sprintf("step-%d", n)
		lives := len(s.Service.Lives())
		id, err := s.Platform.Send(within(t), o)
		must(t, err)
		var at string
		soon(t, "the kill or the end of the order", func() bool {
			select {
			case at = <-died:
				return true
			default:
			}
			return terminals(s, id) > 0
		})
		h.arm(nil)
		if at != "" {
			must(t, s.Service.WaitReady(within(t), lives+1))
			must(t, s.Online(within(t)))
		}
		r, err := s.Platform.Await(within(t), id, "dome-1")
		must(t, err)
		first = append(first, r)
		t.Logf("killed before step %d (%s): %s, the dome has heard it %d times", n, at, r.Status, stored(s, n+1))
		if at != "" {
			ended[r.Status]++
		}
	}
	restart(t, s, s.Service.Term) // a run answers the same bytes once in 10 s
	for n, r := range first {
		had := len(repeats(t, s, r.Order, 0))
		must(t, s.Platform.Replay(within(t), r.Order, false))
		again := repeats(t, s, r.Order, had+1)[had]
		count, once := stored(s, n+1), terminals(s, r.Order)
		if again.Status != r.Status || again.Run != r.Run || count > 1 || once != 1 || r.Status == wire.DoneUnverified && count != 1 || r.Status != wire.DoneUnverified && r.Status != wire.Unknown {
			t.Errorf("step %d: %+v, repeated as %+v; %d times at the dome, %d terminals", n, r, again, count, once)
		}
	}
	if ended[wire.DoneUnverified] == 0 || ended[wire.Unknown] == 0 || ended[wire.DoneUnverified]+ended[wire.Unknown] < 6 {
		t.Errorf("the kills met too few steps: %v", ended)
	}
}

// terminals counts the different terminal results of an order. One that a crash has kept
// from being marked as told is told again, and is equal to the first.
func terminals(s *street.Street, id string) int {
	seen := map[string]bool{}
	for _, r := range s.Platform.Results(id) {
		if r.What.Status.Terminal() && !r.What.Repeat {
			seen[fmt.Sprint(r.What.Result)] = true
		}
	}
	return len(seen)
}

// TestPromise52_HungWire: a write that never comes back from the kernel hangs the owner
// of one bus. The watchdog is not fed any more; -safe, which meets the same port, still
// drops the amplifier within 2 s; the next life works.
func TestPromise52_HungWire(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Domes: -1, Cold: true, Speech: slow(), Watchdog: 2500 * time.Millisecond})
	h := newStep(t, s)
	must(t, s.Start(within(t)))
	speaking(t, s, long)
	hung := map[int]bool{}
	h.arm(func(c *kernel.Call, what string) kernel.Answer {
		if what == "write port" && (hung[c.Process] || len(hung) < 2) { // the daemon and -safe
			hung[c.Process] = true
			return kernel.Never()
		}
		return kernel.Continue()
	})
	_, err := s.Platform.Stop(within(t)) // something has to be written
	must(t, err)
	must(t, s.Service.WaitEnded(within(t), 1))
	h.arm(nil)
	life := s.Service.Lives()[0]
	if life.Why != "watchdog" || life.Safe.Ended.Sub(life.Safe.Started) > 2500*time.Millisecond || life.Safe.How != "exit 1" {
		t.Errorf("%+v, -safe took %v", life, life.Safe.Ended.Sub(life.Safe.Started))
	}
	if s.Pins.Level(s.Horns[0].Relay) {
		t.Error("the amplifier is on")
	}
	must(t, s.Service.WaitReady(within(t), 2))
	must(t, s.Online(within(t)))
	if n := len(hung); n != 2 {
		t.Errorf("%d processes met the hung port", n)
	}
	if r := send(t, s, say("好")); r.Status != wire.Done {
		t.Errorf("in the next life: %+v", r)
	}
}
