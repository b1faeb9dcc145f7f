package station

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
)

// TestMailboxOrder: one after another, the higher rank first, equal ones as they came.
func TestMailboxOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1", "horn-2")
		gate := make(chan struct{})
		first := h.post("horn-1", Job{Act: "first", Rank: 1}, func(context.Context, *driver) { <-gate })
		synctest.Wait()
		var order []string
		note := func(name string) func(context.Context, *driver) {
			return func(context.Context, *driver) { order = append(order, name) }
		}
		for _, j := range []struct {
			name string
			rank int
		}{{"a", 1}, {"b", 0}, {"c", 3}, {"d", 1}, {"e", 3}} {
			h.post("horn-1", Job{Act: j.name, Rank: j.rank}, note(j.name))
		}
		if got := <-h.post("horn-2", Job{}, quick); got != "done" {
			t.Errorf("the other device waits: %s", got)
		}
		if !h.Busy("horn-1") || h.Busy("horn-2") {
			t.Error("busy is not told right")
		}
		close(gate)
		<-first
		synctest.Wait()
		if want := []string{"c", "e", "a", "d", "b"}; !slices.Equal(order, want) {
			t.Errorf("%v, want %v", order, want)
		}
	})
}

// TestMailboxAhead: who posts is told how many are before him, and a full mailbox
// takes nothing.
func TestMailboxAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		h.post("horn-1", Job{}, obey)
		synctest.Wait()
		for i := range 32 {
			ahead, err := h.Post("horn-1", Job{Rank: 1, Drop: func(error) {}})
			if ahead != i+1 || err != nil {
				t.Errorf("the %d. waiting: %d ahead, %v", i, ahead, err)
			}
		}
		if _, err := h.Post("horn-1", Job{Rank: 3}); !errors.Is(err, fault.Full) {
			t.Errorf("a full mailbox: %v", err)
		}
		if _, err := h.Post("horn-9", Job{}); !errors.Is(err, fault.BadInput) {
			t.Errorf("an unknown device: %v", err)
		}
	})
}

// TestPreemption: a job that cuts ends a running one of lower rank, and none of its own.
func TestPreemption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		cut := errText("preempted")
		low := h.post("horn-1", Job{Rank: 1}, obey)
		synctest.Wait()
		same := h.post("horn-1", Job{Rank: 1, Cuts: true, Cut: cut}, quick)
		synctest.Wait()
		if len(low) != 0 {
			t.Errorf("cut by its own rank: %s", <-low)
		}
		high := h.post("horn-1", Job{Rank: 3, Cuts: true, Cut: cut}, quick)
		if got := <-low; got != "preempted" {
			t.Error(got)
		}
		if a, b := <-high, <-same; a != "done" || b != "done" {
			t.Errorf("%s, %s", a, b)
		}
	})
}

// TestLimit: a job that takes too long is ended with its own cause.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		began := time.Now()
		if got := <-h.post("horn-1", Job{Limit: time.Minute, Over: errText("too long")}, obey); got != "too long" || time.Since(began) != time.Minute {
			t.Errorf("%s after %v", got, time.Since(began))
		}
	})
}

// TestCut: the running one is cut and the waiting ones are dropped, those that are
// picked and no others; each is told once.
func TestCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		var ends []chan string
		for i := range 4 {
			ends = append(ends, h.post("horn-1", Job{Act: fmt.Sprint(i)}, obey))
			synctest.Wait()
		}
		h.Cut("horn-1", errText("one"), func(j Job) bool { return j.Act == "0" || j.Act == "2" })
		synctest.Wait()
		for i, want := range []string{"one", "", "dropped: one", ""} {
			if got := poll(ends[i]); got != want {
				t.Errorf("%d: %q, want %q", i, got, want)
			}
		}
		h.Cut("horn-1", errText("all"), nil)
		h.Cut("horn-1", errText("again"), nil)
		synctest.Wait()
		for i, want := range []string{"", "all", "", "dropped: all"} {
			if got := poll(ends[i]); got != want {
				t.Errorf("%d: %q, want %q", i, got, want)
			}
		}
		if h.Busy("horn-1") {
			t.Error("still busy")
		}
		h.Cut("horn-9", errText("x"), nil)
	})
}

func poll(c chan string) string {
	select {
	case s := <-c:
		return s
	default:
		return ""
	}
}

// TestPanic: a job whose driver panics gets its end, and the next one runs.
func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		bad := h.post("horn-1", Job{Act: "cmd:k:bad"}, func(context.Context, *driver) { panic("index out of range") })
		good := h.post("horn-1", Job{}, quick)
		if got := <-bad; got != "dropped: device horn-1: its driver panicked" {
			t.Error(got)
		}
		if got := <-good; got != "done" {
			t.Error(got)
		}
		synctest.Wait()
		if h.Busy("horn-1") || h.log.count("cmd:k:bad", "index out of range", "mailbox_test.go") != 1 {
			t.Error("busy, or its stack is not in the log")
		}
	})
}

// TestShutdown: what waits when the house closes is told so, and nothing is taken.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		running := h.post("horn-1", Job{}, obey)
		synctest.Wait()
		waiting := h.post("horn-1", Job{}, quick)
		h.tree.StopAbove(0, time.Second)
		if got := <-running; got != context.Canceled.Error() {
			t.Error(got)
		}
		if got := <-waiting; got != "dropped: shutting down" {
			t.Error(got)
		}
		if got := <-h.post("horn-1", Job{}, quick); got != "refused: device horn-1: shutting down" {
			t.Error(got)
		}
	})
}

// TestHaltAll: past the mailboxes, all at once.
func TestHaltAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "dome-1", "dome-2")
		h.post("dome-1", Job{}, obey)
		synctest.Wait()
		h.HaltAll(t.Context(), append(h.IDs(), "dome-9"))
		for _, id := range []string{"dome-1", "dome-2"} {
			if n := h.opened[id][0].halts; n != 1 {
				t.Errorf("%s: %d halts", id, n)
			}
		}
		if h.log.count("halt failed", "dome-9") != 1 || !strings.Contains(fmt.Sprint(h.IDs()), "[dome-1 dome-2]") {
			t.Error("an unknown device, or the list")
		}
		h.Cut("dome-1", errText("x"), nil)
	})
}
