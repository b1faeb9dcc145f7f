package intake

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSlowLoris: who sends a header for ever, or nothing at all, is cut off, and the
// others are served meanwhile.
func TestSlowLoris(t *testing.T) {
	h, addr := newHouse(t), free(t)
	h.limits.header, h.limits.idle = 60*time.Millisecond, 60*time.Millisecond
	h.serve(t, addr, "/cam-1", word("here"))
	h.up(t)
	silent, slow, idle := dial(t, addr), dial(t, addr), dial(t, addr)
	fmt.Fprint(idle, "GET /cam-1 HTTP/1.1\r\nHost: x\r\n\r\n")
	fmt.Fprint(slow, "GET /cam-1 HTTP/1.1\r\nX-A: ")
	drip := make(chan struct{})
	go func() { // one byte each 5 ms: always busy, never ready
		defer close(drip)
		for range 4000 {
			if _, err := io.WriteString(slow, "a"); err != nil {
				return
			}
			<-time.After(5 * time.Millisecond)
		}
	}()
	if got := get(t, addr, "/cam-1"); got != "here" {
		t.Errorf("beside a slow one: %s", got)
	}
	for name, c := range map[string]net.Conn{"silent": silent, "slow": slow, "idle": idle} {
		if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: still open", name)
		}
	}
	slow.Close()
	<-drip
}

// TestSlowBodyOfAnyEndpoint: an endpoint that forgets to bound its sender is bound by
// the house.
func TestSlowBodyOfAnyEndpoint(t *testing.T) {
	h, addr := newHouse(t), free(t)
	h.limits.read = 60 * time.Millisecond
	failed := make(chan error, 1)
	h.serve(t, addr, "/cam-1", func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		failed <- err
	})
	h.up(t)
	c := dial(t, addr)
	fmt.Fprint(c, "POST /cam-1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
	if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestLargeHeader(t *testing.T) {
	h, addr := newHouse(t), free(t)
	h.serve(t, addr, "/cam-1", word("here"))
	h.up(t)
	c := dial(t, addr)
	go func() { // it may be cut off in the middle
		_, _ = io.WriteString(c, "GET /cam-1 HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 16<<10)+"\r\n\r\n")
	}()
	if status, _ := read(t, c); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d", status)
	}
	c = dial(t, addr)
	fmt.Fprint(c, "GET /cam-1 HTTP/1.1\r\nHost: x\r\nX-A: "+strings.Repeat("a", 4<<10)+"\r\n\r\n")
	if status, body := read(t, c); status != 200 || body != "here" {
		t.Errorf("a header of 4 KiB: %d %s", status, body)
	}
}

// TestTooManyConnections: one host gets so many and no more; a place that is given
// back can be used again.
func TestTooManyConnections(t *testing.T) {
	h, addr := newHouse(t), free(t)
	h.limits.peer = 2
	h.serve(t, addr, "/cam-1", word("here"))
	h.up(t)
	ask := func(c net.Conn) string {
		fmt.Fprint(c, "GET /cam-1 HTTP/1.1\r\nHost: x\r\n\r\n")
		_, body := read(t, c)
		return body
	}
	first, second := dial(t, addr), dial(t, addr)
	if a, b := ask(first), ask(second); a != "here" || b != "here" {
		t.Errorf("the first two: %s, %s", a, b)
	}
	if got := ask(dial(t, addr)); got == "here" {
		t.Error("a third was served")
	}
	first.Close()
	for ask(dial(t, addr)) != "here" { // the server has yet to see that the first is gone
		continue
	}
}

// TestGate counts: all places, and those of one host.
func TestGate(t *testing.T) {
	g := newGate(nil, 3, 2)
	for i, c := range []struct {
		host string
		in   bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", false}, {"c", false}} {
		if got := g.enter(c.host); got != c.in {
			t.Errorf("%d: %s in: %t", i, c.host, got)
		}
	}
	g.leave("a")
	if !g.enter("c") || g.enter("a") {
		t.Error("a place that was given back")
	}
	for _, host := range []string{"a", "b", "c"} {
		g.leave(host)
	}
	if g.open != 0 || len(g.peers) != 0 {
		t.Errorf("%d open, %v", g.open, g.peers)
	}
}
