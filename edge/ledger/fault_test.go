package ledger

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

func (d *memFS) set(f func()) { d.mu.Lock(); defer d.mu.Unlock(); f() }

// A disk that stalls: the intent is refused after 250 ms. When it becomes durable
// after all, it is closed, not left open; the order stays refused for ever.
func TestLateIntentIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		r := start(t, d)
		gate := make(chan struct{})
		d.set(func() { d.stall = gate })
		o := order("op-1", 1)
		r.fresh(o)
		began := time.Now()
		err := r.Intent(t.Context(), o, []string{"horn-1"})
		if !errors.Is(err, ErrStorage) {
			t.Fatalf("stalled disk: %v", err)
		}
		if took := time.Since(began); took != intentTime {
			t.Errorf("refused after %v, want %v", took, intentTime)
		}
		r.close(o, "horn-1")
		// The next one need not find out for itself: an emergency behind it must not
		// wait for every order in front.
		second := order("op-1", 2)
		r.fresh(second)
		began = time.Now()
		if err := r.Intent(t.Context(), second, []string{"horn-1"}); !errors.Is(err, ErrStorage) || time.Since(began) > 0 {
			t.Errorf("the disk still stalls: %v after %v", err, time.Since(began))
		}
		d.set(func() { d.stall = nil })
		close(gate)
		synctest.Wait()
		time.Sleep(behind)
		synctest.Wait()
		next := start(t, d.copyOf())
		if left := next.Recover(); len(left) != 0 {
			t.Errorf("the refused order is open: %+v", left)
		}
		if v, _ := next.Admit(o, true); v != Repeat {
			t.Errorf("the refused order is %v after a restart", v)
		}
		if v, _ := next.Admit(second, true); v != Fresh {
			t.Errorf("the order that was refused before it was written is %v after a restart", v)
		}
		next.halt()
		r.halt()
	})
}

// An emergency that had to act without a durable intent is remembered as soon as the
// disk is back.
func TestUnledgeredEmergencyIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		r := start(t, d)
		d.set(func() { d.failSync = 1 })
		o := order("op-1", 1)
		o.Priority = wire.Emergency
		r.fresh(o)
		if err := r.Intent(t.Context(), o, []string{"horn-1"}); !errors.Is(err, ErrStorage) {
			t.Fatalf("failing disk: %v", err)
		}
		if err := r.Begin(t.Context(), o, "horn-1"); err != nil {
			t.Errorf("an unledgered order must begin at once: %v", err)
		}
		time.Sleep(minRetry + behind)
		synctest.Wait()
		next := start(t, d.copyOf())
		if v, _ := next.Admit(o, true); v != Repeat || len(next.Recover()) != 0 {
			t.Errorf("after the restart it is %v", v)
		}
		next.halt()
		r.halt()
	})
}

// A failed sync: that descriptor is never synced again, a new file is written from
// RAM, and nothing that was promised before is lost.
func TestFailedSyncIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		var told []bool
		r := startWith(t, Options{FS: d, geometry: small(), Notice: func(failing bool, _ string) { told = append(told, failing) }})
		for n := uint64(1); n <= 50; n++ {
			r.intent(order("op-1", n), "horn-1")
		}
		d.set(func() { d.failSync = 3 })
		bad := order("op-1", 51)
		r.fresh(bad)
		if err := r.Intent(t.Context(), bad, []string{"horn-1"}); !errors.Is(err, ErrStorage) {
			t.Fatalf("failing disk: %v", err)
		}
		began := time.Now()
		again := order("op-1", 52)
		r.fresh(again)
		if err := r.Intent(t.Context(), again, []string{"horn-1"}); !errors.Is(err, ErrStorage) || time.Since(began) > 0 {
			t.Errorf("while it fails: %v after %v, want ErrStorage at once", err, time.Since(began))
		}
		time.Sleep(8 * minRetry)
		synctest.Wait()
		r.intent(order("op-1", 53), "horn-1")
		if d.misused {
			t.Error("a descriptor was synced again after its sync had failed")
		}
		if len(told) != 2 || !told[0] || told[1] {
			t.Errorf("notices %v, want failing, then not", told)
		}
		next := start(t, d.copyOf())
		for n := uint64(1); n <= 53; n++ {
			want := Repeat
			if n == 52 {
				want = Fresh // refused before anything was written
			}
			if v, _ := next.Admit(order("op-1", n), true); v != want {
				t.Errorf("order %d is %v, want %v", n, v, want)
			}
		}
		if left := next.Recover(); len(left) != 51 {
			t.Errorf("%d open entries, want 51", len(left))
		}
		next.halt()
		r.halt()
	})
}

