package station

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
)

const hungText = "dropped: the driver did not come back"

// TestPromise46_HungDriver: a driver that blocks for ever and ignores its context is
// given up 5 s after its cancel: the stack is logged, its descriptor closed, its act
// ended once, its device opened anew, which works again; no other device notices.
func TestPromise46_HungDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1", "horn-2")
		other := h.post("horn-2", Job{}, obey)
		hung := h.post("horn-1", Job{Act: "cmd:k:hung"}, hang)
		synctest.Wait()
		waits := h.post("horn-1", Job{}, func(_ context.Context, d *driver) {
			if d.n != 2 {
				t.Errorf("it ran on opening %d", d.n)
			}
		})
		<-time.After(time.Hour) // as long as nobody ends it, a long act is no hang
		synctest.Wait()
		if h.tree.Abandoned() != 0 {
			t.Fatal("given up before its cancel")
		}
		h.Cut("horn-1", errText("stopped"), func(j Job) bool { return j.Act == "cmd:k:hung" })
		cut := time.Now()
		if got := <-hung; got != hungText || time.Since(cut) != 5*time.Second {
			t.Errorf("%s after %v", got, time.Since(cut))
		}
		if got := <-waits; got != "done" {
			t.Errorf("the waiting one: %s", got)
		}
		if got := <-h.post("horn-1", Job{}, quick); got != "done" {
			t.Errorf("a new one: %s", got)
		}
		synctest.Wait()
		if first := h.opened["horn-1"][0]; !first.closed || h.ended["horn-1"] != 1 || len(h.opened["horn-1"]) != 2 {
			t.Errorf("closed %t, ended %d times, opened %d times", first.closed, h.ended["horn-1"], len(h.opened["horn-1"]))
		}
		if second := h.opened["horn-1"][1]; second.closed {
			t.Error("the new one was closed")
		}
		if n := h.log.count("goroutine abandoned", "cmd:k:hung", "station.hang("); n != 1 {
			t.Errorf("%d lines with the stack", n)
		}
		if len(h.opened["horn-2"]) != 1 || len(other) != 0 || h.tree.Abandoned() != 1 {
			t.Errorf("the other device: opened %d times, %d abandoned", len(h.opened["horn-2"]), h.tree.Abandoned())
		}
		if len(h.raised) != 1 || h.raised[0] != "device.hung horn-1" {
			t.Errorf("raised %v", h.raised)
		}
		h.Cut("horn-2", errText("stopped"), nil)
		<-other
		<-time.After(time.Hour)
		synctest.Wait()
		if len(hung) != 0 || h.tree.Abandoned() != 1 {
			t.Errorf("ended again: %d, %d abandoned", len(hung), h.tree.Abandoned())
		}
	})
}

// TestPromise46_LateReturn: a driver that comes back after it was given up takes no
// job any more, and its act does not end a second time.
func TestPromise46_LateReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		back := make(chan struct{})
		var ran []int
		hung := make(chan string, 8)
		j := Job{Act: "late", Limit: time.Second, Over: errText("too long")}
		end := h.post("horn-1", j, func(context.Context, *driver) { <-back })
		go func() {
			for s := range end {
				hung <- s
			}
		}()
		if got := <-hung; got != hungText {
			t.Error(got)
		}
		synctest.Wait()
		h.post("horn-1", Job{}, func(ctx context.Context, d *driver) { ran = append(ran, d.n); <-ctx.Done() })
		close(back)
		h.post("horn-1", Job{}, func(_ context.Context, d *driver) { ran = append(ran, d.n) })
		synctest.Wait()
		if len(ran) != 1 || ran[0] != 2 {
			t.Errorf("jobs ran on openings %v", ran)
		}
		h.Cut("horn-1", errText("stopped"), nil)
		synctest.Wait()
		close(end)
	})
}

// TestPromise46_ThreeAreEnough: after three abandonments the daemon is to halt all
// and exit.
func TestPromise46_ThreeAreEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		for i := range 3 {
			select {
			case <-h.tree.Failed():
				t.Fatalf("failed after %d", i)
			default:
			}
			<-h.post("horn-1", Job{Limit: time.Second, Over: errText("too long")}, hang)
			synctest.Wait()
		}
		<-h.tree.Failed()
	})
}

// TestPromise46_HungHalt: whoever halts is not held up by the driver beyond his own
// time, and a driver that hangs in Halt is given up as well.
func TestPromise46_HungHalt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "dome-1")
		h.opened["dome-1"][0].stuck = true
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if err := h.Halt(ctx, "dome-1"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		<-time.After(5*time.Second + time.Millisecond)
		synctest.Wait()
		if err := h.Halt(t.Context(), "dome-1"); err != nil || len(h.opened["dome-1"]) != 2 || h.opened["dome-1"][1].halts != 1 {
			t.Errorf("%v, opened %d times", err, len(h.opened["dome-1"]))
		}
	})
}

// TestPromise46_NotOpenAgain: a device that cannot be opened again is tried again, its
// waiting acts and new ones are told, and it is not given up once more each second.
func TestPromise46_NotOpenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		<-time.After(time.Second)
		hung := h.post("horn-1", Job{Limit: time.Second, Over: errText("too long")}, hang)
		synctest.Wait()
		waits := h.post("horn-1", Job{}, quick)
		h.at(func() { h.refuse = fault.PortLost })
		if got := <-hung; got != hungText {
			t.Error(got)
		}
		if got := <-waits; got != "dropped: horn-1: port lost" {
			t.Error(got)
		}
		if got := <-h.post("horn-1", Job{}, quick); got != "refused: device horn-1: horn-1: port lost" {
			t.Error(got)
		}
		if err := h.Halt(t.Context(), "horn-1"); !errors.Is(err, fault.PortLost) {
			t.Errorf("halt: %v", err)
		}
		<-time.After(time.Minute)
		h.at(func() { h.refuse = nil })
		<-time.After(11 * time.Second)
		synctest.Wait()
		if got := <-h.post("horn-1", Job{}, quick); got != "done" || h.tree.Abandoned() != 1 {
			t.Errorf("%s, %d abandoned", got, h.tree.Abandoned())
		}
	})
}

// TestPromise46_HungAtShutdown: an act whose driver does not come back when the house
// closes has its terminal all the same.
func TestPromise46_HungAtShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, "horn-1")
		hung := h.post("horn-1", Job{}, hang)
		synctest.Wait()
		h.Cut("horn-1", errText("shutting down"), nil)
		began := time.Now()
		h.tree.StopAbove(0, 3*time.Second)
		if time.Since(began) != 3*time.Second || len(hung) != 1 {
			t.Fatalf("after %v: %d ends", time.Since(began), len(hung))
		}
		if got := <-hung; got != hungText || !h.opened["horn-1"][0].closed || len(h.opened["horn-1"]) != 1 {
			t.Errorf("%s, closed %t, opened %d times", got, h.opened["horn-1"][0].closed, len(h.opened["horn-1"]))
		}
	})
}
