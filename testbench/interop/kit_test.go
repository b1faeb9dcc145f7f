//go:build interop

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/pki"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
	"fuqiao/edged/testbench/street"
)

const binaries = "INTEROP_BINARIES"

// TestMain builds both programs once.
func TestMain(m *testing.M) {
	kernel.Main(os.Exit)
	os.Exit(withBinaries(m.Run))
}

func withBinaries(run func() int) int {
	dir, err := os.MkdirTemp("", "interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if out, err := exec.Command("go", "build", "-o", dir+"/", "fuqiao/edged/cmd/edged", "fuqiao/edged/cmd/edgectl").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(binaries, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}

func program(name string) string { return filepath.Join(os.Getenv(binaries), name) }

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soon waits until look is true.
func soon(t *testing.T, what string, look func() bool) {
	t.Helper()
	ctx := within(t)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not seen: %s", what)
		}
	}
}

// server is a broker of somebody else's as a process.
type server struct {
	t    *testing.T
	name string
	addr string
	conf string

	mu  sync.Mutex
	cmd *exec.Cmd
	log bytes.Buffer
}

// Write takes what the broker prints.
func (s *server) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

// start starts it and waits until it listens.
func (s *server) start() {
	s.t.Helper()
	args := []string{"-c", s.conf}
	s.cmd = exec.Command(s.name, args...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	must(s.t, s.cmd.Start())
	soon(s.t, s.name, func() bool {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

// stop ends it at once.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	err := errors.Join(s.cmd.Process.Kill(), ignoreExit(s.cmd.Wait()))
	s.cmd = nil
	if err != nil {
		s.t.Error(err)
	}
}

func ignoreExit(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// rules are what edgectl acl writes.
func rules(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(program("edgectl"), append([]string{"acl"}, args...)...).Output()
	must(t, err)
	return string(out)
}

// mosquitto makes a Mosquitto with exactly the settings and rules of edgectl acl; change may
// alter the rules.
func mosquitto(t *testing.T, ca *pki.CA, own pki.Spec, change func(string) string) *server {
	t.Helper()
	dir := t.TempDir()
	pair, err := ca.Issue(own)
	must(t, err)
	acl := rules(t, "mosquitto")
	var settings []string
	for line := range strings.SplitSeq(acl, "\n") {
		if s, ok := strings.CutPrefix(line, "#   "); ok {
			settings = append(settings, s)
		}
	}
	if change != nil {
		acl = change(acl)
	}
	must(t, os.WriteFile(filepath.Join(dir, "acl"), []byte(acl), 0o644))
	s := &server{t: t, name: "mosquitto", addr: freeAddr(t), conf: filepath.Join(dir, "mosquitto.conf")}
	_, port, err := net.SplitHostPort(s.addr)
	must(t, err)
	text := strings.NewReplacer("listener 8883", "listener "+port+" 127.0.0.1", "ca.pem", ca.File(), "broker.pem", pair.Cert, "broker.key", pair.Key,
		"THIS FILE", filepath.Join(dir, "acl")).Replace(strings.Join(settings, "\n"))
	must(t, os.WriteFile(s.conf, []byte(text+"\nlog_type all\nuser root\n"), 0o644))
	t.Cleanup(s.stop)
	return s
}

// nats makes a nats-server with exactly the settings and users of edgectl acl.
func nats(t *testing.T, ca *pki.CA, own pki.Spec, gateways ...string) *server {
	t.Helper()
	dir := t.TempDir()
	pair, err := ca.Issue(own)
	must(t, err)
	acl := rules(t, append([]string{"nats", "--platform", "ctl-platform"}, gateways...)...)
	var settings []string
	for line := range strings.SplitSeq(acl, "\n") {
		if s, ok := strings.CutPrefix(line, "#   "); ok {
			settings = append(settings, s)
		}
	}
	must(t, os.WriteFile(filepath.Join(dir, "users.conf"), []byte(acl), 0o644))
	s := &server{t: t, name: "nats-server", addr: freeAddr(t), conf: filepath.Join(dir, "nats.conf")}
	_, port, err := net.SplitHostPort(s.addr)
	must(t, err)
	text := strings.NewReplacer("8883", port, "NAME", "street", "DIR", `"`+filepath.Join(dir, "js")+`"`, "ca.pem", `"`+ca.File()+`"`, "broker.pem", `"`+pair.Cert+`"`,
		"broker.key", `"`+pair.Key+`"`, "include THIS FILE", "include users.conf").Replace(strings.Join(settings, "\n"))
	must(t, os.WriteFile(s.conf, []byte("listen: \""+freeAddr(t)+"\"\n"+text+"\n"), 0o644))
	t.Cleanup(s.stop)
	return s
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { must(t, l.Close()) }()
	return l.Addr().String()
}

// brokerSpec is the right certificate of a broker here.
func brokerSpec() pki.Spec {
	return pki.Spec{Name: "outside", Hosts: []string{"127.0.0.1", "localhost"}}
}

// live stands a street up around a broker that make starts.
func live(t *testing.T, o street.Options, make func(ca *pki.CA) *server) (*street.Street, *server) {
	t.Helper()
	var out *server
	o.Edged, o.Dir = program("edged"), t.TempDir()
	o.Speech = speech.Options{Faster: 10, Lead: 10 * time.Millisecond}
	o.Outside = func(_ context.Context, ca *pki.CA) (string, error) {
		out = make(ca)
		out.start()
		return out.addr, nil
	}
	s, err := street.New(within(t), o)
	if err != nil {
		if out != nil {
			t.Log(out.log.String())
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			out.mu.Lock()
			t.Log(out.log.String())
			out.mu.Unlock()
		}
		s.Platform.Look(func(b *platform.Books) {
			for _, m := range b.Bad {
				t.Errorf("against the contract: %s", m)
			}
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, out
}
