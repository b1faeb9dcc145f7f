package drivertest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// judge is a test whose failures are looked at instead of failing this one.
type judge struct {
	testing.TB
	said []string
	ends []func()
}

func (j *judge) Errorf(format string, args ...any) {
	j.said = append(j.said, fmt.Sprintf(format, args...))
}
func (j *judge) Cleanup(f func()) { j.ends = append(j.ends, f) }
func (j *judge) end() []string {
	for _, f := range j.ends {
		f()
	}
	return j.said
}

func TestAScriptIsChecked(t *testing.T) {
	for _, c := range []struct {
		name string
		send []string
		want []string
	}{
		{"as written", []string{"ab", "cd"}, nil},
		{"not used up", []string{"ab"}, []string{"wire: expected frame never came: 63 64"}},
		{"another frame", []string{"ab", "ce"}, []string{"wire: frame 2 is\n     63 65, want\n     63 64"}},
		{"one too many", []string{"ab", "cd", "ef"}, []string{"wire: frame 65 66 after the end of the script"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := &judge{TB: t}
			w := drivertest.NewWire(j).Expect([]byte("ab"), nil).Expect([]byte("cd"), nil)
			for _, s := range c.send {
				_, _ = w.Exchange(t.Context(), line.Frame{Write: []byte(s)})
			}
			if said := j.end(); !slices.Equal(said, c.want) {
				t.Errorf("said %q, want %q", said, c.want)
			}
		})
	}
}

func TestRepliesAndListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := drivertest.NewWire(t).Expect([]byte("q"), []byte("xok!y")).Expect([]byte("q"), nil).Expect([]byte("n"), []byte("z"))
		var heard []byte
		stop := w.Listen(func(b []byte) int { heard = append(heard, b[0]); return 1 })
		want := func(b []byte) int { return slices.Index(b, '!') + 1 }
		reply, err := w.Exchange(t.Context(), line.Frame{Write: []byte("q"), Want: want})
		if string(reply) != "xok!" || err != nil {
			t.Errorf("%q, %v", reply, err)
		}
		began := time.Now()
		if _, err := w.Exchange(t.Context(), line.Frame{Write: []byte("q"), Want: want, Reply: time.Second}); fault.Of(err) != fault.NoReply || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if reply, err := w.Exchange(t.Context(), line.Frame{Write: []byte("n")}); reply != nil || err != nil {
			t.Errorf("%q, %v", reply, err)
		}
		if n := w.Inject('a', 'b'); n != 2 || string(heard) != "yzab" {
			t.Errorf("%d taken, heard %q", n, heard)
		}
		stop()
		if n := w.Inject('c'); n != 0 || w.Listeners() != 0 {
			t.Errorf("%d taken by %d listeners", n, w.Listeners())
		}
	})
}

func TestLineTimeAndFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := drivertest.NewWire(t).Baud(9600)
		began := time.Now()
		send := func() error {
			_, err := w.Exchange(t.Context(), line.Frame{Write: make([]byte, 96), Urgent: true})
			return err
		}
		if err := send(); err != nil || time.Since(began) != 100*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		w.Lose()
		if err := send(); fault.Of(err) != fault.PortLost {
			t.Error(err)
		}
		w.Restore()
		w.Fill(true)
		if err := send(); fault.Of(err) != fault.Full {
			t.Error(err)
		}
		w.Fill(false)
		w.Hold()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Exchange(ctx, line.Frame{Write: []byte("x")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		w.Release()
		if err := send(); err != nil {
			t.Error(err)
		}
		f := w.Frames()
		if len(f) != 2 || !f[1].Urgent || f[1].Wanted {
			t.Errorf("%+v", f)
		}
		w.Forget()
		if len(w.Sent()) != 0 {
			t.Error("not forgotten")
		}
	})
}
