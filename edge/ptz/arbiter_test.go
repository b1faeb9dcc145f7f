package ptz

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// dome is a head that turns until it is told to stop, and may be made to fail.
type dome struct {
	mu     sync.Mutex
	log    []string
	moving drivers.Velocity
	fail   error
	block  chan struct{} // Move waits here and ignores its context, as a bad driver does
}

func (d *dome) Move(ctx context.Context, v drivers.Velocity) error {
	if d.block != nil {
		<-d.block
	}
	if ctx.Err() != nil { // the bus refuses a frame whose context has ended
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.moving = v
	d.log = append(d.log, "move")
	return nil
}

func (d *dome) GotoPreset(context.Context, int) error  { return nil }
func (d *dome) SetPreset(context.Context, int) error   { return nil }
func (d *dome) ClearPreset(context.Context, int) error { return nil }

func (d *dome) Halt(context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	d.moving = drivers.Velocity{}
	d.log = append(d.log, "halt")
	return nil
}

func (d *dome) at(f func()) { d.mu.Lock(); defer d.mu.Unlock(); f() }

func (d *dome) still() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.moving.Zero() }

// rig is an arbiter over a dome with a worker that runs one job after another.
type rig struct {
	*Arbiter
	d    *dome
	jobs chan func()
	ends chan wire.Outcome
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{d: &dome{}, jobs: make(chan func(), 32), ends: make(chan wire.Outcome, 32)}
	ctx, cancel := context.WithCancel(t.Context())
	r.Arbiter = New(Config{
		Dome: "gate-3", Log: slog.New(slog.DiscardHandler), Evidence: drivers.Commanded.String(),
		Post: func(_ string, _ int, _ time.Duration, run func(context.Context, drivers.Device), _ func(error)) error {
			select {
			case r.jobs <- func() { run(ctx, r.d) }:
				return nil
			default:
				return fault.Full
			}
		},
		Halt: func(ctx context.Context) error { return r.d.Halt(ctx) },
	})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case j := <-r.jobs:
				j()
			case <-ctx.Done():
				return
			}
		}
	})
	all.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); all.Wait() })
	return r
}

func (r *rig) act(kid string, seq uint64, rank int) Act {
	return Act{ID: "cmd:" + kid, Kid: kid, Seq: seq, Rank: rank, Role: kid, Issued: time.Now(), Step: func(wire.Status) {}, End: func(o wire.Outcome) { r.ends <- o }}
}

func (r *rig) end(t *testing.T) wire.Outcome {
	t.Helper()
	select {
	case o := <-r.ends:
		return o
	case <-time.After(time.Minute):
		t.Fatal("no terminal")
		panic("unreachable")
	}
}

var right = drivers.Velocity{Pan: 0.5}

// TestMoveEndsByItsLease: the dome turns for exactly its lease and is halted then.
func TestMoveEndsByItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		began := time.Now()
		r.Move(r.act("op", 1, 1), right, time.Second)
		synctest.Wait()
		if r.d.still() {
			t.Fatal("the dome does not turn")
		}
		o := r.end(t)
		if took := time.Since(began); took != time.Second || !r.d.still() {
			t.Errorf("stopped after %v (still %v), want 1 s", took, r.d.still())
		}
		if o.Status != wire.DoneUnverified || o.Evidence != "commanded" {
			t.Errorf("outcome %+v", o)
		}
	})
}

// TestMoveLateInTheQueueIsNotSent: a move that waits behind a driver that does not
// come back must not turn the dome after its lease has ended.
func TestMoveLateInTheQueueIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.d.block = make(chan struct{})
		r.Move(r.act("op", 1, 1), right, time.Second)
		o := r.end(t)
		close(r.d.block)
		synctest.Wait()
		if !r.d.still() || slices.Contains(r.d.log, "move") {
			t.Errorf("turned after its lease: %v", r.d.log)
		}
		if o.Status != wire.DoneUnverified {
			t.Errorf("outcome %+v", o)
		}
	})
}

