package edge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"
)

// safe is a store of certificates on disk under a certs, with the conditions that it raises.
type safe struct {
	*certs
	next   *tls.Config
	broken error
	up     []string
}

func newSafe() *safe {
	s := &safe{}
	s.certs = &certs{
		read: func() (*tls.Config, error) { return s.next, s.broken },
		notice: func(code, _ string, raised bool) {
			s.up = slices.DeleteFunc(s.up, func(c string) bool { return c == code })
			if raised {
				s.up = append(s.up, code)
			}
		},
	}
	return s
}

// issue makes a certificate that signs itself.
func issue(t *testing.T, ends time.Time) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spec := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gw"}, NotBefore: ends.Add(-400 * 24 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, spec, spec, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}}
}

// TestPromise34_Rotation: a new pair is shown at the next connection without a restart; one
// that cannot be read, or that the broker refuses, leaves the old one in use and is told,
// until there is one that works.
func TestPromise34_Rotation(t *testing.T) {
	ends := time.Now().Add(300 * 24 * time.Hour)
	first, second, third := issue(t, ends), issue(t, ends), issue(t, ends)
	s := newSafe()
	s.broken = errors.New("uplink.cert: no such file")
	if _, err := s.config(); err == nil {
		t.Fatal("nothing was ever read, and there is a certificate")
	}
	shows := func(want *tls.Config, conditions ...string) {
		t.Helper()
		got, err := s.config()
		if err != nil || fingerprint(got) != fingerprint(want) || !slices.Equal(s.up, conditions) {
			t.Errorf("another certificate, or conditions %v: %v", s.up, err)
		}
	}
	works := func() { s.told("uplink.tls", false); s.told("uplink.offline", false) }
	s.broken, s.next = nil, first
	shows(first)
	works()
	s.broken = errors.New("uplink.cert with uplink.key: they do not belong together") // half of it is written
	shows(first, condCertKept)
	s.broken, s.next = nil, second
	shows(second, condCertKept)
	s.told("uplink.certificate_refused", true) // the broker does not want it
	shows(first, condCertKept)
	works()
	shows(first, condCertKept)
	s.told("uplink.offline", true) // an outage is no refusal, nor is a broker that we refuse
	s.told("uplink.tls", true)
	shows(first, condCertKept)
	s.next = third
	shows(third, condCertKept)
	works()
	shows(third)
}

// TestPromise34_Expiry: the end of the certificate that is used is told 30, 7 and 1 days
// ahead, one condition at a time, and taken back when it is renewed.
func TestPromise34_Expiry(t *testing.T) {
	const day = 24 * time.Hour
	ends := time.Now().Add(300 * day)
	s := newSafe()
	s.expiry(time.Now()) // nothing has been read yet
	s.next = issue(t, ends)
	if _, err := s.config(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		left time.Duration
		want []string
	}{
		{100 * day, nil}, {30*day + time.Minute, nil}, {30*day - time.Minute, []string{condCertMonth}}, {8 * day, []string{condCertMonth}},
		{6 * day, []string{condCertWeek}}, {23 * time.Hour, []string{condCertDay}}, {-time.Hour, []string{condCertDay}},
	} {
		if s.expiry(ends.Add(-c.left)); !slices.Equal(s.up, c.want) {
			t.Errorf("%v before: %v, want %v", c.left, s.up, c.want)
		}
	}
	s.next = issue(t, ends.Add(365*day))
	if _, err := s.config(); err != nil {
		t.Fatal(err)
	}
	s.told("uplink.offline", false)
	if s.expiry(ends); len(s.up) != 0 {
		t.Errorf("after the renewal: %v", s.up)
	}
}
