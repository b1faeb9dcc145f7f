package bus_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

func TestReply(t *testing.T) {
	const wait = 100 * time.Millisecond
	for _, c := range []struct {
		name    string
		answer  []string // pieces, 10 ms apart, the first 20 ms after the write
		reply   string
		err     error
		took    time.Duration
		foreign uint64
	}{
		{"in one piece", []string{"ok!"}, "ok!", nil, 20 * time.Millisecond, 0},
		{"in pieces", []string{"o", "k", "!"}, "ok!", nil, 40 * time.Millisecond, 0},
		{"bytes after it are not its own", []string{"ok!xy"}, "ok!", nil, 20 * time.Millisecond, 2},
		{"none", nil, "", fault.NoReply, lineTime + wait, 0},
		{"not whole", []string{"ok"}, "", fault.NoReply, lineTime + wait, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				l := r.Attach("dome-1", bus.Options{Reply: wait})
				began := time.Now()
				f := query(1, 0)
				done := make(chan error, 1)
				var reply []byte
				go func() {
					var err error
					reply, err = l.Exchange(t.Context(), f)
					done <- err
				}()
				time.Sleep(20 * time.Millisecond)
				for i, piece := range c.answer {
					if i > 0 {
						time.Sleep(10 * time.Millisecond)
					}
					r.port.in <- []byte(piece)
					synctest.Wait()
				}
				err := <-done
				if string(reply) != c.reply || fault.Of(err) != fault.Of(c.err) {
					t.Errorf("reply %q, %v", reply, err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				time.Sleep(time.Second)
				s := r.Stats()
				if s.Foreign != c.foreign || (s.Timeouts == 1) != (c.err != nil) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

// A pty, and a device that answers too early, reply before the line time is over:
// the wire is not free before that all the same.
func TestAnEarlyReplyDoesNotShortenTheLineTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.port.answer = func([]byte) []byte { return []byte("!") }
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		<-send(t.Context(), l, query(1, 0))
		if took := time.Since(began); took != lineTime {
			t.Errorf("returned after %v, before the last byte was on the wire", took)
		}
		<-send(t.Context(), l, query(2, 0))
		if _, at := order(r.port, began); at[1] != lineTime+10*time.Millisecond {
			t.Errorf("second frame at %v", at[1])
		}
	})
}

// The gap is silence: it is counted from the end of the reply.
func TestTheGapFollowsTheReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		began := time.Now()
		asked := send(t.Context(), l, query(1, 0))
		time.Sleep(50 * time.Millisecond)
		r.port.in <- []byte("ok!")
		if err := <-asked; err != nil || time.Since(began) != 50*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		<-send(t.Context(), l, normal(2))
		if _, at := order(r.port, began); at[1] != 60*time.Millisecond {
			t.Errorf("second frame at %v", at[1])
		}
	})
}

// A driver's Want may keep what it saw last, though the bus asks it again about the
// bytes before the reply.
func TestWantIsLeftWithTheWholeReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.port.answer = func([]byte) []byte { return []byte("12345") }
		var last string
		f := line.Frame{Write: frame(1), Want: func(b []byte) int {
			last = string(b)
			if len(b) >= 5 {
				return 5
			}
			return 0
		}}
		if err := <-send(t.Context(), r.Attach("dome-1", bus.Options{}), f); err != nil || last != "12345" {
			t.Errorf("%v, last seen %q", err, last)
		}
	})
}

// A caller that leaves while its reply is due returns at once; the wire stays taken
// until the reply is here or overdue, and Want is not called any more.
func TestAnExchangeGivenUpOnTheWireReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		returned := false
		f := line.Frame{Write: frame(1), Reply: 100 * time.Millisecond, Want: func(b []byte) int {
			if returned {
				t.Error("Want is called after Exchange has returned")
			}
			return 0
		}}
		asked := send(ctx, l, f)
		time.Sleep(50 * time.Millisecond)
		cancel()
		wantErr(t, <-asked, context.Canceled)
		returned = true
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("returned after %v", took)
		}
		next := send(t.Context(), l, normal(2))
		r.port.in <- []byte("late!")
		<-next
		if _, at := order(r.port, began); at[1] != lineTime+100*time.Millisecond {
			t.Errorf("the wire was free at %v", at[1])
		}
		time.Sleep(time.Second)
		if s := r.Stats(); s.Foreign != 0 {
			t.Errorf("the late answer counts as foreign: %+v", s)
		}
	})
}

// A driver whose Want panics loses its reply; the bus goes on.
func TestADriversPanicStaysItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.port.answer = func([]byte) []byte { return []byte("!") }
		bad, good := r.Attach("bad", bus.Options{}), r.Attach("good", bus.Options{})
		f := line.Frame{Write: frame(1), Want: func(b []byte) int { return int(b[99]) }}
		if err := <-send(t.Context(), bad, f); fault.Of(err) != fault.NoReply {
			t.Error(err)
		}
		bad.Listen(func(b []byte) int { panic("listener") })
		if err := <-send(t.Context(), good, query(2, 0)); err != nil {
			t.Error(err)
		}
		if n := len(r.opened()); n != 1 {
			t.Errorf("the port was opened %d times", n)
		}
	})
}