// TestStopIsFinal: a move that was issued before a stop does not move any more, from
// whichever key; one issued after it does.
func TestStopIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		old := r.act("other", 7, 1)
		time.Sleep(10 * time.Millisecond) // virtual
		r.Stop(t.Context(), r.act("op", 5, 3))
		if o := r.end(t); o.Status != wire.DoneUnverified {
			t.Errorf("stop: %+v", o)
		}
		r.Move(old, right, time.Second)
		if o := r.end(t); o.Reason != wire.Stale {
			t.Errorf("move from before the stop: %+v", o)
		}
		r.Move(r.act("op", 4, 1), right, time.Second)
		if o := r.end(t); o.Reason != wire.Stale {
			t.Errorf("lower seq of the same key: %+v", o)
		}
		r.Move(r.act("op", 6, 1), right, time.Second)
		synctest.Wait()
		if r.d.still() {
			t.Error("a newer move was not made")
		}
	})
}

// TestTwoHands: an equal priority of another key waits its turn, a higher one takes over.
func TestTwoHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Move(r.act("one", 1, 1), right, time.Second)
		r.Move(r.act("two", 1, 1), drivers.Velocity{Pan: -1}, time.Second)
		if o := r.end(t); o.Reason != wire.Held {
			t.Errorf("second hand: %+v", o)
		}
		r.Move(r.act("two", 2, 2), drivers.Velocity{Pan: -1}, time.Second)
		if o := r.end(t); o.Status != wire.Preempted {
			t.Errorf("first hand: %+v", o)
		}
		synctest.Wait()
		r.d.at(func() {
			if r.d.moving.Pan != -1 {
				t.Errorf("moves %v", r.d.moving)
			}
		})
	})
}

// TestFailedMoveIsHalted: when a move fails half-way nobody knows whether the dome
// turns, so it is halted again and again until that succeeds.
func TestFailedMoveIsHalted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.d.at(func() { r.d.fail = errors.Join(errors.New("bus rs485-1"), fault.PortLost) })
		r.Move(r.act("op", 1, 1), right, time.Second)
		if o := r.end(t); o.Reason != wire.PortLost {
			t.Errorf("outcome %+v", o)
		}
		time.Sleep(3 * time.Second) // virtual
		r.d.at(func() { r.d.fail, r.d.moving = nil, right })
		time.Sleep(6 * time.Second)
		if !r.d.still() {
			t.Error("never stopped after the port came back")
		}
	})
}

// session opens a session on r and returns its sealer.
func (r *rig) session(t *testing.T, lease time.Duration) *wire.FrameSealer {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Acquire(r.act("op", 1, 1), "s1", pub, lease, 10*time.Minute)
	s, err := wire.NewFrameSealer("gw-1", "s1", key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDeadMan: frames keep a dome turning; when they stop coming it is halted one
// lease after the last.
func TestDeadMan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := r.session(t, time.Second)
		r.Frame(t.Context(), "gw-1", "s1", s.Move(0.5, 0, 0))
		var last time.Time
		for range 20 {
			time.Sleep(200 * time.Millisecond)
			r.Frame(t.Context(), "gw-1", "s1", s.Hold())
			last = time.Now()
			if r.d.still() {
				t.Fatal("stopped while held")
			}
		}
		o := r.end(t)
		if late := time.Since(last) - time.Second; late != 0 || !r.d.still() {
			t.Errorf("overrun %v, still %v", late, r.d.still())
		}
		if o.Status != wire.Cancelled || o.Reason != wire.Lapsed || o.Session == nil || o.Session.Frames != 21 || o.Session.GapMS != 200 {
			t.Errorf("outcome %+v session %+v", o, o.Session)
		}
		r.d.at(func() {
			if !slices.Equal(r.d.log, []string{"move", "halt"}) {
				t.Errorf("on the wire: %v", r.d.log)
			}
		})
	})
}

