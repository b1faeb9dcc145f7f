package command_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/ledger"
	"fuqiao/edged/edge/wire"
)

var errDisk = errors.New("input/output error")

// disk is a real one whose syncs can be made to wait, or to fail.
type disk struct {
	ledger.FS
	mu    sync.Mutex
	gate  chan struct{} // nil: open
	fail  bool
	syncs int
}

func newDisk(dir string) *disk { return &disk{FS: ledger.Disk(dir)} }

func (d *disk) set(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

func (d *disk) Open(name string) (ledger.File, error) {
	f, err := d.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return &file{f, d}, nil
}

func (d *disk) Create(name string) (ledger.File, error) {
	d.mu.Lock()
	fail := d.fail
	d.mu.Unlock()
	if fail {
		return nil, errDisk
	}
	f, err := d.FS.Create(name)
	if err != nil {
		return nil, err
	}
	return &file{f, d}, nil
}

type file struct {
	ledger.File
	d *disk
}

func (f *file) Sync() error {
	f.d.mu.Lock()
	gate, fail := f.d.gate, f.d.fail
	f.d.syncs++
	f.d.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if fail {
		return errDisk
	}
	return f.File.Sync()
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	fail := f.d.fail
	f.d.mu.Unlock()
	if fail {
		return 0, errDisk
	}
	return f.File.WriteAt(p, off)
}

// roomy is faulty with large mailboxes.
func roomy(t *testing.T, f func(*testing.T, *box, *disk)) { withMailbox(t, 32, f) }

// faulty runs f in a bubble with a box on such a disk.
func faulty(t *testing.T, f func(*testing.T, *box, *disk)) { withMailbox(t, 4, f) }

func withMailbox(t *testing.T, n int, f func(*testing.T, *box, *disk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		d := newDisk(b.dir)
		b.fs, b.mailbox = d, n
		b.live()
		defer b.end()
		f(t, b, d)
	})
}

// TestStopPassesAStuckDisk: while an intent waits for the disk a stop and a state order
// act at once; the order is refused for it after 250 ms, an emergency acts all the same.
func TestStopPassesAStuckDisk(t *testing.T) {
	faulty(t, func(t *testing.T, b *box, d *disk) {
		b.send(say("先说一句")) // so that the file is there
		b.settle(time.Second)
		gate := make(chan struct{})
		d.set(func() { d.gate = gate })
		stuck := b.send(say("等磁盘"))
		b.settle(50 * time.Millisecond)
		moved := b.send(gotoPreset(3))
		stop := b.send(wire.Order{Action: wire.DomeStop, Target: []string{"dome-1"}, Args: &wire.NoArgs{}})
		if got := b.dome.all(); got != "goto 3, halt" {
			t.Errorf("dome %q with a stuck disk", got)
		}
		b.settle(time.Second)
		o := say("紧急")
		o.Priority = wire.Emergency
		o = b.send(o)
		b.settle(2 * time.Second)
		if b.horns["horn-1"].texts() != "先说一句 紧急" {
			t.Errorf("said %q", b.horns["horn-1"].texts())
		}
		close(gate)
		d.set(func() { d.gate = nil })
		b.settle(5 * time.Second)
		b.want(stuck, "horn-1 rejected storage")
		b.want(moved, "dome-1 done_unverified")
		b.want(stop, "dome-1 done_unverified")
		b.want(o, "horn-1 done")
		for _, r := range b.kept {
			if (r.Order == o.ID) != r.Unledgered {
				t.Errorf("%+v", r)
			}
		}
	})
}

// TestBatch: orders that come together share syncs of the ledger.
func TestBatch(t *testing.T) {
	roomy(t, func(t *testing.T, b *box, d *disk) {
		b.send(say("先"))
		b.settle(time.Second)
		gate := make(chan struct{})
		d.set(func() { d.gate, d.syncs = gate, 0 })
		for range 10 {
			b.send(say("一二三四五", "horn-1"))
			b.send(say("一二三四五", "horn-2"))
		}
		d.set(func() { d.gate = nil })
		close(gate)
		synctest.Wait()
		if b.acks != 21 {
			t.Errorf("%d of 21 orders were acknowledged", b.acks)
		}
		d.set(func() { // one that was under way, four for two batches, marks before two first bytes
			if d.syncs > 10 {
				t.Errorf("%d syncs for 20 orders", d.syncs)
			}
		})
		b.settle(10 * time.Second)
		if got := strings.Count(b.horns["horn-1"].texts()+b.horns["horn-2"].texts(), "一二三四五"); got != 20 {
			t.Errorf("%d announcements", got)
		}
	})
}

