// Package pki makes throw-away certificates for a street in the testbench: a CA, a
// broker's certificate, a gateway's, a tool's, and those that must be refused.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// CA signs certificates and writes them into its directory.
type CA struct {
	dir  string
	file string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

	mu     sync.Mutex
	serial int64
}

// Pair is a certificate and its key, PEM files; the key's mode is 0600.
type Pair struct{ Cert, Key string }

// Spec is what a certificate says.
type Spec struct {
	// Name is the subject's common name and the name of the files.
	Name string
	// File is the name of the files where it is to differ from Name.
	File string
	// Hosts are the names and addresses of a server; none: a client.
	Hosts []string
	// NotBefore and NotAfter bound its life; zero: an hour ago, in a day.
	NotBefore, NotAfter time.Time
}

// New makes a CA with this name whose files are in dir, which is made if need be.
func New(dir, name string) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	c := &CA{dir: dir, file: filepath.Join(dir, name+".pem"), cert: cert, key: key, serial: 1}
	return c, write(c.file, "CERTIFICATE", der, 0o644)
}

// File is the CA's certificate, PEM.
func (c *CA) File() string { return c.file }

// Pool holds this CA alone.
func (c *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// Server is a certificate for a broker on this machine: 127.0.0.1, ::1, localhost.
func (c *CA) Server(name string) (Pair, error) {
	return c.Issue(Spec{Name: name, Hosts: []string{"127.0.0.1", "::1", "localhost"}})
}

// Client is a certificate for a gateway (its id) or a tool (ctl-…).
func (c *CA) Client(name string) (Pair, error) { return c.Issue(Spec{Name: name}) }

// Expired is a certificate that was good until an hour ago.
func (c *CA) Expired(s Spec) (Pair, error) {
	s.NotBefore, s.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)
	return c.Issue(s)
}

// Issue makes any certificate; an earlier one with the same files is replaced.
func (c *CA) Issue(s Spec) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("pki %s: %w", s.Name, err)
	}
	der, err := x509.CreateCertificate(rand.Reader, c.template(s), c.cert, &key.PublicKey, c.key)
	if err != nil {
		return Pair{}, fmt.Errorf("pki %s: %w", s.Name, err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("pki %s: %w", s.Name, err)
	}
	base := s.File
	if base == "" {
		base = s.Name
	}
	p := Pair{Cert: filepath.Join(c.dir, base+".crt"), Key: filepath.Join(c.dir, base+".key")}
	return p, errors.Join(write(p.Key, "PRIVATE KEY", pk, 0o600), write(p.Cert, "CERTIFICATE", der, 0o644))
}

func (c *CA) template(s Spec) *x509.Certificate {
	c.mu.Lock()
	c.serial++
	serial := c.serial
	c.mu.Unlock()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: s.Name},
		NotBefore: s.NotBefore, NotAfter: s.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Now().Add(-time.Hour)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = time.Now().AddDate(0, 0, 1)
	}
	if len(s.Hosts) > 0 {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, h := range s.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	return t
}

// ServerTLS is a server's configuration that wants a certificate of this CA from each
// client.
func (c *CA) ServerTLS(p Pair) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: c.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12,
	}, nil
}

// ClientTLS is a client's configuration that trusts this CA alone.
func (c *CA) ClientTLS(p Pair) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(p.Cert, p.Key)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: c.Pool(), MinVersion: tls.VersionTLS12}, nil
}

// write replaces a PEM file.
func write(path, kind string, der []byte, mode os.FileMode) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("pki: %w", err)
	}
	if err := os.WriteFile(path, text, mode); err != nil {
		return fmt.Errorf("pki: %w", err)
	}
	return nil
}