// Without a disk it starts, remembers in RAM, refuses intents; when the disk comes it
// reads what is there and goes on.
func TestDiskComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		first := start(t, d)
		first.intent(order("op-1", 1), "horn-1")
		first.halt()
		d.set(func() { d.missing = fs.ErrPermission })
		r := start(t, d)
		o := order("op-1", 2)
		r.fresh(o)
		if err := r.Intent(t.Context(), o, []string{"horn-1"}); !errors.Is(err, ErrStorage) {
			t.Fatalf("no disk: %v", err)
		}
		if err := r.Sync(t.Context()); !errors.Is(err, ErrStorage) {
			t.Errorf("sync without a disk: %v", err)
		}
		if len(r.Recover()) != 0 {
			t.Error("recovered something from no disk")
		}
		d.set(func() { d.missing = nil })
		time.Sleep(minRetry)
		synctest.Wait()
		r.intent(order("op-1", 3), "horn-1")
		if got := r.Recover(); len(got) != 1 || got[0].Order.ID != "op-1-1" {
			t.Errorf("recovered %+v", got)
		}
		if v, _ := r.Admit(order("op-1", 1), true); v != Repeat {
			t.Errorf("the order of the run before is %v", v)
		}
		r.halt()
	})
}

// What is written behind is on disk within 200 ms, and shares one sync.
func TestWrittenBehindWithin200ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		r := start(t, d)
		synctest.Wait()
		before := d.syncs
		for n := uint64(1); n <= 100; n++ {
			o := order("op-1", n)
			r.fresh(o)
			r.Seq(o)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(200*time.Millisecond - time.Millisecond)
		synctest.Wait()
		if n := d.syncs - before; n < 1 || n > 3 {
			t.Errorf("%d syncs for 100 orders in 100 ms, want 1–3", n)
		}
		next := start(t, d.copyOf())
		if v, _ := next.Admit(order("op-1", 100), true); v != Repeat {
			t.Errorf("200 ms later the last one is %v", v)
		}
		next.halt()
		r.halt()
	})
}

// Nothing is written while nothing happens (promises row 8: wear).
func TestPromise08_IdleWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newMem()
		r := start(t, d)
		r.intent(order("op-1", 1), "horn-1")
		synctest.Wait()
		before := d.syncs
		time.Sleep(time.Hour)
		synctest.Wait()
		if d.syncs != before {
			t.Errorf("%d syncs in an idle hour", d.syncs-before)
		}
		r.halt()
	})
}

// A file of a newer format is refused and left as it is.
func TestPromise07_NewerFormatIsLeftAlone(t *testing.T) {
	d := newMem()
	start(t, d).halt()
	d.files[fileName].data[9] = version + 1
	before := string(d.files[fileName].data)
	if _, err := Open(context.Background(), Options{FS: d, Dir: "x", geometry: small()}); !errors.Is(err, ErrNewer) {
		t.Fatalf("newer format: %v", err)
	}
	if string(d.files[fileName].data) != before || len(d.files) != 1 {
		t.Error("the file was touched")
	}
}

// A file in which nothing verifies is set aside, and told of.
func TestRuinIsSetAside(t *testing.T) {
	d := newMem()
	start(t, d).halt()
	clear(d.files[fileName].data)
	told := 0
	r := startWith(t, Options{FS: d, geometry: small(), Notice: func(bool, string) { told++ }})
	r.intent(order("op-1", 1), "horn-1")
	if told == 0 || d.files[damagedName] == nil {
		t.Errorf("told %d times, files %v", told, d.files)
	}
}

// Orders that are never finished do not fill the disk: at some point no more are
// taken, and it goes on when some are.
func TestOpenOrdersAreBounded(t *testing.T) {
	d := newMem()
	r := startWith(t, Options{FS: d})
	var n uint64
	for n = 1; ; n++ {
		o := order("op-1", n)
		o.Args = &wire.SayArgs{Text: strings.Repeat("市", 3000)}
		r.fresh(o)
		err := r.Intent(t.Context(), o, []string{"horn-1"})
		if errors.Is(err, fault.Full) {
			break
		}
		if err != nil || n > 1000 {
			t.Fatalf("order %d: %v", n, err)
		}
	}
	first := order("op-1", 1)
	r.close(first, "horn-1")
	r.Journalled(first, "horn-1")
	r.intent(order("op-1", n+1), "horn-1")
}

// What no record can hold is the caller's mistake, not the disk's.
func TestIntentBounds(t *testing.T) {
	r := start(t, newMem())
	o := order("op-1", 1)
	if err := r.Intent(t.Context(), o, []string{"horn-1"}); !errors.Is(err, fault.BadInput) {
		t.Errorf("not admitted: %v", err)
	}
	r.fresh(o)
	if err := r.Intent(t.Context(), o, nil); !errors.Is(err, fault.BadInput) {
		t.Errorf("no devices: %v", err)
	}
	if err := r.Intent(t.Context(), o, make([]string, maxDevices+1)); !errors.Is(err, fault.BadInput) {
		t.Errorf("too many devices: %v", err)
	}
	if err := r.Intent(t.Context(), o, []string{"horn-1"}); err != nil {
		t.Error(err)
	}
	if err := r.Intent(t.Context(), o, []string{"horn-1"}); !errors.Is(err, fault.BadInput) {
		t.Errorf("second intent: %v", err)
	}
}
