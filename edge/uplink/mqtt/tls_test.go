package mqtt_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/testbench/broker"
	"fuqiao/edged/testbench/pki"
)

// office is a CA whose calls do not fail.
type office struct {
	*pki.CA
	t *testing.T
}

func newOffice(t *testing.T) office {
	t.Helper()
	ca, err := pki.New(t.TempDir(), "office")
	if err != nil {
		t.Fatal(err)
	}
	return office{ca, t}
}

// issue makes a certificate.
func (o office) issue(s pki.Spec) pki.Pair {
	o.t.Helper()
	p, err := o.Issue(s)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// client loads what a gateway has on disk, by the function under test.
func (o office) client(p pki.Pair, now func() time.Time) *tls.Config {
	o.t.Helper()
	c, err := mqtt.TLS(o.File(), p.Cert, p.Key, now)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

// broker starts one that wants certificates of this office.
func (o office) broker(s pki.Spec) *broker.Broker {
	o.t.Helper()
	c, err := o.ServerTLS(o.issue(s))
	if err != nil {
		o.t.Fatal(err)
	}
	b, err := broker.New(broker.Options{TLS: c})
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = b.Close() })
	return b
}

// TestPromise33_TLS: only a broker of our authority, under its own name, in its time and with
// TLS 1.2 or newer is spoken to; of everything else the reason is said.
func TestPromise33_TLS(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	here := []string{"127.0.0.1"}
	gw := o.client(o.issue(pki.Spec{Name: "gw"}), time.Now)
	ago := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(-d) } }
	stranger := gw.Clone()
	stranger.Certificates = other.client(other.issue(pki.Spec{Name: "gw"}), time.Now).Certificates
	late := pki.Spec{Name: "late", Hosts: here, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}
	for _, c := range []struct {
		name   string
		server pki.Spec
		client *tls.Config
		want   string
	}{
		{"right", pki.Spec{Name: "broker", Hosts: here}, gw, ""},
		{"the clock stands at the floor", pki.Spec{Name: "broker", Hosts: here}, o.client(o.issue(pki.Spec{Name: "gw"}), ago(30*time.Minute)), ""},
		{"the clock stands in 1970", pki.Spec{Name: "broker", Hosts: here}, o.client(o.issue(pki.Spec{Name: "gw"}), func() time.Time { return time.Unix(0, 0) }), "not valid at this time"},
		{"wrong authority", pki.Spec{Name: "broker", Hosts: here}, other.client(other.issue(pki.Spec{Name: "gw"}), time.Now), "unknown authority"},
		{"wrong name", pki.Spec{Name: "broker", Hosts: []string{"elsewhere.example"}}, gw, "another name"},
		{"expired", late, gw, "not valid at this time"},
		{"our certificate is refused", pki.Spec{Name: "broker", Hosts: here}, stranger, "refuses our certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := mqtt.Connect(t.Context(), mqtt.Options{Broker: o.broker(c.server).URL(), ClientID: "gw", TLS: c.client}, nil)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Published(t.Context(), mqtt.Message{Topic: "fuqiao/v1/gw/event", QoS: 1, Payload: make([]byte, 100<<10)}); err != nil {
					t.Error(err)
				}
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			cause, text := mqtt.Explain(err)
			if own := strings.Contains(c.want, "our certificate"); cause != mqtt.Certificate && !own || cause != mqtt.OwnCertificate && own || !strings.Contains(text, c.want) {
				t.Errorf("%s %q from %v", cause, text, err)
			}
		})
	}
}

