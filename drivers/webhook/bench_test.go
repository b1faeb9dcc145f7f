package webhook_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/webhook"
)

// TestMain looks for goroutines that stay. net/http's own half second of waiting
// after an answer with "Connection: close" is none.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const token = "c7-4f0d2b1e"

// bench is one endpoint on loopback, with a journal of the test's own.
type bench struct {
	*webhook.Source
	t    *testing.T
	c    webhook.Config
	addr chan string // gives the address while Watch runs
	url  string

	mu     sync.Mutex
	log    bytes.Buffer
	events []drivers.Event
	keep   func(context.Context, drivers.Event) error // nil: it is kept
	raised map[string]bool
	secret func() ([]byte, error)
}

func newBench(t *testing.T, change ...func(*webhook.Config)) *bench {
	b := &bench{t: t, addr: make(chan string), raised: map[string]bool{}}
	b.secret = func() ([]byte, error) { return []byte(token), nil }
	b.c = webhook.Config{
		Listen: "127.0.0.1:0", Path: "/cam-1", Serve: b.serve, Log: slog.New(slog.NewTextHandler(b, nil)),
		Token: b.token, MaxBytes: 32 << 10,
		ReadWithin: 5 * time.Second, StoreWithin: 5 * time.Second, AtOnce: 2,
		Raise: func(code, _ string) { b.set(func() { b.raised[code] = true }) },
		Clear: func(code string) { b.set(func() { delete(b.raised, code) }) },
	}
	for _, f := range change {
		f(&b.c)
	}
	b.Source = webhook.New(b.c)
	return b
}

func (b *bench) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// token reads the secret as it is now.
func (b *bench) token() ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.secret()
}

// Write takes what is logged.
func (b *bench) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

// logged is what was logged so far.
func (b *bench) logged() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.String()
}

// alarmed tells whether the secret is reported missing.
func (b *bench) alarmed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.raised["secret.missing"]
}

// got is the events so far.
func (b *bench) got() []drivers.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.events)
}

// serve stands in for the house's listener.
func (b *bench) serve(ctx context.Context, hostport, path string, h http.Handler) error {
	l, err := net.Listen("tcp", hostport)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(path, h)
	server := &http.Server{Handler: mux}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	for {
		select {
		case b.addr <- l.Addr().String():
		case <-ctx.Done():
			_ = server.Close()
			<-done
			return ctx.Err()
		}
	}
}

// watch runs Watch until the test ends.
func (b *bench) watch() *bench {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := b.Watch(ctx, b.emit); !errors.Is(err, context.Canceled) {
			b.t.Errorf("Watch: %v", err)
		}
	}()
	b.url = "http://" + <-b.addr + b.c.Path
	b.t.Cleanup(func() { cancel(); <-done })
	return b
}

func (b *bench) emit(ctx context.Context, e drivers.Event) error {
	b.mu.Lock()
	keep := b.keep
	b.mu.Unlock()
	if keep != nil {
		if err := keep(ctx, e); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	return nil
}

// send makes one request and returns status, headers and text of its answer.
func (b *bench) send(method, body string, headers ...string) (int, http.Header, string) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.url, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	var transport http.Transport
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if answer.Close { // the client takes this header out
		answer.Header.Set("Connection", "close")
	}
	return answer.StatusCode, answer.Header, strings.TrimSpace(string(text))
}