// TestBadFramesRenewNothing: forged, foreign and replayed frames are counted, and the
// lease runs on.
func TestBadFramesRenewNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := r.session(t, time.Second)
		first := s.Move(0.5, 0, 0)
		r.Frame(t.Context(), "gw-1", "s1", first)
		began := time.Now()
		for range 12 {
			time.Sleep(100 * time.Millisecond)
			r.Frame(t.Context(), "gw-1", "s1", first) // replayed
			forged := s.Hold()
			forged[len(forged)-1] ^= 1
			r.Frame(t.Context(), "gw-1", "s1", forged)
			r.Frame(t.Context(), "gw-2", "s1", s.Hold()) // another gateway's
			if r.Frame(t.Context(), "gw-1", "s2", s.Hold()) {
				t.Fatal("took another session's frame")
			}
		}
		o := r.end(t)
		if !r.d.still() || time.Since(began) > 1300*time.Millisecond {
			t.Error("bad frames kept the lease alive")
		}
		if o.Session.Frames != 1 || o.Session.Bad < 27 {
			t.Errorf("session %+v", o.Session)
		}
	})
}

// TestStopFrameAndRelease end a session at once, halted.
func TestStopFrameAndRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := r.session(t, time.Second)
		r.Frame(t.Context(), "gw-1", "s1", s.Move(1, 0, 0))
		synctest.Wait()
		r.Frame(t.Context(), "gw-1", "s1", s.Stop())
		began := time.Now()
		if o := r.end(t); time.Since(began) != 0 || o.Status != wire.DoneUnverified || !r.d.still() || r.Session() != "" {
			t.Errorf("outcome %+v, still %v", o, r.d.still())
		}
		if r.Frame(t.Context(), "gw-1", "s1", s.Move(1, 0, 0)) {
			t.Error("a frame after the end was taken")
		}
	})
}

// TestSessionEndsAtMax: frames cannot hold a dome for ever.
func TestSessionEndsAtMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		pub, key, _ := ed25519.GenerateKey(nil)
		r.Acquire(r.act("op", 1, 1), "s1", pub, time.Second, 5*time.Second)
		s, _ := wire.NewFrameSealer("gw-1", "s1", key)
		began := time.Now()
		for time.Since(began) < 6*time.Second {
			r.Frame(t.Context(), "gw-1", "s1", s.Move(1, 0, 0))
			time.Sleep(100 * time.Millisecond)
		}
		r.end(t)
		if !r.d.still() {
			t.Error("held beyond max_ms")
		}
	})
}

// TestSlowWireSendsTheLatest: while one move is on a slow wire, later ones replace
// each other, and the last is what the dome does.
func TestSlowWireSendsTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s := r.session(t, 5*time.Second)
		r.d.block = make(chan struct{})
		for i := range 100 {
			r.Frame(t.Context(), "gw-1", "s1", s.Move(float64(i)/100, 0, 0))
		}
		close(r.d.block)
		synctest.Wait()
		r.d.at(func() {
			if r.d.moving.Pan < 0.98 || len(r.d.log) > 3 {
				t.Errorf("moves %v after %d frames on the wire", r.d.moving, len(r.d.log))
			}
		})
	})
}

// TestStoringUnderAStick: whoever holds the stick stores presets without losing it, as
// many as he likes; another key of the same rank does not.
func TestStoringUnderAStick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.session(t, time.Second)
		for n := range 3 {
			r.Preset(r.act("op", uint64(2+n), 1), 4+n, "set")
		}
		for range 3 {
			if o := r.end(t); o.Status != wire.DoneUnverified {
				t.Errorf("%+v", o)
			}
		}
		r.Preset(r.act("other", 1, 1), 9, "set")
		if o := r.end(t); o.Reason != wire.Held {
			t.Errorf("%+v", o)
		}
		if r.Session() != "s1" {
			t.Error("storing has ended the session")
		}
		r.End(wire.ByShutdown())
		r.end(t)
	})
}
