package bus_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
)

// A query of 100 ms holds the wire for at most 7.29 + 100 + 10 ms.
func TestNoQueryStartsShortlyBeforeALeaseEnds(t *testing.T) {
	const lease = time.Second
	for _, c := range []struct {
		name  string
		lease time.Duration
		ask   time.Duration // when the query is queued
		start time.Duration // when it is on the wire
	}{
		{"long before", lease, 700 * time.Millisecond, 700 * time.Millisecond},
		{"could still be under way at 850 ms", lease, 740 * time.Millisecond, 1050 * time.Millisecond},
		{"inside the window", lease, 900 * time.Millisecond, 1050 * time.Millisecond},
		{"between the end and its stop", lease, 1010 * time.Millisecond, 1050 * time.Millisecond},
		{"after", lease, 1060 * time.Millisecond, 1060 * time.Millisecond},
		{"a quarter of a short lease", 200 * time.Millisecond, 30 * time.Millisecond, 30 * time.Millisecond},
		{"a quarter of a short lease, too late", 200 * time.Millisecond, 40 * time.Millisecond, 250 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				l := r.Attach("dome-2", bus.Options{Reply: 100 * time.Millisecond})
				began := time.Now()
				r.Reserve("dome-1", began.Add(c.lease), c.lease)
				time.Sleep(c.ask)
				<-send(t.Context(), l, query(1, 0))
				if _, at := order(r.port, began); at[0] != c.start {
					t.Errorf("started at %v, want %v", at[0], c.start)
				}
			})
		})
	}
}

func TestALeaseHoldsBackQueriesAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		one, two := r.Attach("dome-1", bus.Options{}), r.Attach("dome-2", bus.Options{})
		began := time.Now()
		r.Reserve("dome-3", began.Add(100*time.Millisecond), time.Second)
		ends := []chan error{
			send(t.Context(), one, query(1, 0)),  // held back
			send(t.Context(), one, normal(2)),    // must not overtake its own device's query
			send(t.Context(), two, normal(3)),    // passes
			send(t.Context(), two, urgent(4)),    // passes first
			send(t.Context(), two, query(5, 10)), // held back behind the first
		}
		for _, end := range ends {
			<-end
		}
		if who, _ := order(r.port, began); !slices.Equal(who, []byte{3, 4, 1, 2, 5}) {
			t.Errorf("order % X", who)
		}
	})
}

func TestReleaseAndRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-2", bus.Options{Reply: 100 * time.Millisecond})
		began := time.Now()
		r.Reserve("dome-1", began.Add(200*time.Millisecond), time.Second)
		asked := send(t.Context(), l, query(1, 0))
		time.Sleep(30 * time.Millisecond)
		r.Release("dome-1")
		<-asked
		r.Reserve("dome-1", time.Now().Add(100*time.Millisecond), time.Second)
		renewed := time.Now()
		asked = send(t.Context(), l, query(2, 0))
		time.Sleep(20 * time.Millisecond)
		r.Reserve("dome-1", time.Now().Add(time.Second), time.Second)
		<-asked
		_, at := order(r.port, began)
		if at[0] != 30*time.Millisecond || at[1] != renewed.Sub(began)+20*time.Millisecond {
			t.Errorf("started at %v", at)
		}
	})
}
