package local

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a server until the test ends.
func serve(t *testing.T, socket string) (tried chan error, log *bytes.Buffer) {
	t.Helper()
	tried, log = make(chan error, 1), &bytes.Buffer{}
	ctx, cancel := context.WithCancel(context.Background())
	closed := make(chan struct{}, 1)
	s := New(Config{
		Socket: socket, Log: slog.New(slog.NewTextHandler(log, nil)), Status: func() any { return map[string]string{"gateway": "gw-1"} },
		Tried: func(err error) { tried <- err },
		Spawn: func(_ string, run func(context.Context) error) { go func() { _ = run(ctx); closed <- struct{}{} }() },
	})
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err == nil {
			<-closed
		}
	})
	return tried, log
}

func ask(t *testing.T, socket, method, path string) (int, string) {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://edged"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestStatus: our own user gets JSON; nothing else is there; a socket that a killed daemon
// left is replaced.
func TestStatus(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	tried, _ := serve(t, socket)
	if err := <-tried; err != nil {
		t.Fatal(err)
	}
	code, body := ask(t, socket, http.MethodGet, "/v1/status")
	var v map[string]string
	if err := json.Unmarshal([]byte(body), &v); err != nil || code != 200 || v["gateway"] != "gw-1" {
		t.Errorf("%d %s %v", code, body, err)
	}
	if code, _ := ask(t, socket, http.MethodPost, "/v1/status"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
	if code, _ := ask(t, socket, http.MethodGet, "/"); code != http.StatusNotFound {
		t.Errorf("another path: %d", code)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("%v %v: members of the groups must be able to connect", info, err)
	}
}

// TestSomethingElseIsThere: what is no socket is left alone.
func TestSomethingElseIsThere(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	tried, _ := serve(t, socket)
	if err := <-tried; err == nil || !strings.Contains(err.Error(), "exists and is no socket") {
		t.Errorf("%v", err)
	}
	if raw, err := os.ReadFile(socket); err != nil || string(raw) != "precious" {
		t.Errorf("%q %v", raw, err)
	}
}

// TestWhoMayAsk: root, our own user and members of the groups; nobody else, and nobody of
// whom the kernel says nothing.
func TestWhoMayAsk(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Log: slog.New(slog.DiscardHandler), Groups: []string{"no-such-group", group.Name}})
	own := uint32(os.Getuid())
	const nobody = 4_000_000_000
	for uid, want := range map[uint32]bool{0: true, own: true, nobody: false} {
		if got := s.may(&unix.Ucred{Uid: uid}); got != want {
			t.Errorf("uid %d: %v", uid, got)
		}
	}
	w := &answer{header: http.Header{}}
	s.allowed(http.NotFoundHandler()).ServeHTTP(w, (&http.Request{}).WithContext(t.Context()))
	if w.code != http.StatusForbidden {
		t.Errorf("without a peer: %d", w.code)
	}
	s.allowed(http.NotFoundHandler()).ServeHTTP(w, (&http.Request{}).WithContext(context.WithValue(t.Context(), peerKey{}, &unix.Ucred{Uid: nobody})))
	if w.code != http.StatusForbidden || !strings.Contains(w.body.String(), "not_allowed") {
		t.Errorf("a stranger: %d %s", w.code, w.body.String())
	}
}

// TestMember: a user whose group is configured may ask: any user of this machine with a
// group of its own will do.
func TestMember(t *testing.T) {
	raw, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || f[2] == "0" {
			continue
		}
		u, err := user.LookupId(f[2])
		if err != nil || u.Uid == ownUID() {
			continue
		}
		g, err := user.LookupGroupId(u.Gid)
		if err != nil {
			continue
		}
		var uid uint32
		for _, c := range u.Uid {
			uid = uid*10 + uint32(c-'0')
		}
		tried++
		in := New(Config{Log: slog.New(slog.DiscardHandler), Groups: []string{g.Name}})
		out := New(Config{Log: slog.New(slog.DiscardHandler)})
		if !in.may(&unix.Ucred{Uid: uid}) || out.may(&unix.Ucred{Uid: uid}) {
			t.Errorf("%s of group %s", u.Username, g.Name)
		}
	}
	if tried == 0 {
		t.Fatal("this machine has no user but root")
	}
}

func ownUID() string {
	me, err := user.Current()
	if err != nil {
		return ""
	}
	return me.Uid
}

// answer is an http.ResponseWriter.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
