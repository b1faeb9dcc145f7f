package mqtt

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"fuqiao/edged/drivers/fault"
)

// ToolPrefix begins the client id and the certificate name of everything that is no
// gateway.
const ToolPrefix = "ctl-"

// TLS reads a CA, a certificate and its key (PEM files) and makes a configuration
// that verifies the broker and shows our certificate: TLS 1.2 or newer. now is the
// time by which certificates are judged: the box's clock may not be right, and its
// floor is better than 1970 (see also Options.Unsure). Call it for each connection:
// files that were replaced count at the next one.
func TLS(caFile, certFile, keyFile string, now func() time.Time) (*tls.Config, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("uplink.ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("uplink.ca: %s holds no certificate in PEM: %w", caFile, fault.BadInput)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("uplink.cert %s with uplink.key %s: %w", certFile, keyFile, err)
	}
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, Time: now}, nil
}

// CommonName is the name in the subject of our own certificate: gateway id, client
// id and topic prefix are the same word.
func CommonName(c *tls.Config) (string, error) {
	if c == nil || len(c.Certificates) == 0 {
		return "", fmt.Errorf("no client certificate: %w", fault.BadInput)
	}
	leaf := c.Certificates[0].Leaf
	if leaf == nil {
		return "", fmt.Errorf("client certificate was not parsed: %w", fault.BadInput)
	}
	return leaf.Subject.CommonName, nil
}

// CheckGateway refuses a certificate whose common name is not the gateway's id: the
// broker would hold us to another gateway's topics.
func CheckGateway(c *tls.Config, id string) error {
	cn, err := CommonName(c)
	if err != nil {
		return err
	}
	if cn != id {
		return fmt.Errorf("the certificate's common name is %q, the gateway's id is %q: use the certificate made for this gateway: %w", cn, id, fault.BadInput)
	}
	return nil
}

// CheckTool refuses a gateway's certificate in a technician's tool: it would take
// over the gateway's session.
func CheckTool(c *tls.Config) error {
	cn, err := CommonName(c)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(cn, ToolPrefix) {
		return fmt.Errorf("the certificate's common name is %q, a gateway's: use one of your own whose name begins with %s: %w", cn, ToolPrefix, fault.BadInput)
	}
	return nil
}
