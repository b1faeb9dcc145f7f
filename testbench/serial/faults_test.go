package serial

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFaultsOfTheWire(t *testing.T) {
	echo4 := func(h []byte) []byte {
		if len(h)%4 == 0 {
			return []byte{0x4F}
		}
		return nil
	}
	e := &ear{answer: echo4}
	w := newWire(t, Options{Baud: 38400, Length: four}, e)
	f := openPort(t, w)
	say := func(b byte) { write(t, f, 0xAA, b, b, b) }

	w.DropNext(1)
	say(1)
	pass(t, w, 20*time.Millisecond)
	w.GarbleNext(1)
	say(2)
	waitHeard(t, w, e, 4)
	if h, _ := e.all(); !bytes.Equal(h, []byte{0xAA, 2, 2, 2 ^ 0x10}) {
		t.Errorf("after a dropped and a garbled frame the device heard % X", h)
	}
	if got := read(t, f, 1); got[0] != 0x4F {
		t.Errorf("answer % X", got)
	}
	w.Mute(true)
	say(3)
	waitHeard(t, w, e, 8)
	w.Mute(false)
	w.Echo(true)
	say(4)
	if got := read(t, f, 5); !bytes.Equal(got, []byte{0xAA, 4, 4, 4, 0x4F}) {
		t.Errorf("with echo the gateway reads % X", got)
	}
	w.Echo(false)
	w.Deaf(true)
	say(5)
	pass(t, w, 20*time.Millisecond)
	w.Deaf(false)
	w.Foreign([]byte("?"))
	if got := read(t, f, 1); got[0] != '?' {
		t.Errorf("foreign byte % X", got)
	}
	if h, _ := e.all(); len(h) != 13 || h[12] != '?' {
		t.Errorf("devices heard % X", h)
	}
	if fates := w.Frames(); fates[0].Fate != Drop || fates[1].Fate != Garble || fates[2].Fate != Pass {
		t.Errorf("fates %v", fates)
	}
}

func TestStalledPortTakesNothing(t *testing.T) {
	w := newWire(t, Options{Length: four})
	f := openPort(t, w)
	if err := w.Stall(true); err != nil {
		t.Fatal(err)
	}
	if err := f.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Write([]byte{0xAA, 1, 2, 3}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled port took %d bytes: %v", n, err)
	}
	if err := w.Stall(false); err != nil {
		t.Fatal(err)
	}
	if err := f.SetWriteDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	write(t, f, 0xAA, 7, 7, 7)
	got, err := w.WaitFrame(soon(t), 0, func(Frame) bool { return true })
	if err != nil || !bytes.Equal(got.Data, []byte{0xAA, 7, 7, 7}) {
		t.Errorf("after the stall: % X, %v", got.Data, err)
	}
}

func TestTwoTalkersCollide(t *testing.T) {
	for _, full := range []bool{false, true} {
		e := &ear{}
		w := newWire(t, Options{Baud: 1200, Length: four, FullDuplex: full}, e)
		f := openPort(t, w)
		w.Send([]byte{1, 2, 3, 4}, time.Now())
		write(t, f, 0xAA, 1, 2, 3)
		waitHeard(t, w, e, 4)
		if h, _ := e.all(); bytes.Equal(h, []byte{0xAA, 1, 2, 3}) != full || (w.Collisions() == 0) != full {
			t.Errorf("full duplex %v: heard % X, %d collisions", full, h, w.Collisions())
		}
	}
}

func TestWrongBaudIsGarbage(t *testing.T) {
	e := &ear{}
	w := newWire(t, Options{Baud: 9600, CheckBaud: true, Length: four}, e)
	f := openPort(t, w)
	set := func(rate uint32) {
		raw, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		raw.Cflag = raw.Cflag&^unix.CBAUD | rate
		if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, raw); err != nil {
			t.Fatal(err)
		}
	}
	set(unix.B2400)
	write(t, f, 0xAA, 1, 2, 3)
	waitHeard(t, w, e, 4)
	if len(w.Violations()) != 1 {
		t.Errorf("violations %q", w.Violations())
	}
	set(unix.B9600)
	write(t, f, 0xAA, 4, 5, 6)
	waitHeard(t, w, e, 8)
	if h, _ := e.all(); bytes.Equal(h[:4], []byte{0xAA, 1, 2, 3}) || !bytes.Equal(h[4:], []byte{0xAA, 4, 5, 6}) {
		t.Errorf("heard % X", h)
	}
}

func TestNoiseHasItsRate(t *testing.T) {
	f := &faults{noise: 0.1}
	w := &Wire{}
	w.rnd = newRand(7)
	wrong := 0
	for range 100000 {
		if f.noisy(w.rnd, 0) != 0 {
			wrong++
		}
	}
	if wrong < 9500 || wrong > 10500 {
		t.Errorf("%d of 100000 bytes were wrong, want about 10000", wrong)
	}
}
