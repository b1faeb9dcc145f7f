package broadcast

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// use holds for a time and lets go.
func use(t *testing.T, a *Amplifier, b *book, d time.Duration) {
	t.Helper()
	_, release, err := a.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.note("held")
	<-time.After(d)
	b.note("let go")
	release()
	release()
}

// reason is what an order would be told of a lost or refused hold.
func reason(err error) wire.Reason { return wire.Failure(err, "none").Reason }

// TestPromise50_OffAfterTheTail: warm before the holder goes on, off a tail after the
// last one has let go, kept on between two that come within the tail, off for as long
// as a relay needs before it is keyed again.
func TestPromise50_OffAfterTheTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		use(t, a, b, time.Second)
		<-time.After(2 * time.Second)
		use(t, a, b, time.Second)
		<-time.After(3500 * time.Millisecond) // 500 ms off
		use(t, a, b, time.Second)
		<-time.After(time.Hour)
		b.is(t, "0s on", "200ms held", "1.2s let go",
			"3.2s held", "4.2s let go", "7.2s off",
			"9.2s on", "9.4s held", "10.4s let go", "13.4s off")
	})
}

// TestPromise50_CountedHolds: two speakers share an amplifier; it goes off after the last.
func TestPromise50_CountedHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		_, one, err := a.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, two, err := a.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		one()
		one() // a hold is let go once
		<-time.After(10 * time.Second)
		b.is(t, "0s on")
		two()
		<-time.After(10 * time.Second)
		b.is(t, "13.2s off")
	})
}

// TestPromise50_MaxOn: the longest time on ends what holds it, and raises a condition.
func TestPromise50_MaxOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		held, release, err := a.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-held.Done()
		if r := reason(context.Cause(held)); r != wire.Limit {
			t.Error(context.Cause(held))
		}
		<-time.After(time.Second)
		release()
		<-time.After(time.Hour)
		b.is(t, "0s on", "1m0s raised pin.max_on amp", "1m0s off")
		// A tail is not longer than that either, and harms nobody.
		use(t, a, b, 58*time.Second)
		<-time.After(time.Hour)
		b.is(t, "1h1m1s on", "1h1m1.2s held", "1h1m59.2s let go", "1h2m1s off")
	})
}

// TestPromise50_HaltAndEnd: off at once, whoever holds it; and off when the house ends.
func TestPromise50_HaltAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, r, end := amp(t, b)
		held, release, err := a.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Halt(t.Context()); err != nil {
			t.Error(err)
		}
		<-held.Done()
		if r := reason(context.Cause(held)); r != wire.Stopped {
			t.Error(context.Cause(held))
		}
		release()
		b.is(t, "0s on", "200ms off")
		<-time.After(time.Minute)
		held, release, err = a.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		end()
		if r := reason(context.Cause(held)); r != wire.Shutdown || held.Err() == nil {
			t.Error(context.Cause(held))
		}
		b.is(t, "1m0.2s on", "1m0.4s off")
		release()
		if _, _, err := a.Hold(t.Context()); reason(err) != wire.Shutdown {
			t.Errorf("held after the end: %v", err)
		}
		r.at(func() { r.on = true })
		if err := a.Halt(t.Context()); err != nil {
			t.Error(err)
		}
		b.is(t, "1m0.4s off")
	})
}

// TestPromise50_StuckOn: an output that does not switch off is tried again each second
// and raised; when it does, that is taken back.
func TestPromise50_StuckOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, r, end := amp(t, b)
		cleared := 0
		a.c.Clear = func(code, _ string) {
			if code == "amplifier.stuck_on" {
				cleared++
			}
		}
		use(t, a, b, time.Second)
		r.at(func() { r.failOf = fault.PortLost })
		<-time.After(5500 * time.Millisecond)
		b.is(t, "0s on", "200ms held", "1.2s let go",
			"4.2s raised amplifier.stuck_on amp", "5.2s raised amplifier.stuck_on amp", "6.2s raised amplifier.stuck_on amp")
		if cleared != 0 {
			t.Error("taken back while it is on")
		}
		use(t, a, b, 100*time.Millisecond) // whoever speaks now keys it anew
		b.is(t, "6.7s on", "6.7s held", "6.8s let go")
		r.at(func() { r.failOf = nil })
		<-time.After(time.Hour)
		b.is(t, "9.8s off")
		if cleared != 1 {
			t.Errorf("taken back %d times", cleared)
		}
		use(t, a, b, time.Second)
		r.at(func() { r.failOf = fault.PortLost })
		if err := a.Halt(t.Context()); !errors.Is(err, fault.PortLost) {
			t.Errorf("halt: %v", err)
		}
		end()
		b.is(t, "1h0m6.8s on", "1h0m7s held", "1h0m8s let go", "1h0m8s raised amplifier.stuck_on amp",
			"1h0m8s raised amplifier.stuck_on amp", "1h0m8s ended: amplifier amp: port lost")
	})
}

// TestPromise50_KeyingFails: the hold is refused, and the output is switched off, for
// nobody knows how it is.
func TestPromise50_KeyingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, r, _ := amp(t, b)
		r.failOn, r.on = fault.NoReply, true
		if _, _, err := a.Hold(t.Context()); !errors.Is(err, fault.NoReply) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		b.is(t, "0s key failed", "0s off")
	})
}

// TestHoldEndsWithItsContext: who does not want it any more does not keep it on.
func TestHoldEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		a, _, _ := amp(t, b)
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, wire.ByStop())
		defer cancel()
		if _, _, err := a.Hold(ctx); reason(err) != wire.Stopped {
			t.Errorf("%v", err)
		}
		<-time.After(time.Hour)
		b.is(t, "0s on", "3.1s off")
	})
}
