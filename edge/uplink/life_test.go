package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestCap(t *testing.T) {
	for _, c := range []struct{ least, since, want time.Duration }{
		{0, 0, 5 * time.Second},
		{0, 4 * time.Second, 5 * time.Second},
		{0, 17 * time.Second, 17 * time.Second},
		{0, time.Hour, time.Minute},
		{200 * time.Millisecond, 0, 200 * time.Millisecond},
		{200 * time.Millisecond, time.Second, 200 * time.Millisecond},
		{time.Hour, 0, time.Minute},
	} {
		if got := Cap(c.least, c.since); got != c.want {
			t.Errorf("least %v, since %v: %v, want %v", c.least, c.since, got, c.want)
		}
	}
}

// Gateways lose their broker: those of a short outage are back soon, those of a long one
// come back spread out, and at no moment does a crowd connect.
func TestPromise13_AStreetComesBack(t *testing.T) {
	for _, c := range []struct {
		n            int
		away         time.Duration
		most, spread time.Duration
		crowd        int // connects in any 100 ms after its return
	}{
		{200, 5 * time.Second, 15 * time.Second, 2 * time.Second, 20},
		{200, 10 * time.Minute, time.Minute, 30 * time.Second, 20},
		{1000, 5 * time.Second, 15 * time.Second, 2 * time.Second, 100},
		{1000, 10 * time.Minute, time.Minute, 30 * time.Second, 25},
	} {
		t.Run(fmt.Sprintf("%d after %v", c.n, c.away), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, knocks := comeBack(t, c.n, c.away)
				var last, soonest time.Duration = 0, time.Hour
				connects := map[int]int{}
				for _, d := range first {
					last, soonest = max(last, d), min(soonest, d)
					connects[int(d/(100*time.Millisecond))]++
				}
				if len(first) != c.n || last > c.most || last-soonest < c.spread {
					t.Errorf("%d of %d came back between %v and %v", len(first), c.n, soonest, last)
				}
				for at, n := range connects {
					if n > c.crowd {
						t.Errorf("%d connects within 100 ms, %v after its return", n, time.Duration(at)*100*time.Millisecond)
					}
				}
				for at, n := range knocks { // who is still away does not knock in step with the others
					if n > c.n/8 && time.Duration(at)*100*time.Millisecond > time.Second {
						t.Errorf("%d attempts of %d within 100 ms, %v after the break", n, c.n, time.Duration(at)*100*time.Millisecond)
					}
				}
			})
		})
	}
}

// TestPromise13_Waits: each wait is evenly spread between nothing and the cap.
func TestPromise13_Waits(t *testing.T) {
	for _, since := range []time.Duration{0, 20 * time.Second, time.Hour} {
		most := Cap(0, since)
		var tenths [10]int
		for range 1000 {
			w := wait(0, since, rand.Float64)
			if w < 0 || w >= most {
				t.Fatalf("%v after %v, the cap is %v", w, since, most)
			}
			tenths[int(10*w/most)]++
		}
		for i, n := range tenths {
			if n < 50 || n > 160 { // 100 ± 9.5: six sigmas
				t.Errorf("after %v: %d of 1000 waits in tenth %d of %v", since, n, i, most)
			}
		}
	}
}

