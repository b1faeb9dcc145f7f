package webhook_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/webhook"
)

// raw is a connection on which the test writes what it likes.
type raw struct {
	net.Conn
	t *testing.T
}

func (b *bench) raw() raw {
	b.t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(b.url, "http://"), "/")
	c, err := net.Dial("tcp", host)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second)) // only if it hangs
	return raw{c, b.t}
}

func (c raw) write(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		c.t.Fatal(err)
	}
}

// head is a request's header with the right token.
func head(more string) string {
	return "POST /cam-1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\n" + more + "\r\n"
}

func (c raw) post(body string) {
	c.t.Helper()
	c.write(head(fmt.Sprintf("Content-Length: %d\r\n", len(body))) + body)
}

// status reads one answer.
func (c raw) status() int {
	c.t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

// TestLargeIsRefusedUnread: the announced length is enough, and of a body without one
// no more is read than fits.
func TestLargeIsRefusedUnread(t *testing.T) {
	b := newBench(t).watch()
	c := b.raw()
	c.write(head("Content-Length: 1000000000\r\n"))
	if got := c.status(); got != 413 {
		t.Errorf("by length: %d", got)
	}
	c = b.raw()
	c.write(head("Transfer-Encoding: chunked\r\n") + "8001\r\n" + strings.Repeat("x", 0x8001) + "\r\n") // and no end
	if got := c.status(); got != 413 {
		t.Errorf("chunked: %d", got)
	}
}

// TestStrangersAreNotRead: without the token no body is asked for, let alone read.
func TestStrangersAreNotRead(t *testing.T) {
	b := newBench(t).watch()
	c := b.raw()
	c.write("POST /cam-1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n")
	if got := c.status(); got != 401 {
		t.Errorf("%d, want 401 and no 100", got)
	}
}

// TestSlowBody: a body that does not come is given up, and its place is free again.
func TestSlowBody(t *testing.T) {
	b := newBench(t, func(c *webhook.Config) { c.ReadWithin, c.AtOnce = 30*time.Millisecond, 1 }).watch()
	began := time.Now()
	for _, begin := range []string{head("Content-Length: 20\r\n") + `{"a":`, head("Transfer-Encoding: chunked\r\n") + "5\r\n{\"a\":\r\n"} {
		c := b.raw()
		c.write(begin)
		if got := c.status(); got != 408 {
			t.Errorf("%d, want 408", got)
		}
	}
	if took := time.Since(began); took < 60*time.Millisecond || took > 5*time.Second {
		t.Errorf("given up after %s", took)
	}
	if status, _, _ := b.send("POST", `{}`); status != 202 {
		t.Errorf("the next one: %d", status)
	}
	c := b.raw()
	c.write(head("Content-Length: 20\r\n") + `{"a":`)
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	if got := c.status(); got != 400 {
		t.Errorf("a body that breaks off: %d", got)
	}
}

// TestTakenMeansStored: while the journal works there is no answer; when it is done
// there is 202. A time limit for the body does not run on meanwhile.
func TestTakenMeansStored(t *testing.T) {
	b := newBench(t, func(c *webhook.Config) { c.ReadWithin = 20 * time.Millisecond })
	entered, stored := make(chan struct{}), make(chan struct{})
	b.keep = func(context.Context, drivers.Event) error {
		close(entered)
		<-stored
		return nil
	}
	b.watch()
	c := b.raw()
	c.post(`{"type":"motion"}`)
	<-entered
	_ = c.SetReadDeadline(time.Now().Add(60 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes of an answer before the event was stored (%v)", n, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	close(stored)
	if got := c.status(); got != 202 || len(b.got()) != 1 {
		t.Errorf("%d, %d events", got, len(b.got()))
	}
}

// TestNotStored: an error of the journal, or one that takes too long, is 503.
func TestNotStored(t *testing.T) {
	b := newBench(t, func(c *webhook.Config) { c.StoreWithin = 20 * time.Millisecond })
	b.keep = func(context.Context, drivers.Event) error { return errors.New("read-only file system") }
	b.watch()
	if status, h, text := b.send("POST", `{}`); status != 503 || h.Get("Retry-After") == "" || strings.Contains(text, "read-only") {
		t.Errorf("%d %v %s", status, h, text)
	}
	b.mu.Lock()
	b.keep = func(ctx context.Context, _ drivers.Event) error { <-ctx.Done(); return ctx.Err() }
	b.mu.Unlock()
	if status, _, _ := b.send("POST", `{}`); status != 503 {
		t.Errorf("a disk that hangs: %d", status)
	}
	b.mu.Lock()
	b.keep = nil
	b.mu.Unlock()
	if status, _, _ := b.send("POST", `{}`); status != 202 {
		t.Errorf("afterwards: %d", status)
	}
}

// TestAtOnce: so many at a time, one more is sent away with the hint to come back, and
// connections that only stand there take no place.
func TestAtOnce(t *testing.T) {
	b := newBench(t) // two at once
	entered, stored := make(chan struct{}), make(chan struct{})
	b.keep = func(context.Context, drivers.Event) error {
		entered <- struct{}{}
		<-stored
		return nil
	}
	b.watch()
	var idle []raw
	for range 5 {
		idle = append(idle, b.raw())
	}
	first, second := b.raw(), b.raw()
	first.post(`{"n":1}`)
	second.post(`{"n":2}`)
	<-entered
	<-entered
	if status, h, _ := b.send("POST", `{"n":3}`); status != 503 || h.Get("Retry-After") == "" {
		t.Errorf("the third: %d %v", status, h)
	}
	close(stored)
	if a, b := first.status(), second.status(); a != 202 || b != 202 {
		t.Errorf("the first two: %d, %d", a, b)
	}
	go func() { <-entered }()
	if status, _, _ := b.send("POST", `{"n":4}`); status != 202 || len(idle) != 5 {
		t.Errorf("afterwards: %d", status)
	}
}

// TestSenderHangsUp: what is on its way to the disk gets there; the sender will ask
// again with the same id.
func TestSenderHangsUp(t *testing.T) {
	b := newBench(t)
	entered, gone, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	b.keep = func(ctx context.Context, _ drivers.Event) error {
		close(entered)
		<-gone
		done <- ctx.Err()
		return nil
	}
	b.watch()
	c := b.raw()
	c.post(`{"type":"motion"}`)
	<-entered
	c.Close()
	close(gone)
	if err := <-done; err != nil {
		t.Errorf("emit's ctx ended with the connection: %v", err)
	}
}

// TestWatcherContract: a webhook is a Watcher as the house wants them.
func TestWatcherContract(t *testing.T) {
	drivertest.WatcherSuite(t, func(t *testing.T) drivertest.WatcherRig {
		b := newBench(t)
		return drivertest.WatcherRig{
			Watcher: b.Source,
			Provoke: func(ctx context.Context, n int) bool { return provoke(ctx, t, b, n) },
		}
	})
}

// provoke posts an event as soon as the endpoint is there.
func provoke(ctx context.Context, t *testing.T, b *bench, n int) bool {
	var addr string
	select {
	case addr = <-b.addr:
	case <-ctx.Done():
		return false
	}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+addr+"/cam-1", strings.NewReader(fmt.Sprintf(`{"type":"motion","n":%d}`, n)))
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	var transport http.Transport
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusAccepted
}
