package journal

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestTimeToLive: records of a class that is not to be kept for longer than a day are given
// up after it, to an eighth and no sooner, with gap records to the message; those of the
// other classes stay, and a restart neither forgets nor adds an age.
func TestTimeToLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		o := small(fs, "a")
		o.Classes = map[Class]Share{Event: {TTL: 24 * time.Hour}}
		o.Trusted = func() bool { return true }
		r := start(t, o)
		for i := range 30 {
			r.put(Event, rec(fmt.Sprint(i), 900))
			r.put(Alarm, rec(fmt.Sprint(i), 900))
			time.Sleep(time.Hour)
			if i < 24 && len(all(t, r.Journal, Event)) != i+1 {
				t.Fatalf("after %d h: %v", i+1, ids(all(t, r.Journal, Event)))
			}
		}
		r.close()
		time.Sleep(1000 * time.Hour) // in a store
		o.Run = "run-b"
		r = start(t, o)
		if got := all(t, r.Journal, Event); len(got) < 23 || got[len(got)-1].ID.Seq != 30 {
			t.Fatalf("a box that lay in a store: %v", ids(got))
		}
		time.Sleep(3 * time.Hour)
		if got := all(t, r.Journal, Event); len(got) < 20 || len(got) > 25 {
			t.Fatalf("3 h later: %v", ids(got))
		}
		time.Sleep(25 * time.Hour)
		if got := all(t, r.Journal, Event); len(got) != 0 {
			t.Fatalf("28 h later: %v", ids(got))
		}
		if got := readBooks(t, r.Journal).accounted("run-a", Event); got.count(Range{1, 30}) != 30 || len(all(t, r.Journal, Alarm)) != 30 {
			t.Fatal(got)
		}
		if r.raised("journal.dropped") {
			t.Error("what is too old is an alarm")
		}
		r.close()
	})
}

// TestPromise38_NothingExpiresInBulk: neither a clock that steps by ten years to and fro
// nor one that is not trusted makes a record old.
func TestPromise38_NothingExpiresInBulk(t *testing.T) {
	for name, trusted := range map[string]bool{"steps": true, "not trusted": false} {
		synctest.Test(t, func(t *testing.T) {
			var step time.Duration
			fs := newMemFS()
			o := small(fs, "a")
			o.Classes = map[Class]Share{Event: {TTL: 24 * time.Hour}, Result: {TTL: time.Hour}}
			o.Now = func() (time.Time, bool) { return time.Now().Add(step), true }
			o.Trusted = func() bool { return trusted }
			r := start(t, o)
			for i := range 10 {
				r.put(Event, rec(fmt.Sprint(i), 900))
				r.put(Result, rec(fmt.Sprint(i), 900))
			}
			for _, years := range []int{10, -10, 0} {
				step = time.Duration(years*365*24) * time.Hour
				time.Sleep(10 * time.Minute)
			}
			if !trusted {
				time.Sleep(100 * time.Hour)
			}
			if e, n := all(t, r.Journal, Event), all(t, r.Journal, Result); len(e) != 10 || len(n) != 10 {
				t.Errorf("%s: %d events and %d results are left", name, len(e), len(n))
			}
			r.close()
			step = 10 * 365 * 24 * time.Hour
			o.Run = "run-b"
			r = start(t, o)
			time.Sleep(10 * time.Minute)
			if e := all(t, r.Journal, Event); len(e) != 10 {
				t.Errorf("%s: %d events are left after a restart ten years later", name, len(e))
			}
			r.close()
		})
	}
}
