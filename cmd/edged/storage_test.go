package main_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/street"
)

// onDisk is a street whose daemon's state directory is on a disk that can be broken.
func onDisk(t *testing.T) (*street.Street, *kernel.Disk) {
	t.Helper()
	s := live(t, street.Options{Cold: true})
	d := kernel.NewDisk(s.State)
	s.AddHook(d)
	must(t, s.Start(within(t)))
	return s, d
}

// came is how many camera events with this id have arrived.
func came(s *street.Street, id string) (n int) {
	for _, e := range events(s, wire.TypeCamera) {
		if strings.Contains(string(e.Data), `"id":"`+id+`"`) {
			n++
		}
	}
	return n
}

// balanced waits until every record of this street has arrived or is accounted for.
func balanced(t *testing.T, s *street.Street) {
	t.Helper()
	soon(t, "balanced books", func() bool {
		for _, r := range s.Platform.Account() {
			if len(r.Lost) > 0 || r.Different > 0 {
				return false
			}
		}
		return true
	})
}

// TestPromise06_ReadOnlyRemount: the card turns read-only under the running daemon. It
// goes on with what needs no disk, an emergency speaks and says that it is unledgered, all
// else is refused; a camera is told that its event is not on disk, and the platform gets
// it from memory all the same, once. When the card is back so is everything, in the same
// process.
func TestPromise06_ReadOnlyRemount(t *testing.T) {
	t.Parallel()
	s, d := onDisk(t)
	if code, err := s.Camera.Event(within(t), "before", "motion"); code != 202 || err != nil {
		t.Fatal(code, err)
	}
	for _, nr := range []uintptr{unix.SYS_OPENAT, unix.SYS_PWRITE64, unix.SYS_FDATASYNC, unix.SYS_FSYNC, unix.SYS_FTRUNCATE, unix.SYS_RENAMEAT} {
		d.Fail(nr, unix.EROFS, 0, 0)
	}
	if code, err := s.Camera.Event(within(t), "dark", "motion"); code != 503 || err != nil {
		t.Errorf("a camera was told %d %v while the card was read-only", code, err)
	}
	soon(t, "the event from memory", func() bool { return came(s, "dark") == 1 })
	// Delivered is as good as kept: the repeat is told so and makes no second record.
	soon(t, "202 for what the platform has", func() bool {
		code, err := s.Camera.Event(within(t), "dark", "motion")
		must(t, err)
		return code == 202
	})
	if r := send(t, s, say("平常")); r.Status != wire.Rejected || r.Reason != wire.Storage {
		t.Errorf("a normal announcement: %+v", r)
	}
	o := say("紧急疏散")
	o.Priority = wire.Emergency
	if r := send(t, s, o); r.Status != wire.Done || !r.Unledgered {
		t.Errorf("an emergency: %+v", r)
	}
	if r := send(t, s, wire.Order{Target: []string{"dome-1"}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 1}}); r.Status != wire.DoneUnverified {
		t.Errorf("a state order: %+v", r)
	}
	for _, code := range []string{"journal.storage", "ledger.storage"} {
		soon(t, code, func() bool { return raised(t, s, code) })
	}
	if d.Failed() == 0 {
		t.Fatal("the fault was never met")
	}
	d.Heal()
	for _, code := range []string{"journal.storage", "ledger.storage"} {
		soon(t, "the end of "+code, func() bool { return !raised(t, s, code) })
	}
	if r := send(t, s, say("又好了")); r.Status != wire.Done || r.Unledgered {
		t.Errorf("after it: %+v", r)
	}
	if code, err := s.Camera.Event(within(t), "after", "motion"); code != 202 || err != nil {
		t.Errorf("after it: %d %v", code, err)
	}
	soon(t, "all events", func() bool { return came(s, "before") == 1 && came(s, "dark") == 1 && came(s, "after") == 1 })
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("the daemon lived %d times", n)
	}
	if heard(s, "平常") != 0 || heard(s, "紧急疏散") != 1 {
		t.Errorf("heard %d and %d times", heard(s, "平常"), heard(s, "紧急疏散"))
	}
	balanced(t, s)
}

// TestPromise05_DiskFull: the card is full, at first for a write, then for all of them.
// The daemon goes on, says so, refuses what it cannot promise, and takes everything again
// when there is space; nothing is lost that was promised.
func TestPromise05_DiskFull(t *testing.T) {
	t.Parallel()
	s, d := onDisk(t)
	d.Fail(unix.SYS_PWRITE64, unix.ENOSPC, 0, 1)
	if code, err := s.Camera.Event(within(t), "one", "motion"); code != 202 || err != nil {
		t.Errorf("one failed write is made good in another segment: %d %v", code, err)
	}
	d.Fail(unix.SYS_PWRITE64, unix.ENOSPC, 0, 0)
	for _, id := range []string{"two", "three"} {
		if code, err := s.Camera.Event(within(t), id, "motion"); code != 503 || err != nil {
			t.Errorf("a camera was told %d %v on a full card", code, err)
		}
	}
	soon(t, "the alarm", func() bool { return raised(t, s, "journal.storage") })
	id, err := s.Platform.Stop(within(t))
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, "dome-1"); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("a stop: %+v %v", r, err)
	}
	d.Heal()
	soon(t, "the end of the alarm", func() bool { return !raised(t, s, "journal.storage") && !raised(t, s, "ledger.storage") })
	if r := send(t, s, say("有空间了")); r.Status != wire.Done {
		t.Errorf("after it: %+v", r)
	}
	soon(t, "all events", func() bool { return came(s, "one") == 1 && came(s, "two") == 1 && came(s, "three") == 1 })
	if n := len(s.Service.Lives()); n != 1 {
		t.Errorf("the daemon lived %d times", n)
	}
	balanced(t, s)
}

// TestPromise05_FailingSync: every third fdatasync fails with EIO for a while. What a
// camera was promised arrives, once.
func TestPromise05_FailingSync(t *testing.T) {
	t.Parallel()
	s, d := onDisk(t)
	var promised []string
	for i := range 30 {
		if i%3 == 0 {
			d.Fail(unix.SYS_FDATASYNC, unix.EIO, i%2, 1+i%4)
		}
		id := "e" + string(rune('a'+i))
		code, err := s.Camera.Event(within(t), id, "motion")
		must(t, err)
		if code == 202 {
			promised = append(promised, id)
		}
	}
	if d.Failed() == 0 || len(promised) == 0 {
		t.Fatalf("%d faults, %d promises", d.Failed(), len(promised))
	}
	d.Heal()
	for _, id := range promised {
		soon(t, id, func() bool { return came(s, id) == 1 })
	}
	balanced(t, s)
}
