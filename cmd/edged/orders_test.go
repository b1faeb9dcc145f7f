package main_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/street"
)

// TestPromise15_OncePerID: a duplicate acts no second time, in the same run, after a clean
// end, and after kill -9; it is answered with the stored result.
func TestPromise15_OncePerID(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	const text = "请勿占道经营"
	id, err := s.Platform.Send(within(t), say(text))
	must(t, err)
	must(t, s.Platform.Replay(within(t), id, false)) // while it is being done
	first, err := s.Platform.Await(within(t), id, "horn-1")
	must(t, err)
	if first.Status != wire.Done {
		t.Fatalf("%+v", first)
	}
	p := preset(7)
	p.ID = "preset-7"
	if r := send(t, s, p); r.Status != wire.DoneUnverified {
		t.Fatalf("%+v", r)
	}
	for i, end := range []func() error{s.Service.Term, s.Service.Kill9} {
		restart(t, s, end)
		must(t, s.Platform.Replay(within(t), id, false))
		must(t, s.Platform.Replay(within(t), "preset-7", false))
		again := repeats(t, s, id, i+1)[i]
		if again.Status != first.Status || again.Run != first.Run || again.MonoMS != first.MonoMS {
			t.Errorf("%+v is not the stored %+v", again, first)
		}
		repeats(t, s, "preset-7", i+1)
	}
	if n := heard(s, text); n != 1 {
		t.Errorf("said %d times", n)
	}
	if n := stored(s, 7); n != 1 {
		t.Errorf("stored %d times", n)
	}
}

// refusedFor tells whether a report of refused payloads names a cause.
func refusedFor(s *street.Street, cause string) func() bool {
	return func() bool {
		return slices.ContainsFunc(events(s, wire.TypeRefused), func(e wire.CloudEvent) bool { return strings.Contains(string(e.Data), `"`+cause+`"`) })
	}
}

// TestPromise18_RetainedOrder: an order that the broker kept is refused at subscription,
// where its flag shows, and counted. For a live subscriber the broker clears the flag:
// that one acts once, and the kept copy does nothing when it comes again.
func TestPromise18_RetainedOrder(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Cold: true, Horns: -1})
	command := wire.Topics{Root: "fuqiao"}.Of(street.Gateway, wire.ChanCommand)
	o, payload, err := s.Platform.Sign(preset(9))
	must(t, err)
	must(t, s.Platform.Publish(within(t), command, payload, 1, true))
	must(t, s.Start(within(t)))
	soon(t, "a report of the retained order", refusedFor(s, "retained"))
	if n := len(s.Platform.Results(o.ID)); n != 0 || stored(s, 9) != 0 {
		t.Errorf("stored %d times, %d results", stored(s, 9), n)
	}
	o, payload, err = s.Platform.Sign(preset(10))
	must(t, err)
	must(t, s.Platform.Publish(within(t), command, payload, 1, true))
	if r, err := s.Platform.Await(within(t), o.ID, "dome-1"); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("%+v %v", r, err)
	}
	restart(t, s, s.Service.Kill9)
	soon(t, "a report of the kept copy", func() bool {
		all := events(s, wire.TypeRefused)
		return len(all) > 1 && strings.Contains(string(all[len(all)-1].Data), `"retained"`)
	})
	// A bridge passes the kept copy on without its flag: the ledger knows that one; an
	// order that nobody here has seen is too old by then.
	must(t, s.Platform.Publish(within(t), command, payload, 1, false))
	repeats(t, s, o.ID, 1)
	late := preset(11)
	late.Issued, late.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	id, err := s.Platform.Send(within(t), late)
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, ""); err != nil || r.Status != wire.Expired {
		t.Errorf("from an hour ago: %+v %v", r, err)
	}
	if stored(s, 9)+stored(s, 11) != 0 || stored(s, 10) != 1 {
		t.Errorf("stored %d, %d and %d times", stored(s, 9), stored(s, 10), stored(s, 11))
	}
	if n := counted(t, s, "retained"); n != 2 {
		t.Errorf("%d retained orders counted, two were kept at the broker", n)
	}
}

// counted sums up what the reports say of one cause.
func counted(t *testing.T, s *street.Street, cause string) (n uint64) {
	t.Helper()
	for _, e := range events(s, wire.TypeRefused) {
		var r wire.Refused
		must(t, wire.Unmarshal(e.Data, &r))
		n += r.Counts[cause]
	}
	return n
}