// TestPromise14_BrokerLosesTheSession: a broker that comes back without any memory of us
// has our subscriptions, presence, inventory and states again within 5 s of the connect.
func TestPromise14_BrokerLosesTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		now := s
		var mu sync.Mutex
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			return now.dial(ctx, network, address)
		}
		r := newRig(s, func(c *Config) {
			c.Dial = dial
			c.Inventory = func() ([]byte, [][]byte) { return []byte("index"), [][]byte{[]byte("part")} }
		}).run(t.Context())
		if err := r.SetState("dome", []byte("at rest")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		fresh := newStreet(t)
		mu.Lock()
		now = fresh
		mu.Unlock()
		s.away(true)
		for !r.Online() || r.Stats().Sessions < 2 {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		for topic, want := range map[string]string{"presence": "online", "inventory": "index", "inventory/1": "part", "state/dome": "at rest"} {
			if got := fresh.retained("fuqiao/v1/gw-1/" + topic); !strings.HasPrefix(got, want) {
				t.Errorf("%s is %q", topic, got)
			}
		}
		for _, f := range []string{"fuqiao/v1/gw-1/command", "fuqiao/v1/gw-1/stop", "fuqiao/v1/group/market/command", "fuqiao/v1/gw-1/session/+"} {
			if _, ok := fresh.granted(f); !ok {
				t.Errorf("not subscribed to %s", f)
			}
		}
		fresh.stop()
		r.end()
	})
}

// comeBack runs n uplinks whose broker cannot be reached for a while, and returns when
// each knocked first after its return, and how many knocked in each 100 ms.
func comeBack(t *testing.T, n int, away time.Duration) (first map[int]time.Duration, knocks map[int]int) {
	began := time.Now()
	first, knocks = map[int]time.Duration{}, map[int]int{}
	var mu sync.Mutex
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range n {
		dial := func(context.Context, string, string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			at := time.Since(began)
			knocks[int(at/(100*time.Millisecond))]++
			if _, seen := first[i]; at >= away && !seen {
				first[i] = at - away
			}
			return nil, errors.New("no route")
		}
		u := newRig(nil, func(c *Config) { c.Dial, c.Random = dial, nil })
		all.Go(func() { _ = u.Run(ctx) })
	}
	time.Sleep(away + 2*time.Minute)
	cancel()
	all.Wait()
	return first, knocks
}

// A link that flaps does not bring the cap down: the sessions are too short to count.
func TestPromise13_FlappingLinkWaitsLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(newStreet(t), func(c *Config) { c.Random = func() float64 { return 0.999 } }).run(t.Context())
		for range 600 {
			time.Sleep(time.Second)
			r.s.cut() // every session lasts a second at most
		}
		before := r.Stats().Session
		for range 600 {
			time.Sleep(time.Second)
			r.s.cut()
		}
		if n := r.Stats().Session - before; n < 9 || n > 11 {
			t.Errorf("%d attempts in 10 min of flapping, want one a minute", n)
		}
		time.Sleep(3 * time.Minute) // a good session at last
		before = r.Stats().Session
		r.s.cut()
		time.Sleep(6 * time.Second)
		if n := r.Stats().Session - before; n != 1 || !r.Online() {
			t.Errorf("%d attempts in 6 s after a good session, online %v", n, r.Online())
		}
		r.end()
	})
}

// What stands in the way is raised with its reason, and cleared when it is gone;
// meanwhile nothing is lost.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := errors.New("uplink.ca: open ca.pem: no such file")
		s := newStreet(t)
		r := newRig(s, func(c *Config) {
			c.Broker = "mqtts://broker.example"
			c.TLS = func() (*tls.Config, error) { return nil, fail }
		}).run(t.Context())
		time.Sleep(time.Minute)
		for _, code := range []string{condTLS, condOffline} {
			if d, ok := r.n.get(code); !ok || !strings.Contains(d, "ca.pem") {
				t.Errorf("%s: %q %v", code, d, ok)
			}
		}
		r.stop()
		<-r.ended
		s.away(true)
		r = newRig(s, nil).run(t.Context())
		r.j.add(testRun, "alarm", `{"n":1}`)
		time.Sleep(time.Hour)
		if d, ok := r.n.get(condOffline); !ok || !strings.Contains(d, "no route") || r.Stats().Reason != d {
			t.Errorf("%q %v", d, ok)
		}
		s.away(false)
		time.Sleep(time.Minute)
		if len(r.n.all()) != 0 || r.j.open() != 0 || !r.Online() {
			t.Errorf("%v, %d open", r.n.all(), r.j.open())
		}
		r.end()
	})
}

