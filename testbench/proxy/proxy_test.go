package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that says everything back.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

func newProxy(t *testing.T) *Proxy {
	t.Helper()
	p, err := New(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// says sends s and returns what comes back within d.
func says(t *testing.T, c net.Conn, s string, d time.Duration) (string, error) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		return "", err
	}
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(s))
	n, err := io.ReadFull(c, b)
	return string(b[:n]), err
}

func set(t *testing.T, p *Proxy, m Mode) {
	t.Helper()
	if err := p.Set(m); err != nil {
		t.Fatal(err)
	}
}

func TestCutAndMended(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	if got, err := says(t, c, "hello", 5*time.Second); got != "hello" {
		t.Fatalf("%q %v", got, err)
	}
	set(t, p, Cut)
	if _, err := says(t, c, "x", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a cut connection says %v", err)
	}
	if _, err := net.Dial("tcp", p.Addr()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a cut link says %v to a new connection", err)
	}
	set(t, p, Pass)
	if got, err := says(t, dial(t, p), "again", 5*time.Second); got != "again" {
		t.Errorf("%q %v", got, err)
	}
	if s := p.Stats(); s.Accepted != 2 || s.Up != 10 || s.Down != 10 {
		t.Errorf("%+v", s)
	}
}

func TestSilentLinks(t *testing.T) {
	for _, m := range []Mode{BlackHole, Swallow, UpOnly, DownOnly} {
		p := newProxy(t)
		c := dial(t, p)
		if got, err := says(t, c, "a", 5*time.Second); got != "a" {
			t.Fatalf("%q %v", got, err)
		}
		set(t, p, m)
		if _, err := says(t, c, "b", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("mode %d: %v", m, err)
		}
		if _, err := says(t, dial(t, p), "c", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("mode %d, new connection: %v", m, err)
		}
		up := p.Stats().Up
		if want := map[Mode]int64{BlackHole: 1, Swallow: 1, UpOnly: 3, DownOnly: 1}[m]; up != want && m != BlackHole {
			t.Errorf("mode %d: %d bytes went up, want %d", m, up, want)
		}
	}
}

// A black hole fills the sender's buffers; then its writes stand still.
func TestBlackHoleFillsUp(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	set(t, p, BlackHole)
	if err := c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for range 64 {
		if _, err := c.Write(block); err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("64 MiB went into a black hole")
}

func TestShape(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	p.Shape(0, 50*time.Millisecond)
	began := time.Now()
	if got, err := says(t, c, "far", 5*time.Second); got != "far" || time.Since(began) < 100*time.Millisecond {
		t.Errorf("%q %v after %v, want two delays of 50 ms", got, err, time.Since(began))
	}
	p.Shape(10_000, 0)
	began = time.Now()
	if _, err := says(t, c, string(make([]byte, 2000)), 5*time.Second); err != nil || time.Since(began) < 200*time.Millisecond {
		t.Errorf("2000 bytes at 10 kB/s took %v: %v", time.Since(began), err)
	}
}

func TestResetIsSeen(t *testing.T) {
	p := newProxy(t)
	c := dial(t, p)
	if _, err := says(t, c, "a", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	if _, err := says(t, c, "b", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a reset: %v", err)
	}
	if got, err := says(t, dial(t, p), "c", 5*time.Second); got != "c" {
		t.Errorf("%q %v", got, err)
	}
}
