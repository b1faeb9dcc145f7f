package command_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/edge/wire"
)

// TestOnce: a once order is acknowledged after its intent is durable, acts once, ends once;
// its bytes again are answered from the ledger at most once per 10 s.
func TestOnce(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		o, payload := b.sign(say("请勿占道经营"))
		b.deliver(o, payload)
		if b.acks != 1 {
			t.Errorf("%d acknowledgements", b.acks)
		}
		for range 5 {
			b.deliver(o, payload)
		}
		b.settle(2 * time.Second)
		b.want(o, "horn-1 done")
		for range 5 {
			b.deliver(o, payload)
		}
		b.settle(11 * time.Second)
		b.deliver(o, payload)
		b.settle(time.Second)
		repeats := 0
		for _, s := range b.steps {
			if s.Repeat {
				repeats++
				if s.Status != wire.Done || s.Order != o.ID {
					t.Errorf("repeat %+v", s)
				}
			}
		}
		if repeats != 1 || b.horns["horn-1"].texts() != "请勿占道经营" || b.acks != 12 {
			t.Errorf("%d repeats, said %q, %d acknowledgements", repeats, b.horns["horn-1"].texts(), b.acks)
		}
		b.want(o, "horn-1 done")
	})
}

// TestSteps: accepted, running and the terminal come in this order, the first two from RAM.
func TestSteps(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		o := b.send(say("好"))
		b.settle(time.Second)
		var steps []string
		for _, s := range b.steps {
			steps = append(steps, string(s.Status))
		}
		if strings.Join(steps, " ") != "accepted running" {
			t.Errorf("steps %q", steps)
		}
		b.want(o, "horn-1 done")
	})
}

// TestRefusals: each gets its one typed answer, and nothing moves or sounds.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		o    wire.Order
		want []string
	}{
		{"unsupported action", wire.Order{Action: wire.SpeakerTest, Target: []string{"horn-1"}, Args: &wire.NoArgs{}}, []string{"rejected unsupported"}},
		{"exact", func() wire.Order {
			o := say("x")
			o.Exact, o.NotBefore = true, time.Date(2000, 1, 1, 0, 0, 10, 0, time.UTC)
			return o
		}(), []string{"rejected unsupported"}},
		{"a dome that is to speak", say("x", "dome-1"), []string{"dome-1 rejected unsupported"}},
		{"nobody", say("x", "horn-9"), []string{"horn-9 rejected no_match"}},
		{"a zone of nobody", say("x", "zone:south"), []string{"rejected no_match"}},
		{"one of two", say("好", "horn-1", "horn-9"), []string{"horn-9 rejected no_match", "horn-1 done"}},
		{"too long", say(strings.Repeat("长", 101)), []string{"horn-1 rejected limit"}},
		{"too often", wire.Order{Action: wire.SpeakerSay, Target: []string{"horn-1"}, Args: &wire.SayArgs{Text: "x", Repeat: 4}}, []string{"horn-1 rejected limit"}},
		{"short lease of a stick", wire.Order{Action: wire.DomeAcquire, Target: []string{"dome-1"}, Args: &wire.SessionArgs{Session: wire.SessionSpec{ID: "s1", Pub: strings.Repeat("A", 43), LeaseMS: 300, MaxMS: 1000}}}, []string{"dome-1 rejected bad_args"}},
		{"release without a session", wire.Order{Action: wire.DomeRelease, Target: []string{"dome-1"}, Args: &wire.ReleaseArgs{}}, []string{"dome-1 rejected no_session"}},
		{"expired", func() wire.Order {
			o := say("x")
			o.Issued = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Minute)
			o.NotAfter = o.Issued.Add(30 * time.Second)
			return o
		}(), []string{"expired"}},
		{"a stop from the future", func() wire.Order {
			o := wire.Order{Action: wire.AllStop, Target: []string{"*"}}
			o.Issued = time.Date(2000, 1, 1, 0, 0, 6, 0, time.UTC)
			o.NotAfter = o.Issued.Add(30 * time.Second)
			return o
		}(), []string{"rejected stale"}},
	} {
		bubble(t, func(t *testing.T, b *box) {
			o := b.send(c.o)
			b.settle(5 * time.Second)
			if got := b.terminals(o.ID); strings.Join(got, "; ") != strings.Join(c.want, "; ") {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
			if said := b.horns["horn-1"].texts(); said != "" && said != "好" || b.dome.all() != "" {
				t.Errorf("%s: said %q, dome %q", c.name, said, b.dome.all())
			}
			if b.acks != 1 {
				t.Errorf("%s: %d acknowledgements", c.name, b.acks)
			}
		})
	}
}

