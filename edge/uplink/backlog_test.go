package uplink

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"fuqiao/edged/edge/journal"
)

// slowConn carries so many bytes per second, each piece a moment later.
type slowConn struct {
	net.Conn
	perSecond int
}

func (c slowConn) Write(b []byte) (int, error) {
	time.Sleep(60*time.Millisecond/2 + time.Duration(len(b))*time.Second/time.Duration(c.perSecond))
	return c.Conn.Write(b)
}

// TestPromise10_LiveAlarmPassesTheBacklog drains an hour of backlog, 360 events with a
// picture of 40 KiB each, over 1 Mbit/s. Alarms that are produced meanwhile arrive within a
// second, are not marked; the backlog is, comes in the order of its numbers, and is all
// there at the end.
func TestPromise10_LiveAlarmPassesTheBacklog(t *testing.T) {
	a := &album{size: map[string]int{}}
	for i := 1; i <= 360; i++ {
		a.size[fmt.Sprintf("p%03d", i)] = 40 << 10
	}
	slow := func(c *Config) {
		withAlbum(a, ByBroker)(c)
		dial := c.Dial
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return slowConn{conn, 1e6 / 8}, nil
		}
	}
	inBubble(t, slow, func(t *testing.T, r *rig) {
		r.s.away(true)
		for i := 1; i <= 360; i++ {
			r.j.add(oldRun, journal.Media, fmt.Sprintf("p%03d", i))
			r.j.add(oldRun, "event", pad(i, 300))
		}
		time.Sleep(time.Minute)
		r.s.away(false)
		time.Sleep(30 * time.Second)
		var waits []time.Duration
		for n := 1000; r.j.open() > 0; n++ {
			began := time.Now()
			r.j.add(testRun, "alarm", pad(n, 300))
			for r.s.times(t)[n] == 0 {
				if time.Since(began) > 10*time.Second {
					t.Fatalf("alarm %d has not come", n)
				}
				time.Sleep(5 * time.Millisecond)
			}
			waits = append(waits, time.Since(began))
			time.Sleep(5 * time.Second)
		}
		if len(waits) < 20 {
			t.Fatalf("only %d alarms met the backlog", len(waits))
		}
		slices.Sort(waits)
		if worst := waits[len(waits)-1]; worst > time.Second {
			t.Errorf("an alarm took %v", worst)
		}
		last := 0
		for _, rec := range r.s.records(t) {
			if rec.Historical != (rec.N <= 360) {
				t.Fatalf("record %d: historical %v", rec.N, rec.Historical)
			}
			if rec.Historical {
				if rec.N < last {
					t.Fatalf("record %d came behind %d", rec.N, last)
				}
				last = rec.N
			}
		}
		if last != 360 || a.now().done != 360 {
			t.Errorf("the backlog ends at %d, %d pictures came whole", last, a.now().done)
		}
		t.Logf("%d alarms: half within %v, the slowest %v", len(waits), waits[len(waits)/2], waits[len(waits)-1])
	})
}
