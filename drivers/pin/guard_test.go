package pin

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
)

// TestPromise50_MaxOnIsTheLastGuard: an output whose owner forgets it (or is dead,
// or says "on" again and again) is off after MaxOn, to the millisecond of virtual
// time, and stays off until the owner says off.
func TestPromise50_MaxOnIsTheLastGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "A", "B"))
		b, n := bank(t, f, Config{Outputs: []OutputSpec{
			{Name: "amp", Line: "A", MaxOn: 90 * time.Second}, {Name: "lamp", Line: "B"},
		}})
		ctx, stop := running(t, b)
		defer stop()
		amp, lamp := out(t, b, "amp"), out(t, b, "lamp")
		must(t, lamp.Set(ctx, true))
		must(t, amp.Set(ctx, true))
		// An owner that says "on" every second does not move the deadline.
		for range 89 {
			time.Sleep(time.Second)
			must(t, amp.Set(ctx, true))
		}
		onUntil(t, f, time.Second)
		if !f.level("gpiochip0 1") {
			t.Fatal("an output without a limit was switched off")
		}
		if err := amp.Set(ctx, true); fault.Of(err) != fault.Refused || !strings.Contains(err.Error(), "set it to off first") {
			t.Fatalf("on again after the guard: %v", err)
		}
		must(t, amp.Set(ctx, false))
		if got := n.all(); !slices.Equal(got, []string{"pin.max_on outputs.amp +", "pin.max_on outputs.amp -"}) {
			t.Fatalf("notices: %v", got)
		}
		// A new turn has its whole time, and no more.
		must(t, amp.Set(ctx, true))
		onUntil(t, f, 90*time.Second)
	})
}

// onUntil checks that line 0 is on just before d is over, and off then.
func onUntil(t *testing.T, f *fake, d time.Duration) {
	t.Helper()
	time.Sleep(d - time.Millisecond)
	synctest.Wait()
	if !f.level("gpiochip0 0") {
		t.Fatal("off before its time")
	}
	time.Sleep(time.Millisecond)
	synctest.Wait()
	if f.level("gpiochip0 0") {
		t.Fatal("still on after its longest time")
	}
}

// TestMaxOnSurvivesARestartOfRun: the supervisor may start Run anew (or late); the
// time counts from when the output went on.
func TestMaxOnSurvivesARestartOfRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "A"))
		b, _ := bank(t, f, Config{Outputs: []OutputSpec{{Name: "amp", Line: "A", MaxOn: 10 * time.Second}}})
		if err := out(t, b, "amp").Set(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		_, stop := running(t, b)
		synctest.Wait()
		if f.level("gpiochip0 0") {
			t.Fatal("on although overdue when Run began")
		}
		stop()
	})
}

// TestGuardIsNotHeldUpByAnother: one chip hangs in a call; another output's guard
// works all the same, and the hanging one is let go of when the chip comes back.
func TestGuardIsNotHeldUpByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "A", "B"))
		b, n := bank(t, f, Config{Outputs: []OutputSpec{
			{Name: "a", Line: "A", MaxOn: 5 * time.Second}, {Name: "b", Line: "B", MaxOn: 6 * time.Second},
		}})
		ctx, stop := running(t, b)
		done := make(chan error, 1)
		for _, name := range []string{"a", "b"} {
			if err := out(t, b, name).Set(ctx, true); err != nil {
				t.Fatal(err)
			}
		}
		hang := make(chan struct{})
		f.mu.Lock()
		f.hang = hang
		f.mu.Unlock()
		go func() { done <- out(t, b, "a").Set(ctx, true) }() // sits in the chip with a's turn
		synctest.Wait()
		f.mu.Lock()
		f.hang = nil
		f.mu.Unlock()
		time.Sleep(6*time.Second + 2*turnWait)
		synctest.Wait()
		if f.level("gpiochip0 1") {
			t.Fatal("b was not guarded while a hung")
		}
		if !f.level("gpiochip0 0") {
			t.Fatal("a cannot be off: its call hangs")
		}
		if err := out(t, b, "a").Halt(ctx); fault.Of(err) != fault.PortLost {
			t.Fatalf("halt beside a hanging call: %v", err)
		}
		close(hang)
		time.Sleep(2 * turnWait)
		synctest.Wait()
		if f.level("gpiochip0 0") {
			t.Fatal("a was not let go of")
		}
		stop()
		<-done
		// It could not be switched off, then it was: two details of one condition.
		want := []string{"pin.max_on outputs.a +", "pin.max_on outputs.b +", "pin.max_on outputs.a +"}
		if got := n.all(); !slices.Equal(got, want) {
			t.Fatalf("notices %v", got)
		}
	})
}
