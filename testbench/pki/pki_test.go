package pki

import (
	"crypto/tls"
	"os"
	"strings"
	"testing"
)

// shake joins two TLS ends over loopback and returns what each says.
func shake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	result := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer c.Close()
			_, err = c.Write([]byte("x"))
		}
		result <- err
	}()
	c, clientErr := tls.Dial("tcp", l.Addr().String(), client)
	if clientErr == nil {
		_, clientErr = c.Read(make([]byte, 1)) // TLS 1.3 refuses a client's certificate only now
		_ = c.Close()
	}
	return <-result, clientErr
}

func newCA(t *testing.T, name string) *CA {
	t.Helper()
	ca, err := New(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestWhoIsLetIn(t *testing.T) {
	ca, other := newCA(t, "ca"), newCA(t, "other")
	must := func(p Pair, err error) Pair {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	good, gate := must(ca.Server("broker")), must(ca.Client("gw-1"))
	for _, c := range []struct {
		name           string
		server, client Pair
		wrong          string
	}{
		{"both good", good, gate, ""},
		{"server expired", must(ca.Expired(Spec{Name: "old", Hosts: []string{"localhost"}})), gate, "expired"},
		{"server of another name", must(ca.Issue(Spec{Name: "b2", Hosts: []string{"example.org"}})), gate, "example.org"},
		{"server of another CA", must(other.Server("broker")), gate, "unknown authority"},
		{"client expired", good, must(ca.Expired(Spec{Name: "gw-2"})), "expired"},
		{"client of another CA", good, must(other.Client("gw-1")), "certificate required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ca.ServerTLS(c.server)
			if err != nil {
				t.Fatal(err)
			}
			k, err := ca.ClientTLS(c.client)
			if err != nil {
				t.Fatal(err)
			}
			k.ServerName = "localhost"
			se, ce := shake(t, s, k)
			said := ""
			for _, e := range []error{se, ce} {
				if e != nil {
					said += e.Error() + "; "
				}
			}
			if (c.wrong == "") != (said == "") || !strings.Contains(said, c.wrong) {
				t.Errorf("said %q, want %q", said, c.wrong)
			}
		})
	}
}

func TestKeysAreForTheirOwnerOnly(t *testing.T) {
	p, err := newCA(t, "ca").Client("gw-1")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(p.Key)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key is %v", info.Mode())
	}
}