// traffic counts what has passed on all wires to the devices, and on the pins.
func traffic(s *street.Street) (n int) {
	for _, e := range s.Pins.Edges() {
		if e.Why != "drive" {
			n++
		}
	}
	if s.RS485 != nil {
		n += len(s.RS485.Frames())
	}
	for _, h := range s.Horns {
		n += len(h.Wire.Frames())
	}
	return n
}

// TestPromise19_ForgedOrders: forgeries of every kind and plain garbage move no byte and
// no edge, get no result, and are counted in one report a minute.
func TestPromise19_ForgedOrders(t *testing.T) {
	s := live(t, street.Options{})
	real := send(t, s, say("真的"))
	must(t, s.Pins.WaitLevel(within(t), s.Horns[0].Relay, false)) // its tail
	before := traffic(s)
	var ids []string
	for range 5 {
		for _, how := range []platform.Forgery{platform.BadSignature, platform.OtherKey, platform.UnknownKey, platform.Altered} {
			id, err := s.Platform.Forge(within(t), say("假的"), how)
			must(t, err)
			ids = append(ids, id)
		}
	}
	// Under a real order's id: the real one's results stay as they are.
	o := say("假的")
	o.ID = real.Order
	_, err := s.Platform.Forge(within(t), o, platform.BadSignature)
	must(t, err)
	topics := wire.Topics{Root: "fuqiao"}
	for _, garbage := range []string{"", "{}", "a.b.c", strings.Repeat("x", 70<<10), `{"payload":"","signatures":[]}`, "\xff\xfe"} {
		for _, c := range []wire.Channel{wire.ChanCommand, wire.ChanStop} {
			must(t, s.Platform.Publish(within(t), topics.Of(street.Gateway, c), []byte(garbage), 1, false))
		}
	}
	// What comes behind them on the same topic is obeyed: they have been judged.
	if r := send(t, s, preset(3)); r.Status != wire.DoneUnverified {
		t.Fatalf("%+v", r)
	}
	if n := traffic(s) - before; n != 1 {
		t.Errorf("%d frames and edges for one preset", n)
	}
	for _, id := range ids {
		if r := s.Platform.Results(id); len(r) != 0 {
			t.Errorf("forged order %s got %+v", id, r)
		}
	}
	terminals := 0
	for _, r := range s.Platform.Results(real.Order) {
		if r.What.Status.Terminal() {
			terminals++
		}
	}
	if terminals != 1 || heard(s, "假的") != 0 {
		t.Errorf("%d terminals of the real order, the forged text was heard %d times", terminals, heard(s, "假的"))
	}
	soon(t, "a report", refusedFor(s, "forged"))
	if n := len(events(s, wire.TypeRefused)); n != 1 {
		t.Errorf("%d reports within a minute", n)
	}
	// 20 forgeries, one under a real id, 6 pieces of garbage on two topics.
	if n := status(t, s).Refused; n != 33 {
		t.Errorf("%d counted, 33 were sent", n)
	}
}

// TestPromise20_Replays: a valid payload sent again is answered from the ledger and does
// nothing; its seq under another id is refused; so after restarts, and when the
// platform's time has stepped.
func TestPromise20_Replays(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	s := live(t, street.Options{Platform: platform.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}})
	const text = "请注意防火"
	first := send(t, s, say(text))
	step := func(by time.Duration, end func() error) func() error {
		return func() error { ahead.Store(int64(by)); return end() }
	}
	for i, end := range []func() error{nil, s.Service.Kill9, step(10*time.Second, s.Service.Term), step(-time.Hour, s.Service.Kill9)} {
		if end != nil {
			restart(t, s, end)
		}
		must(t, s.Platform.Replay(within(t), first.Order, false))
		if i > 0 { // within 10 s of a run the same bytes get one answer
			repeats(t, s, first.Order, i)
		}
		other := say("另一条")
		other.ID, other.Seq = fmt.Sprintf("other-%d", i), first.Seq
		if r, err := s.Platform.Send(within(t), other); err != nil {
			t.Fatal(err)
		} else if r, err := s.Platform.Await(within(t), r, ""); err != nil || r.Status != wire.Rejected || r.Reason != wire.Replayed {
			t.Errorf("the same seq with another id: %+v %v", r, err)
		}
	}
	if heard(s, text) != 1 || heard(s, "另一条") != 0 {
		t.Errorf("said %d and %d times", heard(s, text), heard(s, "另一条"))
	}
}