// TestPromise37_UnknownTime: a box that boots in 1970 and does not know it any better connects
// to a broker whose certificate began long after the box's floor; authority, name and an end
// that has surely passed are enforced all the same.
func TestPromise37_UnknownTime(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	here := []string{"127.0.0.1"}
	own := o.issue(pki.Spec{Name: "gw"})
	at := func(ca office, floor time.Time) *tls.Config {
		c, err := mqtt.TLS(ca.File(), own.Cert, own.Key, func() time.Time { return floor })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	old := pki.Spec{Name: "old", Hosts: here, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	for _, c := range []struct {
		name   string
		server pki.Spec
		client *tls.Config
		want   string
	}{
		{"1970", pki.Spec{Name: "broker", Hosts: here}, at(o, time.Unix(0, 0)), ""},
		{"a floor within its life", pki.Spec{Name: "broker", Hosts: here}, at(o, time.Now().Add(-time.Minute)), ""},
		{"ended before the floor", old, at(o, time.Now().Add(-time.Hour)), "not valid at this time"},
		{"wrong name", pki.Spec{Name: "broker", Hosts: []string{"elsewhere.example"}}, at(o, time.Unix(0, 0)), "another name"},
		{"wrong authority", pki.Spec{Name: "broker", Hosts: here}, at(other, time.Unix(0, 0)), "unknown authority"},
	} {
		s, err := mqtt.Connect(t.Context(), mqtt.Options{Broker: o.broker(c.server).URL(), ClientID: "gw", TLS: c.client, Unsure: true}, nil)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
			continue
		}
		if cause, text := mqtt.Explain(err); cause != mqtt.Certificate || !strings.Contains(text, c.want) {
			t.Errorf("%s: %s %q from %v", c.name, cause, text, err)
		}
	}
}

// TestPromise33_OldTLS: a broker that can do no more than TLS 1.1 is not spoken to.
func TestPromise33_OldTLS(t *testing.T) {
	o := newOffice(t)
	c, err := o.ServerTLS(o.issue(pki.Spec{Name: "broker", Hosts: []string{"127.0.0.1"}}))
	if err != nil {
		t.Fatal(err)
	}
	c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 //nolint:gosec // that is the point
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, conn) // the handshake is made by the first read
			_ = conn.Close()
		}
	}()
	gw := o.client(o.issue(pki.Spec{Name: "gw"}), time.Now)
	_, err = mqtt.Connect(t.Context(), mqtt.Options{Broker: "mqtts://" + l.Addr().String(), ClientID: "gw", TLS: gw}, nil)
	if cause, text := mqtt.Explain(err); cause != mqtt.Certificate || text == "" {
		t.Errorf("%s %q from %v", cause, text, err)
	}
}

func TestNoTLSThere(t *testing.T) {
	o := newOffice(t)
	gw := o.client(o.issue(pki.Spec{Name: "gw"}), time.Now)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	_, err = mqtt.Connect(t.Context(), mqtt.Options{Broker: "mqtts://" + l.Addr().String(), ClientID: "gw", TLS: gw}, nil)
	if cause, text := mqtt.Explain(err); cause != mqtt.Certificate || !strings.Contains(text, "does not speak TLS") {
		t.Errorf("%s %q from %v", cause, text, err)
	}
	_, err = mqtt.Connect(t.Context(), mqtt.Options{Broker: "mqtts://127.0.0.1", ClientID: "gw"}, nil)
	if !errors.Is(err, fault.BadInput) {
		t.Errorf("no certificate: %v", err)
	}
}

func TestWhoseCertificate(t *testing.T) {
	o := newOffice(t)
	gw, tool := o.client(o.issue(pki.Spec{Name: "xiaozhakou-1"}), time.Now), o.client(o.issue(pki.Spec{Name: "ctl-zhang"}), time.Now)
	if gw.MinVersion != tls.VersionTLS12 {
		t.Errorf("least version %#x", gw.MinVersion)
	}
	if err := mqtt.CheckGateway(gw, "xiaozhakou-1"); err != nil {
		t.Error(err)
	}
	if err := mqtt.CheckGateway(gw, "xiaozhakou-2"); !errors.Is(err, fault.BadInput) {
		t.Errorf("another gateway's: %v", err)
	}
	if err := mqtt.CheckTool(tool); err != nil {
		t.Error(err)
	}
	if err := mqtt.CheckTool(gw); !errors.Is(err, fault.BadInput) {
		t.Errorf("a gateway's in a tool: %v", err)
	}
	if err := mqtt.CheckTool(nil); !errors.Is(err, fault.BadInput) {
		t.Errorf("none: %v", err)
	}
	if cn, err := mqtt.CommonName(tool); err != nil || cn != "ctl-zhang" {
		t.Errorf("%q %v", cn, err)
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	o := newOffice(t)
	gw, other := o.issue(pki.Spec{Name: "gw"}), o.issue(pki.Spec{Name: "other"})
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ca, cert, key, want string }{
		{empty + ".not", gw.Cert, gw.Key, "uplink.ca"},
		{empty, gw.Cert, gw.Key, "holds no certificate"},
		{o.File(), empty + ".not", gw.Key, "uplink.cert"},
		{o.File(), gw.Cert, other.Key, "uplink.cert"},
	} {
		_, err := mqtt.TLS(c.ca, c.cert, c.key, time.Now)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if cause, _ := mqtt.Explain(err); cause == "" {
			t.Errorf("%+v: no cause", c)
		}
	}
}