// TestWindow: a seq is used once, an id once.
func TestWindow(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		first := b.send(say("一"))
		b.settle(time.Second)
		o := say("二")
		o.ID, o.Seq = "other", first.Seq
		o = b.send(o)
		reused := say("三")
		reused.ID = first.ID
		b.send(reused)
		b.settle(time.Second)
		b.want(o, "rejected replayed")
		b.want(first, "horn-1 done", "rejected id_reused")
		if b.horns["horn-1"].texts() != "一" {
			t.Errorf("said %q", b.horns["horn-1"].texts())
		}
	})
}

// TestScope: a key reaches its own targets, and no higher than its priority.
func TestScope(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		o, payload := b.signBy(b.trust.Second, say("好", "zone:north"))
		b.deliver(o, payload)
		b.settle(time.Second)
		b.want(o, "horn-2 rejected not_allowed", "horn-1 done")
		high := say("急")
		high.Priority = wire.Urgent
		high, payload = b.signBy(b.trust.Second, high)
		b.deliver(high, payload)
		b.settle(time.Second)
		if got := b.terminals(high.ID); len(got) != 1 || !strings.HasPrefix(got[0], "rejected ") {
			t.Errorf("%q", got)
		}
		if b.horns["horn-1"].texts() != "好" || b.horns["horn-2"].texts() != "" {
			t.Errorf("said %q and %q", b.horns["horn-1"].texts(), b.horns["horn-2"].texts())
		}
	})
}

// TestStrangers: what nobody trusted has signed, or what is not for this box, gets no
// result and is counted.
func TestStrangers(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		_, payload := b.sign(say("好"))
		bad := append([]byte(nil), payload...)
		bad[len(bad)-5] ^= 1
		b.deliver(say("好"), bad)
		b.deliver(say("好"), []byte("garbage"))
		other := say("好")
		other.Gateway = "gw-2"
		_, payload = b.sign(other)
		b.deliver(say("好"), payload)
		b.settle(time.Second)
		if len(b.kept) != 0 || len(b.steps) != 0 || b.horns["horn-1"].texts() != "" {
			t.Errorf("%+v %+v", b.kept, b.steps)
		}
		n := 0
		for _, c := range b.refused {
			n += c
		}
		if n != 3 || b.acks != 3 {
			t.Errorf("refused %v, %d acknowledged", b.refused, b.acks)
		}
	})
}

// TestClock: with the clock unknown an order waits for a beacon, for 15 s; a stop does not.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.synced = false
		b.live()
		defer b.end()
		lost := b.send(say("等不到"))
		b.settle(10 * time.Second)
		b.want(lost)
		stop := b.send(wire.Order{Action: wire.AllStop, Target: []string{"*"}})
		b.settle(time.Second)
		b.want(stop, "dome-1 done_unverified", "horn-1 done_unverified", "horn-2 done_unverified")
		b.settle(5 * time.Second)
		b.want(lost, "rejected clock")
		found := b.send(say("等到了"))
		b.clock.Ask("n")
		if !b.clock.Beacon("n", time.Now()) {
			t.Fatal("beacon not taken")
		}
		b.settle(2 * time.Second)
		b.want(found, "horn-1 done")
		if b.asked != 2 || b.horns["horn-1"].texts() != "等到了" {
			t.Errorf("asked %d times, said %q", b.asked, b.horns["horn-1"].texts())
		}
	})
}

