package serial

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear is a device that writes down what it hears and answers whole frames.
type ear struct {
	port   Port
	mu     sync.Mutex
	heard  []byte
	at     []time.Time
	answer func(heard []byte) []byte
}

func (e *ear) Plug(p Port) { e.port = p }

func (e *ear) Hear(b byte, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard, e.at = append(e.heard, b), append(e.at, at)
	if e.answer != nil {
		if a := e.answer(e.heard); a != nil {
			e.port.Send(a, at.Add(2*time.Millisecond))
		}
	}
}

func (e *ear) all() ([]byte, []time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard), slices.Clone(e.at)
}

// four is a protocol of frames of four bytes that begin with AA.
func four(b []byte) int {
	if b[0] != 0xAA {
		return -1
	}
	return 4
}

func newWire(t *testing.T, o Options, devices ...Device) *Wire {
	t.Helper()
	o.Link = filepath.Join(t.TempDir(), "tty")
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Attach(devices...)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func openPort(t *testing.T, w *Wire) *os.File {
	t.Helper()
	f, err := os.OpenFile(w.Link(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := w.WaitHeld(soon(t), true); err != nil {
		t.Fatal(err)
	}
	return f
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func write(t *testing.T, f *os.File, b ...byte) {
	t.Helper()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

// read reads n bytes from the port within 5 s.
func read(t *testing.T, f *os.File, n int) []byte {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(f, b); err != nil {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	return b
}

// pass lets the wire's time pass.
func pass(t *testing.T, w *Wire, d time.Duration) {
	t.Helper()
	done := make(chan struct{})
	w.At(time.Now().Add(d), func() { close(done) })
	select {
	case <-done:
	case <-soon(t).Done():
		t.Fatal("the wire's time stands still")
	}
}

// waitHeard waits until n bytes have passed to the devices.
func waitHeard(t *testing.T, w *Wire, e *ear, n int) {
	t.Helper()
	done := make(chan struct{})
	var look func()
	look = func() {
		if b, _ := e.all(); len(b) >= n {
			close(done)
			return
		}
		w.At(time.Now().Add(time.Millisecond), look)
	}
	w.At(time.Now(), look)
	select {
	case <-done:
	case <-soon(t).Done():
		t.Fatalf("the device did not hear %d bytes", n)
	}
}

func TestBytesArriveAtLineRate(t *testing.T) {
	e := &ear{}
	w := newWire(t, Options{Baud: 2400, Length: four}, e)
	f := openPort(t, w)
	write(t, f, 0xAA, 1, 2, 3)
	waitHeard(t, w, e, 4)
	heard, at := e.all()
	if !bytes.Equal(heard, []byte{0xAA, 1, 2, 3}) {
		t.Fatalf("heard % X", heard)
	}
	frame := w.Frames()[0]
	for i, a := range at { // ptz.md section 2: 10 bits per byte, 4.17 ms at 2400
		if want := frame.Start.Add(w.LineTime(i + 1)); !a.Equal(want) {
			t.Errorf("byte %d arrived %v after the start, want %v", i, a.Sub(frame.Start), want.Sub(frame.Start))
		}
	}
	if w.LineTime(7).Round(100*time.Microsecond) != 29200*time.Microsecond {
		t.Errorf("7 bytes at 2400 last %v, want 29.2 ms", w.LineTime(7))
	}
	if v := w.Violations(); len(v) > 0 {
		t.Errorf("violations of a lone frame: %v", v)
	}
}

func TestBusThatWritesAheadIsFoundOut(t *testing.T) {
	for _, c := range []struct {
		name string
		gap  time.Duration
		send func(t *testing.T, w *Wire, f *os.File)
		bad  int
	}{
		{"two frames in one write", 0, func(t *testing.T, _ *Wire, f *os.File) {
			write(t, f, 0xAA, 1, 2, 3, 0xAA, 4, 5, 6)
		}, 1},
		{"two frames at once", 0, func(t *testing.T, _ *Wire, f *os.File) {
			write(t, f, 0xAA, 1, 2, 3)
			write(t, f, 0xAA, 4, 5, 6)
		}, 1},
		{"one frame in two writes", 0, func(t *testing.T, _ *Wire, f *os.File) {
			write(t, f, 0xAA, 1)
			write(t, f, 2, 3)
		}, 0},
		{"the second after the line time", 0, func(t *testing.T, w *Wire, f *os.File) {
			write(t, f, 0xAA, 1, 2, 3)
			pass(t, w, w.LineTime(4)+3*time.Millisecond)
			write(t, f, 0xAA, 4, 5, 6)
		}, 0},
		{"the second within the gap", 200 * time.Millisecond, func(t *testing.T, w *Wire, f *os.File) {
			write(t, f, 0xAA, 1, 2, 3)
			pass(t, w, w.LineTime(4)+3*time.Millisecond)
			write(t, f, 0xAA, 4, 5, 6)
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &ear{}
			w := newWire(t, Options{Baud: 1200, Length: four, Gap: c.gap}, e)
			c.send(t, w, openPort(t, w))
			waitHeard(t, w, e, 4)
			if v := w.Violations(); len(v) != c.bad {
				t.Errorf("violations %q, want %d", v, c.bad)
			}
		})
	}
}

func TestAnswersArePacedAndInPieces(t *testing.T) {
	answer := []byte("0123456789abcdef")
	e := &ear{answer: func(h []byte) []byte {
		if len(h) == 4 {
			return answer
		}
		return nil
	}}
	w := newWire(t, Options{Baud: 9600, Length: four, Piece: 3}, e)
	f := openPort(t, w)
	began := time.Now()
	write(t, f, 0xAA, 1, 2, 3)
	if got := read(t, f, len(answer)); !bytes.Equal(got, answer) {
		t.Fatalf("read %q", got)
	}
	if least := w.LineTime(4+len(answer)) + 2*time.Millisecond; time.Since(began) < least {
		t.Errorf("answer was whole after %v, the line needs %v", time.Since(began), least)
	}
}

func TestUnplugAndReplug(t *testing.T) {
	e := &ear{}
	w := newWire(t, Options{Length: four}, e)
	f := openPort(t, w)
	if err := w.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.Link()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link is still there: %v", err)
	}
	if _, err := f.Write([]byte{1}); err == nil {
		t.Error("a write into an unplugged port went through")
	}
	w.Send([]byte{9}, time.Now())
	if err := w.Replug(); err != nil {
		t.Fatal(err)
	}
	f2 := openPort(t, w)
	write(t, f2, 0xAA, 1, 2, 3)
	waitHeard(t, w, e, 4)
	var what []string
	for _, p := range w.Ports() {
		what = append(what, p.What)
	}
	if got := strings.Join(what, " "); got != "plugged opened unplugged plugged opened" {
		t.Errorf("port events: %s", got)
	}
}

// A process that died leaves unread bytes and TIOCEXCL on a pty; a UART keeps neither.
func TestNextHolderFindsACleanPort(t *testing.T) {
	w := newWire(t, Options{Length: four})
	f := openPort(t, w)
	if err := unix.IoctlSetInt(int(f.Fd()), unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	w.Send([]byte("stale"), time.Now())
	pass(t, w, w.LineTime(5)+20*time.Millisecond)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.WaitHeld(soon(t), false); err != nil {
		t.Fatal(err)
	}
	w.Send([]byte("lost"), time.Now())
	pass(t, w, w.LineTime(4)+20*time.Millisecond)
	f2 := openPort(t, w)
	w.Send([]byte("new"), time.Now())
	if got := read(t, f2, 3); string(got) != "new" {
		t.Errorf("first bytes are %q, want new", got)
	}
}
