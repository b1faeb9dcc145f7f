package bus_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// lineTime is that of 7 bytes at 9600 baud with 10 bits each.
const lineTime = 7 * 10 * time.Second / 9600

func TestOneFrameIsInTheKernelAndTheGapIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		var ends []chan error
		for i := range byte(4) {
			ends = append(ends, send(t.Context(), l, normal(i)))
		}
		for i, end := range ends {
			if err := <-end; err != nil {
				t.Fatal(err)
			}
			// An Exchange returns when the last byte is on the wire, not when it is
			// in the kernel.
			want := lineTime + time.Duration(i)*(lineTime+10*time.Millisecond)
			if got := time.Since(began); got != want {
				t.Errorf("frame %d returned after %v, want %v", i, got, want)
			}
		}
		who, at := order(r.port, began)
		if !slices.Equal(who, []byte{0, 1, 2, 3}) {
			t.Errorf("order % X", who)
		}
		for i := range at {
			if want := time.Duration(i) * (lineTime + 10*time.Millisecond); at[i] != want {
				t.Errorf("frame %d written at %v, want %v", i, at[i], want)
			}
		}
	})
}

func TestAFrameOnAnIdleBusIsWrittenAtOnce(t *testing.T) {
	for _, f := range []line.Frame{normal(1), urgent(1)} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t)
			l := r.Attach("dome-1", bus.Options{})
			time.Sleep(12345 * time.Microsecond) // virtual
			began := time.Now()
			<-send(t.Context(), l, f)
			if _, at := order(r.port, began); at[0] != 0 {
				t.Errorf("written after %v: something polls", at[0])
			}
		})
	}
}

func TestGapIsTheLargestOfBusAndBothDevices(t *testing.T) {
	for _, c := range []struct {
		name        string
		first, next bus.Options
		quiet, want time.Duration
	}{
		{"bus", bus.Options{}, bus.Options{}, 0, 10 * time.Millisecond},
		{"device before", bus.Options{Gap: 80 * time.Millisecond}, bus.Options{}, 0, 80 * time.Millisecond},
		{"device after", bus.Options{}, bus.Options{Gap: 30 * time.Millisecond}, 0, 30 * time.Millisecond},
		{"smaller than the bus's", bus.Options{Gap: time.Millisecond}, bus.Options{}, 0, 10 * time.Millisecond},
		{"quiet comes on top", bus.Options{Gap: 20 * time.Millisecond}, bus.Options{}, 200 * time.Millisecond, 220 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				one, two := r.Attach("a", c.first), r.Attach("b", c.next)
				began := time.Now()
				f := normal(1)
				f.Quiet = c.quiet
				<-send(t.Context(), one, f)
				<-send(t.Context(), two, normal(2))
				if _, at := order(r.port, began); at[1] != lineTime+c.want {
					t.Errorf("second frame at %v, want %v", at[1], lineTime+c.want)
				}
			})
		})
	}
}

func TestQueueIsBoundedPerUrgency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		all := []chan error{send(ctx, l, query(0, time.Hour))} // holds the wire
		for range 64 {
			all = append(all, send(ctx, l, normal(1)))
		}
		if err := <-send(ctx, l, normal(2)); fault.Of(err) != fault.Full {
			t.Errorf("frame 65 ends in %v", err)
		}
		// Urgent frames have places of their own.
		if err := <-send(ctx, l, urgent(3)); err != nil {
			t.Error(err)
		}
		cancel()
		for _, one := range all {
			<-one
		}
		if err := <-send(t.Context(), l, normal(4)); err != nil {
			t.Errorf("after the queue was given up: %v", err)
		}
	})
}

func TestAnExchangeGivenUpBeforeItsTurnIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		first := send(t.Context(), l, normal(1))
		ctx, cancel := context.WithCancel(t.Context())
		second := send(ctx, l, normal(2))
		cancel()
		wantErr(t, <-second, context.Canceled)
		<-first
		wantErr(t, <-send(ctx, l, normal(3)), context.Canceled)
		<-send(t.Context(), l, normal(4))
		if who, _ := order(r.port, time.Now()); !slices.Equal(who, []byte{1, 4}) {
			t.Errorf("on the wire: % X", who)
		}
	})
}

func TestEmptyFrameIsBadInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		if err := <-send(t.Context(), r.Attach("dome-1", bus.Options{}), line.Frame{}); fault.Of(err) != fault.BadInput {
			t.Error(err)
		}
	})
}