// TestCancel: a cancel ends what runs and what waits, by its own key only; one that
// overtakes its order wins.
func TestCancel(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		runs := b.send(say(strings.Repeat("长", 50)))
		waits := b.send(say("等"))
		cancel := func(id string) wire.Order {
			return wire.Order{Action: wire.CommandCancel, Args: &wire.CancelArgs{ID: id}}
		}
		stranger, payload := b.signBy(b.trust.Second, cancel(runs.ID))
		b.deliver(stranger, payload)
		b.settle(time.Second)
		b.want(runs)
		b.send(cancel(waits.ID))
		b.send(cancel(runs.ID))
		b.settle(time.Second)
		b.want(waits, "horn-1 cancelled")
		b.want(runs, "horn-1 cancelled")
		late := say("太晚")
		late.ID = "late"
		b.send(cancel("late"))
		late = b.send(late)
		b.settle(time.Second)
		b.want(late, "cancelled")
		if h := b.horns["horn-1"]; strings.Contains(h.texts(), "等") || strings.Contains(h.texts(), "太晚") || h.cutOff != 1 {
			t.Errorf("said %q, %d cut", h.texts(), h.cutOff)
		}
	})
}

// TestSupersedes: the order that is named ends, the new one is done.
func TestSupersedes(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		old := b.send(say(strings.Repeat("旧", 50)))
		o := say("新")
		o.Supersedes = old.ID
		o = b.send(o)
		b.settle(time.Second)
		b.want(old, "horn-1 cancelled superseded")
		b.want(o, "horn-1 done")
	})
}

// TestDryRun: nothing is said, nothing moves, nothing is kept in the ledger.
func TestDryRun(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		for _, o := range []wire.Order{say("试"), preset(1), gotoPreset(1)} {
			o.DryRun = true
			o = b.send(o)
			b.settle(time.Second)
			if got := b.terminals(o.ID); len(got) != 1 || !strings.HasSuffix(got[0], "done_unverified") {
				t.Errorf("%q", got)
			}
		}
		for _, r := range b.kept {
			if !r.DryRun {
				t.Errorf("%+v does not say that it was a dry run", r)
			}
		}
		if b.horns["horn-1"].texts() != "" || b.dome.all() != "" {
			t.Errorf("said %q, dome %q", b.horns["horn-1"].texts(), b.dome.all())
		}
	})
}

// TestMailboxFull: what does not fit is answered busy.
func TestMailboxFull(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		var all []wire.Order
		for range 6 { // one runs, four wait
			all = append(all, b.send(say("十个字十个字十个字呢")))
		}
		b.settle(10 * time.Second)
		for i, o := range all {
			want := "horn-1 done"
			if i == 5 {
				want = "horn-1 rejected busy"
			}
			b.want(o, want)
		}
	})
}

// TestShutdown: what is under way at the end has its terminal before the results end.
func TestShutdown(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		runs, waits := b.send(say(strings.Repeat("长", 50))), b.send(say("等"))
		b.end()
		b.want(runs, "horn-1 cancelled shutdown")
		b.want(waits, "horn-1 cancelled shutdown")
	})
}

// TestPing: both desks answer.
func TestPing(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		if err := b.desk.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalDown: a terminal that cannot be kept is told from RAM, and journalled by the
// next life.
func TestJournalDown(t *testing.T) {
	bubble(t, func(t *testing.T, b *box) {
		b.set(func() { b.keepErr = errors.New("full") })
		o := b.send(say("好"))
		b.settle(time.Second)
		b.want(o)
		told := false
		for _, s := range b.steps {
			told = told || s.Status == wire.Done
		}
		if !told {
			t.Errorf("%+v", b.steps)
		}
		b.end()
		b.set(func() { b.keepErr = nil })
		b.live()
		b.settle(time.Second)
		b.want(o, "horn-1 done")
		if b.horns["horn-1"].texts() != "" {
			t.Error("said again")
		}
	})
}
