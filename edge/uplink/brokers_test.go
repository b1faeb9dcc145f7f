package uplink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// two are two brokers behind one dialer.
type two struct {
	first, second *street
	knocks        atomic.Int64 // at the first
}

func (b *two) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "127.0.0.1:") {
		b.knocks.Add(1)
		return b.first.dial(ctx, network, address)
	}
	return b.second.dial(ctx, network, address)
}

// withTwo is an uplink with a first broker and another one.
func withTwo(t *testing.T) (*two, *rig) {
	b := &two{first: newStreet(t), second: newStreet(t)}
	r := newRig(b.first, func(c *Config) {
		c.Dial, c.Fallback = b.dial, []string{"mqtt://[::1]:1883"}
		c.Go = func(_ string, run func(context.Context) error) { go func() { _ = run(t.Context()) }() }
	})
	return b, r
}

// TestFallback: where the first broker cannot be had the next one is taken at once; what is
// kept arrives there; when the first is back for a while so are we, and no record is lost
// on the way.
func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := withTwo(t)
		r.run(t.Context())
		time.Sleep(2 * time.Minute)
		if st := r.Stats(); st.Broker != "mqtt://127.0.0.1" {
			t.Fatalf("%+v", st)
		}
		b.first.away(true)
		time.Sleep(6 * time.Second)
		if st := r.Stats(); !st.Connected || st.Broker != "mqtt://[::1]:1883" {
			t.Fatalf("6 s after the first went: %+v", st)
		}
		made := 0
		add := func() { made++; r.j.add(testRun, "event", fmt.Sprintf(`{"n":%d}`, made)) }
		knocks := b.knocks.Load()
		for range 60 {
			add()
			time.Sleep(time.Minute)
		}
		if n := b.knocks.Load() - knocks; n > 20 || n < 5 {
			t.Errorf("%d looks for the first broker in an hour", n)
		}
		b.first.away(false)
		for range 30 {
			add()
			time.Sleep(time.Minute)
		}
		if st := r.Stats(); !st.Connected || st.Broker != "mqtt://127.0.0.1" {
			t.Errorf("30 min after the first came back: %+v", st)
		}
		got := map[int]int{}
		for _, s := range []*street{b.first, b.second} {
			for n, times := range s.times(t) {
				got[n] += times
			}
		}
		if len(got) != made || r.j.open() != 0 {
			t.Errorf("%d of %d records came, %d are open", len(got), made, r.j.open())
		}
		again := 0
		for _, n := range got {
			again += n - 1
		}
		if again > 2 {
			t.Errorf("%d records came again", again)
		}
		sessions := r.Stats().Sessions
		time.Sleep(time.Hour)
		if n := r.Stats().Sessions; n != sessions {
			t.Errorf("%d more sessions while all is well", n-sessions)
		}
		b.second.stop()
		r.end()
	})
}

// TestBrokerThatThrowsOut: a first broker that takes us and throws us out again at once does
// not keep us from the next one; and one that can only be connected to is tried ever less
// often.
func TestBrokerThatThrowsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, r := withTwo(t)
		b.first.refuse = func(filter string) bool { return true } // SUBACK 0x80
		r.run(t.Context())
		time.Sleep(10 * time.Second)
		if st := r.Stats(); !st.Connected || st.Broker != "mqtt://[::1]:1883" {
			t.Fatalf("%+v", st)
		}
		var hours []uint64
		for range 4 {
			before := r.Stats().Session
			time.Sleep(time.Hour)
			hours = append(hours, r.Stats().Session-before)
		}
		if !r.Online() || hours[3] > 5 || hours[0] > 16 {
			t.Errorf("attempts by the hour: %v", hours)
		}
		b.second.stop()
		r.end()
	})
}

// TestNoBrokerAtAll: with two addresses and none of them there, the wait is between rounds.
func TestNoBrokerAtAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var at []time.Duration
		began := time.Now()
		r := newRig(newStreet(t), func(c *Config) {
			c.Fallback = []string{"mqtt://[::1]:1883"}
			c.Random = func() float64 { return 0.5 }
			c.Dial = func(context.Context, string, string) (net.Conn, error) {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Since(began))
				return nil, errors.New("no route")
			}
		}).run(t.Context())
		time.Sleep(6 * time.Second)
		want := []time.Duration{0, 0, 2500 * time.Millisecond, 2500 * time.Millisecond, 5 * time.Second, 5 * time.Second}
		mu.Lock()
		if !slices.Equal(at, want) {
			t.Errorf("attempts at %v, want %v", at, want)
		}
		mu.Unlock()
		r.end()
	})
}