// TestStopsAreIndependent: a device whose halt hangs holds up no other stop, and its own
// stop has its terminal all the same.
func TestStopsAreIndependent(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.horns["horn-1"].stuck = true
		first := b.send(wire.Order{Action: wire.SpeakerStop, Target: []string{"horn-1"}, Args: &wire.NoArgs{}})
		second := b.send(wire.Order{Action: wire.AllStop, Target: []string{"horn-2", "dome-1"}, Args: &wire.NoArgs{}})
		if b.dome.all() != "halt" || b.horns["horn-2"].halts != 1 {
			t.Errorf("dome %q, %d halts of horn-2", b.dome.all(), b.horns["horn-2"].halts)
		}
		b.settle(10 * time.Second)
		b.want(second, "horn-2 done_unverified", "dome-1 done_unverified")
		if got := b.terminals(first.ID); len(got) != 1 || !strings.HasPrefix(got[0], "horn-1 failed") {
			t.Errorf("%q", got)
		}
		b.horns["horn-1"].stuck = false
	})
}

// TestStopReach: a stop ends what its key's highest priority reaches, and says so where
// something higher goes on.
func TestStopReach(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		high := say(strings.Repeat("急", 20))
		high.Priority = wire.Urgent
		high = b.send(high)
		low, payload := b.signBy(b.trust.Second, wire.Order{Action: wire.SpeakerStop, Target: []string{"horn-1"}, Args: &wire.NoArgs{}})
		b.deliver(low, payload)
		b.settle(time.Second)
		b.want(low, "horn-1 rejected held")
		all := b.send(wire.Order{Action: wire.SpeakerStop, Target: []string{"horn-1"}, Args: &wire.NoArgs{}})
		b.settle(time.Second)
		b.want(all, "horn-1 done_unverified")
		b.want(high, "horn-1 cancelled stopped")
	})
}

// TestCrash: a life ends without a word at each point of an order's life. What was queued
// is said by the next life, once; what had begun is unknown and never said again; what
// had ended is journalled with the same words.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		d := newDisk(b.dir)
		b.fs = d
		b.live()
		ended := b.send(say("完"))
		b.settle(time.Second)
		kept := b.kept[0]
		b.set(func() { b.kept, b.keepErr = nil, errors.New("crash before the journal") })
		closed := b.send(say("结束"))
		b.settle(time.Second)
		begun := b.send(say(strings.Repeat("长", 50)))
		b.settle(time.Second)
		queued := b.send(say("排队"))
		b.settle(time.Second)
		// The disk takes nothing from here on: what the end of this life says is lost, as in
		// a crash.
		d.set(func() { d.fail = true })
		b.end()
		d.set(func() { d.fail = false })
		b.set(func() { b.kept, b.keepErr = nil, nil })
		b.live()
		defer b.end()
		b.settle(3 * time.Second)
		b.want(ended)
		b.want(closed, "horn-1 done")
		b.want(begun, "horn-1 unknown crash")
		b.want(queued, "horn-1 done")
		if got := b.horns["horn-1"].texts(); got != "排队" {
			t.Errorf("the second life said %q", got)
		}
		if kept.Status != wire.Done || kept.Order != ended.ID {
			t.Errorf("%+v", kept)
		}
		// And the one after that says nothing at all.
		b.end()
		b.set(func() { b.kept = nil })
		b.live()
		b.settle(3 * time.Second)
		if len(b.kept) != 0 || b.horns["horn-1"].texts() != "" {
			t.Errorf("the third life kept %+v and said %q", b.kept, b.horns["horn-1"].texts())
		}
	})
}

// TestStateOfEarlierRun: a state order from before this run is stale: nothing of it is
// resumed.
func TestStateOfEarlierRun(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		o, payload := b.sign(gotoPreset(7))
		b.settle(time.Second)
		b.end()
		b.live()
		b.deliver(o, payload)
		b.settle(time.Second)
		b.want(o, "rejected stale")
		if b.dome.all() != "" {
			t.Errorf("dome %q", b.dome.all())
		}
	})
}

// TestNoDisk: without a ledger state orders act, an emergency acts and says so, all else
// is refused.
func TestNoDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		d := newDisk(b.dir)
		d.fail = true
		b.fs = d
		b.live()
		defer b.end()
		normal := b.send(say("平常"))
		state := b.send(gotoPreset(1))
		o := say("紧急")
		o.Priority = wire.Emergency
		o = b.send(o)
		b.settle(3 * time.Second)
		b.want(normal, "horn-1 rejected storage")
		b.want(state, "dome-1 done_unverified")
		b.want(o, "horn-1 done")
		if b.horns["horn-1"].texts() != "紧急" {
			t.Errorf("said %q", b.horns["horn-1"].texts())
		}
	})
}
