package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain looks for goroutines that stay. net/http's own half second of waiting
// after an answer with "Connection: close" is none.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// house runs what is spawned, and ends it with the test.
type house struct {
	*Servers
	ctx   context.Context
	close func()
	told  chan error
}

func newHouse(t *testing.T) *house {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	h := &house{ctx: ctx, told: make(chan error, 64)}
	h.close = sync.OnceFunc(func() { cancel(); running.Wait() })
	h.Servers = NewServers(slog.New(slog.NewTextHandler(io.Discard, nil)), func(_ string, run func(context.Context) error) {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	})
	h.Notice = func(_ string, err error) { h.told <- err }
	t.Cleanup(h.close)
	return h
}

// serve puts an endpoint up and returns when it listens; end takes it down again.
func (h *house) serve(t *testing.T, addr, path string, f http.HandlerFunc) (end func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, addr, path, f) }()
	end = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = end() })
	return end
}

// up waits until the address is listened on.
func (h *house) up(t *testing.T) {
	t.Helper()
	for {
		select {
		case err := <-h.told:
			if err == nil {
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("not listening")
		}
	}
}

// free is an address of loopback that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func word(w string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, w) }
}

// get returns what is at a path: "404", or the endpoint's word.
func get(t *testing.T, addr, path string) string {
	t.Helper()
	c := dial(t, addr)
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
	status, body := read(t, c)
	if status != 200 {
		return fmt.Sprint(status)
	}
	return body
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // only if it hangs
	return c
}

// read reads an answer; status 0: the connection was closed without one.
func read(t *testing.T, c net.Conn) (int, string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err.Error()
	}
	body, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body)
}

// TestServersShareAnAddress: endpoints come and go, each by its exact path; with the
// last one the socket goes, and the address is free.
func TestServersShareAnAddress(t *testing.T) {
	h, addr := newHouse(t), free(t)
	one := h.serve(t, addr, "/cam-1", word("one"))
	h.up(t)
	two := h.serve(t, addr, "/cam-2", word("two"))
	for get(t, addr, "/cam-2") != "two" { // it is entered by another goroutine
		continue
	}
	for path, want := range map[string]string{"/cam-1": "one", "/cam-2": "two", "/": "404", "/cam-1/": "404", "/cam-3": "404", "//cam-1": "404"} {
		if got := get(t, addr, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if err := h.Serve(t.Context(), addr, "/cam-2", word("thief")); err == nil || !strings.Contains(err.Error(), addr+"/cam-2") {
		t.Errorf("an endpoint that is taken: %v", err)
	}
	if err := one(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if a, b := get(t, addr, "/cam-1"), get(t, addr, "/cam-2"); a != "404" || b != "two" {
		t.Errorf("after the first left: %s, %s", a, b)
	}
	_ = two()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("the address is not free: %v", err)
	}
	l.Close()
	h.serve(t, addr, "/cam-1", word("again"))
	h.up(t)
	if got := get(t, addr, "/cam-1"); got != "again" {
		t.Errorf("listening again: %s", got)
	}
}

// TestServersWaitForTheAddress: one that is not there is reported and tried again.
func TestServersWaitForTheAddress(t *testing.T) {
	h := newHouse(t)
	h.limits.firstRetry = time.Millisecond
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := other.Addr().String()
	h.serve(t, addr, "/cam-1", word("here"))
	for range 3 {
		if err := <-h.told; err == nil {
			t.Error("listening on an address that is taken")
		}
	}
	other.Close()
	h.up(t)
	if got := get(t, addr, "/cam-1"); got != "here" {
		t.Error(got)
	}
}

// TestServersListenAgain: a listener that breaks is replaced.
func TestServersListenAgain(t *testing.T) {
	h, addr := newHouse(t), free(t)
	h.limits.firstRetry = time.Millisecond
	listeners := make(chan net.Listener, 2)
	listen := h.listen
	h.listen = func(ctx context.Context, hostport string) (net.Listener, error) {
		l, err := listen(ctx, hostport)
		listeners <- l
		return l, err
	}
	h.serve(t, addr, "/cam-1", word("here"))
	h.up(t)
	(<-listeners).Close()
	if err := <-h.told; err == nil {
		t.Error("a broken listener was not reported")
	}
	h.up(t)
	if got := get(t, addr, "/cam-1"); got != "here" {
		t.Error(got)
	}
}

// TestServersEnd: an answer under way is finished, and nothing waits for ever: not when
// the house closes first, not when it has never run what it was given.
func TestServersEnd(t *testing.T) {
	h, addr := newHouse(t), free(t)
	inside, goOn := make(chan struct{}), make(chan struct{})
	end := h.serve(t, addr, "/cam-1", func(w http.ResponseWriter, _ *http.Request) {
		close(inside)
		<-goOn
		_, _ = io.WriteString(w, "finished")
	})
	h.up(t)
	c := dial(t, addr)
	fmt.Fprint(c, "GET /cam-1 HTTP/1.1\r\nHost: x\r\n\r\n")
	<-inside
	ended := make(chan error)
	go func() { ended <- end() }()
	close(goOn)
	if _, body := read(t, c); body != "finished" {
		t.Errorf("an answer under way: %q", body)
	}
	<-ended

	h.serve(t, addr, "/cam-1", word("x"))
	h.up(t)
	h.close() // waits for all that was spawned
	if len(h.sites) != 0 {
		t.Errorf("%d sites in a closed house", len(h.sites))
	}

	dead := NewServers(slog.New(slog.NewTextHandler(io.Discard, nil)), func(string, func(context.Context) error) {})
	dead.limits.close = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dead.Serve(ctx, addr, "/cam-1", word("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("a house that runs nothing: %v", err)
	}
}
