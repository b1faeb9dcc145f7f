package tty_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"fuqiao/edged/drivers/tty"
)

// fill writes until the far end, which does not read, has no room left.
func fill(t *testing.T, p *tty.Port) (taken int) {
	t.Helper()
	for taken < 1<<20 {
		must(t, p.SetWriteDeadline(time.Now().Add(5*time.Millisecond)))
		n, err := p.Write(make([]byte, 4096))
		taken += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return taken
		}
		must(t, err)
	}
	t.Fatal("the pseudo terminal took a megabyte")
	return taken
}

func TestWriteHasADeadlineAndCloseDoesNotWaitForTheOutput(t *testing.T) {
	_, link := pair(t)
	p := open(t, link)
	fill(t, p)
	began := time.Now()
	must(t, p.Close())
	if took := time.Since(began); took > time.Second {
		t.Fatalf("close took %v", took)
	}
}

func TestDiscardOutput(t *testing.T) {
	far, link := pair(t)
	p := open(t, link)
	taken := fill(t, p)
	must(t, p.DiscardOutput())
	must(t, p.SetWriteDeadline(time.Now().Add(5*time.Second)))
	if _, err := p.Write([]byte("!")); err != nil {
		t.Fatal(err)
	}
	// What the far end's own buffer held is past discarding, as in a real UART's.
	came, buf := 0, make([]byte, 4096)
	for {
		n, err := far.Read(buf)
		must(t, err)
		if came += n; buf[n-1] == '!' {
			break
		}
	}
	if came >= taken {
		t.Fatalf("%d bytes written, %d came after discarding", taken, came)
	}
}

func TestDiscardInput(t *testing.T) {
	far, link := pair(t)
	p := open(t, link)
	if _, err := far.Write([]byte("old")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	deadline(t, p, 5*time.Second)
	if n, err := p.Read(buf[:1]); n != 1 || err != nil { // it has arrived
		t.Fatalf("%d, %v", n, err)
	}
	must(t, p.DiscardInput())
	deadline(t, p, 5*time.Millisecond)
	if n, err := p.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %q, %v after discarding", buf[:n], err)
	}
}
