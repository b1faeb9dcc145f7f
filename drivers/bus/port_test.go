package bus_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

type lockedError struct{}

func (lockedError) Error() string { return "edged (process 4711) holds it" }
func (lockedError) Locked() bool  { return true }

func TestAPortThatIsAbsentAtTheStartIsAConditionAndFramesEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *rig) { r.openErr = errors.New("no such file") })
		port := r.port
		time.Sleep(time.Minute)
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		if err := <-send(t.Context(), l, urgent(1)); fault.Of(err) != fault.PortLost || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if got := r.told(); !slices.Equal(got, []string{"bus.port_lost true"}) || r.Stats().Open {
			t.Errorf("told %q, %+v", got, r.Stats())
		}
		// Two seconds between attempts: opening is what an absent port costs.
		if n := len(r.opened()); n > 36 {
			t.Errorf("opened %d times in a minute", n)
		}
		r.swap(port, nil)
		time.Sleep(2 * time.Second)
		if got := r.told(); !slices.Equal(got, []string{"bus.port_lost true", "bus.port_lost false"}) {
			t.Errorf("told %q", got)
		}
		if err := <-send(t.Context(), l, urgent(1)); err != nil {
			t.Error(err)
		}
		if s := r.Stats(); s.Reopens != 0 || !s.Open {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPortThatAnotherProgramHoldsIsACondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		port := newFake()
		r.swap(nil, lockedError{})
		_ = r.port.Close()
		time.Sleep(5 * time.Second)
		r.swap(port, nil)
		time.Sleep(2 * time.Second)
		want := []string{"bus.port_lost true", "bus.port_lost false", "bus.locked true", "bus.locked false"}
		if got := r.told(); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestThePortIsLostUnderAFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		asked, next := send(t.Context(), l, query(1, time.Minute)), send(t.Context(), l, normal(2))
		began := time.Now()
		_ = r.port.Close()
		for _, end := range []chan error{asked, next} {
			if err := <-end; fault.Of(err) != fault.PortLost || time.Since(began) != 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
	})
}

// An idle port costs two reads a second, and one that is gone none.
func TestPromise39_APortCostsNoTimeWhileItIsIdleOrAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		time.Sleep(time.Minute)
		if n := r.port.looked(); n > 2*60+1 {
			t.Errorf("%d reads in an idle minute", n)
		}
		r.swap(nil, errors.New("gone"))
		_ = r.port.Close()
		time.Sleep(time.Minute)
		if n := r.port.looked(); n > 1 || len(r.opened()) > 40 {
			t.Errorf("%d reads and %d attempts to open in a minute without a port", n, len(r.opened()))
		}
	})
}

func TestAPortThatTakesNoBytesIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		first, next := r.port, newFake()
		first.set(func() { first.stalled = true })
		began := time.Now()
		stuck := send(t.Context(), l, normal(1))
		r.swap(next, nil)
		err := <-stuck
		if fault.Of(err) != fault.PortLost || time.Since(began) != 500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		select {
		case <-first.shut:
		default:
			t.Error("the port was not closed")
		}
		time.Sleep(200 * time.Millisecond)
		if err := <-send(t.Context(), l, normal(2)); err != nil {
			t.Error(err)
		}
		want := []string{"bus.write_stalled true", "bus.write_stalled false"}
		if got := r.told(); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if s := r.Stats(); s.Stalls != 1 || s.Reopens != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A port that was up for a while is tried again soon; one that comes and goes is not
// tried ten times a second for ever.
func TestBackOffStartsAnewAfterAGoodLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *rig) { r.openErr = errors.New("no such file") })
		port := r.port
		time.Sleep(time.Minute) // by now 2 s between attempts
		r.swap(port, nil)
		time.Sleep(time.Minute)
		lost := time.Now()
		r.swap(newFake(), nil)
		_ = port.Close()
		time.Sleep(time.Second)
		at := r.opened()
		if again := at[len(at)-1].Sub(lost); again != 100*time.Millisecond {
			t.Errorf("tried again after %v", again)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *rig) { _ = r.port.Close() }) // opens, and is lost at once
		time.Sleep(time.Minute)
		if n := len(r.opened()); n > 40 {
			t.Errorf("opened %d times in a minute", n)
		}
	})
}

// nothing is a port whose Read breaks the rules of io.Reader.
type nothing struct{ *fake }

func (n nothing) Read([]byte) (int, error) {
	n.set(func() { n.reads++ })
	return 0, nil
}

func TestAReadThatReturnsNothingIsALostPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, func(r *rig) { r.wrap = func(f *fake) bus.Port { return nothing{f} } })
		time.Sleep(10 * time.Second)
		if n := r.port.looked(); n > 20 {
			t.Errorf("%d reads in 10 s", n)
		}
		if got := r.told(); len(got) == 0 || got[0] != "bus.port_lost true" {
			t.Errorf("told %q", got)
		}
	})
}
