package serial

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFlushTakesOffTheWire: after TCOFLUSH only what the UART holds still leaves, and a
// frame behind it is no violation; so it is when the holder of the port dies.
func TestFlushTakesOffTheWire(t *testing.T) {
	hundred := func(b []byte) int {
		if b[0] == 0xAA {
			return 4
		}
		return 100
	}
	for _, how := range []string{"flush", "close"} {
		e := &ear{}
		w := newWire(t, Options{Baud: 9600, Length: hundred}, e)
		f := openPort(t, w)
		write(t, f, bytes.Repeat([]byte{1}, 100)...)
		pass(t, w, 10*time.Millisecond) // of 104
		if how == "flush" {
			if err := unix.IoctlSetInt(int(f.Fd()), unix.TCFLSH, unix.TCOFLUSH); err != nil {
				t.Fatal(err)
			}
		} else {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if err := w.WaitHeld(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			f = openPort(t, w)
		}
		pass(t, w, w.LineTime(fifo)+15*time.Millisecond)
		write(t, f, 0xAA, 2, 3, 4)
		pass(t, w, 10*time.Millisecond)
		h, _ := e.all()
		cut, whole := bytes.CutSuffix(h, []byte{0xAA, 2, 3, 4})
		if !whole || len(cut) < 5 || len(cut) > 70 {
			t.Errorf("%s: devices heard %d bytes: % X", how, len(h), h)
		}
		frames := w.Frames()
		if len(frames) != 2 || frames[0].Whole || len(frames[0].Data) != len(cut) || !frames[1].Whole {
			t.Errorf("%s: frames %+v", how, frames)
		}
		if v := w.Violations(); len(v) > 0 {
			t.Errorf("%s: %q", how, v)
		}
	}
}
