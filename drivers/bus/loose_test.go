package bus_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/drivers/line"
)

func TestUnaskedBytesReachTheirDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		var idle, done []byte
		stop := r.Attach("chip", bus.Options{}).Listen(only(0x4F, &idle))
		r.Attach("player", bus.Options{}).Listen(func(b []byte) int {
			// A message of two bytes that comes in pieces.
			if len(b) >= 2 && b[0] == 0x3D {
				done = append(done, b[:2]...)
				return 2
			}
			return 0
		})
		for _, piece := range [][]byte{{0x4F}, {0x3D}, {0x01, 0x4F}, {0x00, 0xFF, 0x4F}} {
			r.port.in <- piece
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if !bytes.Equal(idle, []byte{0x4F, 0x4F, 0x4F}) || !bytes.Equal(done, []byte{0x3D, 0x01}) {
			t.Errorf("chip % X, player % X", idle, done)
		}
		if s := r.Stats(); s.Foreign != 2 || s.BytesIn != 7 {
			t.Errorf("%+v", s)
		}
		stop()
		r.port.in <- []byte{0x4F}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if s := r.Stats(); s.Foreign != 3 || len(idle) != 3 {
			t.Errorf("after stop: %+v, % X", s, idle)
		}
	})
}

// only takes one kind of byte.
func only(b byte, into *[]byte) func([]byte) int {
	return func(got []byte) int {
		if got[0] != b {
			return 0
		}
		*into = append(*into, b)
		return 1
	}
}

// Another device speaks while a reply is due: before it, after it, in its stead.
func TestUnaskedBytesBesideAReply(t *testing.T) {
	for name, c := range map[string]struct {
		back    string
		reply   string
		foreign uint64
	}{
		"before": {"Ook!", "Ook!", 0},
		"after":  {"ok!O", "ok!", 0},
		"noise":  {"\x00ok!", "\x00ok!", 0}, // skipped by Want: not foreign, see close
		"alone":  {"O", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := start(t)
				r.port.answer = func([]byte) []byte { return []byte(c.back) }
				var heard []byte
				r.Attach("chip", bus.Options{}).Listen(only('O', &heard))
				l := r.Attach("dome-1", bus.Options{})
				f := line.Frame{Write: frame(1), Want: func(b []byte) int {
					if i := bytes.Index(b, []byte("ok!")); i >= 0 {
						return i + 3
					}
					return 0
				}}
				reply, _ := l.Exchange(t.Context(), f)
				time.Sleep(time.Second)
				synctest.Wait()
				if string(reply) != c.reply {
					t.Errorf("reply %q, want %q", reply, c.reply)
				}
				if want := strings.Count(c.back, "O"); len(heard) != want {
					t.Errorf("the chip heard %q", heard)
				}
				if s := r.Stats(); s.Foreign != c.foreign {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestForeignBytesRaiseAConditionUntilTheyCease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		for range 3 {
			r.port.in <- []byte{0x01, 0x03, 0x00}
			time.Sleep(5 * time.Second)
		}
		if got := r.told(); !slices.Equal(got, []string{"bus.foreign_bytes true"}) {
			t.Errorf("told %q", got)
		}
		time.Sleep(6 * time.Second)
		if got := r.told(); !slices.Equal(got, []string{"bus.foreign_bytes true", "bus.foreign_bytes false"}) {
			t.Errorf("told %q", got)
		}
		if s := r.Stats(); s.Foreign != 9 {
			t.Errorf("%+v", s)
		}
	})
}

// A second master that never pauses must neither fill the memory nor hold up frames.
func TestBabbleIsBoundedAndHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		l := r.Attach("dome-1", bus.Options{})
		for range 200 {
			r.port.in <- make([]byte, 32)
			time.Sleep(30 * time.Millisecond)
		}
		began := time.Now()
		if err := <-send(t.Context(), l, urgent(1)); err != nil || time.Since(began) != lineTime {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if s := r.Stats(); s.Foreign < 200*32-600 {
			t.Errorf("%+v", s)
		}
	})
}

// Two-wire adapters that hear what they send are no second master.
func TestOwnEchoIsNotForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t)
		r.port.answer = func(b []byte) []byte { return slices.Clone(b[:4]) }
		l := r.Attach("dome-1", bus.Options{})
		l.Listen(func(b []byte) int { t.Errorf("offered % X", b); return 0 })
		end := send(t.Context(), l, normal(1))
		r.port.in <- frame(1)[4:]
		<-end
		time.Sleep(time.Second)
		if s := r.Stats(); s.Foreign != 0 || s.BytesIn != 7 {
			t.Errorf("%+v", s)
		}
	})
}

func TestCorruptRepliesAreCountedByTheDriver(t *testing.T) {
	b := bus.New(bus.Config{Name: "x"})
	l, ok := b.Attach("dome-1", bus.Options{}).(line.Counter)
	if !ok {
		t.Fatal("the line is no line.Counter")
	}
	l.Corrupt()
	if s := b.Stats(); s.Corrupt != 1 {
		t.Errorf("%+v", s)
	}
}
