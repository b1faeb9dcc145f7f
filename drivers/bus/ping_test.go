package bus_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
)

func TestPingIsAnsweredWhateverThePortDoes(t *testing.T) {
	ask := func(t *testing.T, r *rig, within time.Duration) {
		t.Helper()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Ping(ctx); err != nil || time.Since(began) > within {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		ask(t, r, 0) // idle
		l := r.Attach("dome-1", bus.Options{})
		asked := send(t.Context(), l, query(1, time.Minute))
		ask(t, r, 0) // waiting for a reply
		<-send(t.Context(), l, urgent(2))
		<-asked
		r.port.set(func() { r.port.stalled = true })
		stuck := send(t.Context(), l, normal(3))
		ask(t, r, 60*time.Millisecond) // writing
		<-stuck
		r.swap(nil, errors.New("no such device"))
		_ = r.port.Close()
		time.Sleep(5 * time.Second)
		ask(t, r, 0) // absent
	})
}

func TestPingOfAHungOwnerSaysWhatItDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		r := start(t)
		r.mu.Lock()
		r.hang = hang
		r.mu.Unlock()
		_ = r.port.Close()
		time.Sleep(time.Second) // it opens again, and open does not come back
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := r.Ping(ctx)
		wantErr(t, err, context.DeadlineExceeded)
		if !strings.Contains(err.Error(), "bus rs485-1: owner does not answer (opening the port)") {
			t.Errorf("%q", err)
		}
		close(hang)
	})
	b := bus.New(bus.Config{Name: "x"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Ping(ctx); err == nil || !strings.Contains(err.Error(), "not running") {
		t.Errorf("%v", err)
	}
}

func TestStopEndsAllThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		port := newFake()
		b := bus.New(bus.Config{
			Name: "x", Log: discard(), Notice: func(string, string, bool) {},
			Open: func(context.Context) (bus.Port, error) { return port, nil },
			Go:   func(_ string, run func(context.Context) error) { go func() { _ = run(t.Context()) }() },
		})
		ctx, cancel := context.WithCancel(t.Context())
		run := beside(func() error { return b.Run(ctx) })
		l := b.Attach("dome-1", bus.Options{})
		ends := []chan error{send(t.Context(), l, query(1, time.Minute)), send(t.Context(), l, normal(2))}
		cancel()
		if err := <-run; err != nil {
			t.Error(err)
		}
		ends = append(ends, send(t.Context(), l, normal(3)))
		for i, end := range ends {
			if err := <-end; fault.Of(err) != fault.PortLost || errors.Is(err, context.Canceled) {
				t.Errorf("frame %d: %v", i, err)
			}
		}
		// It can be run again.
		ctx, cancel = context.WithCancel(t.Context())
		port = newFake()
		run = beside(func() error { return b.Run(ctx) })
		if err := <-send(t.Context(), l, normal(4)); err != nil {
			t.Error(err)
		}
		cancel()
		<-run
	})
}
