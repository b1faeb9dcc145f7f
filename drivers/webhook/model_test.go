package webhook_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/webhook"
)

const good = "listen: 192.168.8.2:8085\npath: /cam-1\nsecret: cam-1\n"

// TestOptions: what a technician may write, and what he reads when it is wrong.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ name, options, want string }{
		{"least", good, ""},
		{"all", good + "max_kib: 16\nalarm_types: [fire, fall]\n", ""},
		{"nothing", "max_kib: 16\n", "options.listen: is missing"},
		{"every address by silence", "listen: \":8085\"\npath: /cam-1\nsecret: cam-1\n", "options.listen: \":8085\" is not host:port"},
		{"no port", "listen: 192.168.8.2\npath: /cam-1\nsecret: cam-1\n", "options.listen: 192.168.8.2 is not host:port"},
		{"a path without slash", "listen: 192.168.8.2:8085\npath: cam-1\nsecret: cam-1\n", "options.path: cam-1 is not a path"},
		{"a query", "listen: 192.168.8.2:8085\npath: /cam?x=1\nsecret: cam-1\n", "options.path: /cam?x=1 is not a path"},
		{"more than the house takes", good + "max_kib: 64\n", "options.max_kib: 64 is out of range; allowed: 1 to 32"},
		{"an unknown key", good + "url: x\n", "options.url: unknown key"},
	} {
		claims, problems := webhook.Model().Check(drivertest.Options(t, c.options))
		if c.want == "" {
			if len(problems) != 0 || len(claims.Listens) != 1 || claims.Listens[0] != "192.168.8.2:8085/cam-1" || len(claims.Secrets) != 1 || claims.Secrets[0] != "cam-1" {
				t.Errorf("%s: %+v, %v", c.name, claims, problems)
			}
			continue
		}
		if len(problems) == 0 || !strings.Contains(problems[0].Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.name, problems, c.want)
		}
	}
	if _, problems := webhook.Model().Check(drivertest.Options(t, "listen: 192.168.8.2:8085\npath: /c\nsecret: Geheim!123\n")); len(problems) != 1 || strings.Contains(problems[0].Error(), "Geheim") {
		t.Errorf("a literal secret: %v", problems)
	}
}

// TestOpen: the model asks the house for its endpoint and for its secret.
func TestOpen(t *testing.T) {
	m := webhook.Model()
	served := errors.New("served")
	var asked string
	parts := drivers.Parts{
		Device: "cam-1", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Serve: func(_ context.Context, hostport, path string, h http.Handler) error {
			if hostport != "192.168.8.2:8085" || path != "/cam-1" {
				t.Errorf("%s %s", hostport, path)
			}
			r, _ := http.NewRequest("POST", "/cam-1", nil)
			h.ServeHTTP(&nobody{header: http.Header{}}, r)
			return served
		},
		Secret: func(name string) ([]byte, error) { asked = name; return nil, errors.New("none") },
	}
	d, err := m.Open(t.Context(), drivertest.Options(t, good), parts)
	if err != nil {
		t.Fatal(err)
	}
	w, ok := d.(drivers.Watcher)
	if !ok {
		t.Fatalf("%T is no watcher", d)
	}
	if err := w.Watch(t.Context(), nil); !errors.Is(err, served) || asked != "cam-1" {
		t.Errorf("%v, asked for %q", err, asked)
	}
	if _, err := m.Open(t.Context(), drivertest.Options(t, "path: /x\n"), parts); err == nil {
		t.Error("opened without an address")
	}
}

// nobody reads the answer.
type nobody struct{ header http.Header }

func (n *nobody) Header() http.Header         { return n.header }
func (n *nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n *nobody) WriteHeader(int)             {}