// At the end the last results are sent, the gateway says that it is off, and the will
// is not published.
func TestFarewell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(newStreet(t), nil).run(t.Context())
		time.Sleep(time.Second)
		for i := range 40 {
			r.j.add(testRun, "result", fmt.Sprintf(`{"n":%d}`, i))
		}
		began := time.Now()
		r.stop()
		<-r.ended
		if d := time.Since(began); d > 500*time.Millisecond {
			t.Errorf("took %v", d)
		}
		if r.j.open() != 0 {
			t.Errorf("%d results left", r.j.open())
		}
		if p := r.s.retained("fuqiao/v1/gw-1/presence"); p != "offline 00000000000000a1 1" {
			t.Errorf("presence %q", p)
		}
		if got := r.s.on("fuqiao/v1/gw-1/presence"); len(got) != 2 || r.s.goodbyes() != 1 {
			t.Errorf("presences %q, goodbyes %d", got, r.s.goodbyes())
		}
		r.s.stop()
	})
}

// A broker that acknowledges nothing, or takes nothing, delays the end by Drain and a
// second at most; what was not acknowledged stays in the journal.
func TestFarewellToADeafBroker(t *testing.T) {
	for _, how := range []string{"acknowledges nothing", "takes nothing"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStreet(t)
				var stuck atomic.Bool
				free := make(chan struct{})
				s.noAck = func(topic string) bool {
					if stuck.Load() {
						<-free
					}
					return strings.HasSuffix(topic, "/result") || strings.HasSuffix(topic, "/presence")
				}
				r := newRig(s, nil).run(t.Context())
				time.Sleep(time.Second)
				stuck.Store(how == "takes nothing")
				for i := range 50 {
					r.j.add(testRun, "result", fmt.Sprintf(`{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", 3000)))
				}
				time.Sleep(time.Second)
				began := time.Now()
				r.stop()
				<-r.ended
				if d := time.Since(began); d > defaultDrain+time.Second {
					t.Errorf("took %v", d)
				}
				if r.j.open() != 50 {
					t.Errorf("%d open", r.j.open())
				}
				close(free)
				s.stop()
			})
		})
	}
}

// The end while nobody answers does not wait.
func TestEndWhileConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := newRig(newStreet(t), func(c *Config) { c.Dial = dial }).run(t.Context())
		time.Sleep(3 * time.Second)
		began := time.Now()
		r.stop()
		<-r.ended
		if d := time.Since(began); d != 0 {
			t.Errorf("took %v", d)
		}
		r.s.stop()
	})
}

// TestPromise35_Revoked: while the broker refuses our certificate it is asked once in 5–10
// minutes; what it says is told, everything else goes on, and when it takes us again the
// waits are the usual ones.
func TestPromise35_Revoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStreet(t)
		var refuse atomic.Bool
		refuse.Store(true)
		r := newRig(s, func(c *Config) {
			c.Random = nil
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if refuse.Load() {
					return nil, &net.OpError{Op: "remote error", Err: errors.New("tls: revoked certificate")}
				}
				return s.dial(ctx, network, address)
			}
		}).run(t.Context())
		r.j.add(testRun, "event", `{"n":1}`)
		time.Sleep(time.Hour)
		if detail, raised := r.n.get(condRevoked); !raised || !strings.Contains(detail, "revoked") {
			t.Errorf("%v %q", raised, detail)
		}
		if n := r.Stats().Session; n < 6 || n > 13 {
			t.Errorf("%d attempts in an hour", n)
		}
		refuse.Store(false)
		time.Sleep(11 * time.Minute)
		if _, raised := r.n.get(condRevoked); raised || !r.Online() || r.j.open() != 0 {
			t.Errorf("raised %v, online %v, %d open", raised, r.Online(), r.j.open())
		}
		r.s.cut()
		time.Sleep(20 * time.Second)
		if !r.Online() {
			t.Error("the long wait is still there")
		}
		r.end()
	})
}
