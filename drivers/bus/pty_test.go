package bus_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// Promise 39: an unplugged port is reported within 1 s, costs next to nothing while
// it is away, and the other ports do not notice.
func TestPromise39_UnplugIsReportedAndOthersAreUnaffected(t *testing.T) {
	stop := neighbour(t)
	s := build(t, "rs485-1", 9600)
	l := s.Attach("dome-1", bus.Options{})
	echo(s.far)
	must(t, ask(l)) // it works, and then it is idle
	s.unplug(t)
	s.expect(t, "bus.port_lost raised", time.Second)

	reads := s.reads.Load()
	for len(s.tried) > 0 {
		<-s.tried
	}
	if err := ask(l); fault.Of(err) != fault.PortLost {
		t.Errorf("a question to a port that is away: %v", err)
	}
	// The next attempts come 100 and 200 ms later, and nothing is read meanwhile: a
	// wait that spins would have read a million times.
	began := time.Now()
	for range 2 {
		<-s.tried
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("2 attempts to open in %v", took)
	}
	if n := s.reads.Load() - reads; n > 0 {
		t.Errorf("%d reads of a port that is away", n)
	}
	stop()
}

// The far end stays open and silent, only the name goes: adapters do that, too.
func TestPromise39_ANameThatGoesIsEnough(t *testing.T) {
	s := build(t, "rs485-1", 9600)
	echo(s.far)
	must(t, ask(s.Attach("dome-1", bus.Options{})))
	must(t, os.Remove(s.link))
	s.expect(t, "bus.port_lost raised", time.Second)
}

// Promise 40: plugged in again, even under another name, the same device works
// within 5 s.
func TestPromise40_ReplugUnderAnotherNameComesBack(t *testing.T) {
	s := build(t, "rs485-1", 9600)
	l := s.Attach("dome-1", bus.Options{})
	echo(s.far)
	must(t, ask(l))
	before, err := filepath.EvalSymlinks(s.link)
	must(t, err)
	s.unplug(t)
	s.expect(t, "bus.port_lost raised", time.Second)

	terminal(t) // takes the old name, so that it is not given again
	far, after := plug(t, s.link)
	if after == before {
		t.Fatalf("the name is %s again", after)
	}
	s.expect(t, "bus.port_lost cleared", 5*time.Second)
	echo(far)
	must(t, ask(l))
	if st := s.Stats(); st.Reopens != 1 || !st.Open {
		t.Errorf("%+v", st)
	}
}

// Promise 45: a far end that takes no bytes meets a write deadline and a reset of
// its port; pings are answered, and the other ports do not notice.
func TestPromise45_AStalledWriteResetsThePort(t *testing.T) {
	stop := neighbour(t)
	s := build(t, "rs485-1", 115200)
	l := s.Attach("dome-1", bus.Options{})
	choke(t, s.link)

	began := time.Now()
	stuck := make(chan error, 1)
	go func() { stuck <- send1(l) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	must(t, s.Ping(ctx))
	err := <-stuck
	if took := time.Since(began); fault.Of(err) != fault.PortLost || took > time.Second {
		t.Errorf("%v after %v", err, took)
	}
	s.expect(t, "bus.write_stalled raised", time.Second)
	go func() { _, _ = io.Copy(io.Discard, s.far) }()
	retry := time.NewTicker(10 * time.Millisecond) // refused while the port is shut
	defer retry.Stop()
	for limit := time.Now().Add(5 * time.Second); send1(l) != nil; <-retry.C {
		if time.Now().After(limit) {
			t.Fatal("the port did not come back")
		}
	}
	s.expect(t, "bus.write_stalled cleared", time.Second)
	if st := s.Stats(); st.Stalls != 1 || st.Reopens != 1 {
		t.Errorf("%+v", st)
	}
	stop()
}

// Two daemons on one port: the second says so, and takes over when the first lets go.
func TestASecondBusOnOnePortSaysThatItIsLocked(t *testing.T) {
	first := build(t, "rs485-1", 9600)
	second := &street{link: first.link, told: make(chan string, 64), tried: make(chan struct{}, 64)}
	second.start(t, "rs485-1", 9600)
	second.expect(t, "bus.locked raised", time.Second)
	l := second.Attach("dome-1", bus.Options{})
	if err := send1(l); fault.Of(err) != fault.PortLost {
		t.Errorf("the second sends: %v", err)
	}
	must(t, send1(first.Attach("dome-1", bus.Options{})))
	first.stop()
	second.expect(t, "bus.locked cleared", 5*time.Second)
	must(t, send1(l))
}

// The time from Exchange to the first byte at the far end of an idle wire.
func BenchmarkWireLatency(b *testing.B) {
	for name, f := range map[string]line.Frame{"normal": normal(1), "urgent": urgent(1)} {
		b.Run(name, func(b *testing.B) {
			s := build(b, "bench", 115200)
			l := s.Attach("dome-1", bus.Options{})
			buf := make([]byte, 64)
			_, err := s.far.Read(buf) // build's own frame
			must(b, err)
			arrived := make(chan time.Time)
			go func() {
				for {
					if _, err := s.far.Read(buf); err != nil {
						return
					}
					arrived <- time.Now()
				}
			}()
			var total time.Duration
			for b.Loop() {
				began := time.Now()
				done := make(chan error, 1)
				go func() { _, err := l.Exchange(context.Background(), f); done <- err }()
				total += (<-arrived).Sub(began)
				must(b, <-done)
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs/first-byte")
		})
	}
}
