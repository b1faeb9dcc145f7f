package bus_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

func TestUrgentOvertakesAllThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		ends := []chan error{send(t.Context(), l, normal(1)), send(t.Context(), l, normal(2)), send(t.Context(), l, normal(3)), send(t.Context(), l, urgent(9))}
		for _, end := range ends {
			if err := <-end; err != nil {
				t.Error(err)
			}
		}
		// 1 was on the wire already; 7 bytes are never cut.
		if who, _ := order(r.port, began); !slices.Equal(who, []byte{1, 9, 2, 3}) {
			t.Errorf("order % X", who)
		}
	})
}

// n domes stop three times each: every dome has its first stop before any has its
// second.
func TestStopsOfManyDomesInterleave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		var ends []chan error
		for dome := range byte(5) {
			l := r.Attach(fmt.Sprint("dome-", dome), bus.Options{})
			ends = append(ends, beside(func() error {
				for range 3 {
					if _, err := l.Exchange(t.Context(), urgent(dome)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		for _, end := range ends {
			if err := <-end; err != nil {
				t.Error(err)
			}
		}
		who, _ := order(r.port, time.Now())
		for round := range 3 {
			five := slices.Clone(who[5*round : 5*round+5])
			slices.Sort(five)
			if !slices.Equal(five, []byte{0, 1, 2, 3, 4}) {
				t.Errorf("round %d on the wire: % X", round+1, who)
			}
		}
	})
}

func TestUrgentCutsTheReplyWaitOfANormalFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		asked := send(t.Context(), l, query(1, time.Second))
		time.Sleep(50 * time.Millisecond)
		stop := send(t.Context(), l, urgent(9))
		wantErr(t, <-asked, fault.NoReply, line.Cut{})
		if err := <-stop; err != nil {
			t.Error(err)
		}
		who, at := order(r.port, began)
		if !slices.Equal(who, []byte{1, 9}) || at[1] != 50*time.Millisecond {
			t.Errorf("order % X at %v", who, at)
		}
		if s := r.Stats(); s.Cuts != 1 || s.Timeouts != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestUrgentDoesNotCutAnUrgentReplyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("chip", bus.Options{})
		asked := query(1, 100*time.Millisecond)
		asked.Urgent = true
		first := send(t.Context(), l, asked)
		second := send(t.Context(), l, urgent(2))
		if err := <-first; fault.Of(err) != fault.NoReply {
			t.Error(err)
		}
		wantErr(t, <-second)
		if s := r.Stats(); s.Cuts != 0 || s.Timeouts != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// A long text on its way (206 bytes, 215 ms) gives way to a stop; one that is
// nearly out does not.
func TestUrgentTakesALongFrameOffTheWire(t *testing.T) {
	for _, c := range []struct {
		name     string
		after    time.Duration
		cut      bool
		stopFrom time.Duration
	}{
		// Cut at 20 ms: 16 characters from the UART's own buffer, then the gap.
		{"early", 20 * time.Millisecond, true, 20*time.Millisecond + 16*10*time.Second/9600 + 10*time.Millisecond},
		{"late", 150 * time.Millisecond, false, 206*10*time.Second/9600 + 10*time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				l := r.Attach("chip", bus.Options{})
				began := time.Now()
				text := send(t.Context(), l, line.Frame{Write: make([]byte, 206)})
				time.Sleep(c.after)
				stop := send(t.Context(), l, urgent(9))
				if err := <-text; c.cut {
					wantErr(t, err, fault.NoReply, line.Cut{})
				} else if err != nil {
					t.Error(err)
				}
				<-stop
				_, at := order(r.port, began)
				if len(at) != 2 || at[1] != c.stopFrom {
					t.Errorf("written at %v, want the stop at %v", at, c.stopFrom)
				}
				if (len(r.port.discards) == 1) != c.cut {
					t.Errorf("%d discards", len(r.port.discards))
				}
			})
		})
	}
}
