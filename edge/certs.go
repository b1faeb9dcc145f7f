package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"sync"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
)

// certs is our certificate for the uplink: read anew for each connection, with the last one
// that worked in RAM. A pair that is half written, does not fit together, or that the broker
// refuses does not take the uplink away.
type certs struct {
	read   func() (*tls.Config, error)
	notice func(code, detail string, raised bool)

	mu      sync.Mutex
	works   *tls.Config
	tries   *tls.Config
	refused [sha256.Size]byte // the certificate that the broker would not have
}

// The conditions of our own certificate.
const (
	condCertKept  = "certificate.kept"
	condCertMonth = "certificate.month"
	condCertWeek  = "certificate.week"
	condCertDay   = "certificate.day"
)

// lookCert is how often its end is looked at.
const lookCert = time.Hour

func fingerprint(c *tls.Config) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join(c.Certificates[0].Certificate, nil))
}

// config is what the next connection shows.
func (c *certs) config() (*tls.Config, error) {
	next, err := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil && c.works == nil:
		return nil, err
	case err != nil:
		c.notice(condCertKept, err.Error(), true)
		c.tries = c.works
	case c.works != nil && fingerprint(next) == c.refused:
		c.tries = c.works
	default:
		c.tries = next
	}
	return c.tries, nil
}

// told hears the conditions of the uplink: which certificate works, and which does not.
func (c *certs) told(code string, raised bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.tries == nil:
	case code == "uplink.offline" && !raised:
		if c.tries != c.works && (c.works == nil || fingerprint(c.tries) != fingerprint(c.works)) {
			c.refused = [sha256.Size]byte{}
			c.notice(condCertKept, "", false)
		}
		c.works = c.tries
	case code == "uplink.certificate_refused" && raised && c.works != nil && fingerprint(c.tries) != fingerprint(c.works):
		c.refused = fingerprint(c.tries)
		c.notice(condCertKept, "the broker refuses the new certificate, the old one is used on", true)
	}
}

// ends is when the certificate that is used ends, zero while none has been read.
func (c *certs) ends() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cfg := range []*tls.Config{c.works, c.tries} {
		if cfg != nil && cfg.Certificates[0].Leaf != nil {
			return cfg.Certificates[0].Leaf.NotAfter
		}
	}
	return time.Time{}
}

// expiry raises what stands before the end of a certificate, by a known time; the nearest
// one stands alone.
func (c *certs) expiry(now time.Time) {
	ends := c.ends()
	if ends.IsZero() {
		return
	}
	left := ends.Sub(now)
	near := ""
	for _, s := range []struct {
		code string
		in   time.Duration
	}{{condCertMonth, 30 * 24 * time.Hour}, {condCertWeek, 7 * 24 * time.Hour}, {condCertDay, 24 * time.Hour}} {
		if left <= s.in {
			near = s.code
		}
	}
	for _, code := range []string{condCertMonth, condCertWeek, condCertDay} {
		c.notice(code, fmt.Sprintf("ends %s", ends.UTC().Format(time.RFC3339)), code == near)
	}
}

// newCerts reads what the configuration names, as it is then.
func (g *Gateway) newCerts() *certs {
	return &certs{notice: g.notice(""), read: func() (*tls.Config, error) {
		s := g.s()
		u := s.File.Uplink
		return mqtt.TLS(s.below(u.CA), s.below(u.Cert), s.below(u.Key), g.clock.TLS)
	}}
}

// uplinkNotice passes the uplink's conditions on, and to the certificates.
func (g *Gateway) uplinkNotice(code, detail string, raised bool) {
	g.certs.told(code, raised)
	g.notice("")(code, detail, raised)
}

// watchCerts looks at the end of our certificate while the time is known.
func (g *Gateway) watchCerts(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	looked := time.Time{}
	for {
		if r := g.clock.Now(); r.Known() && time.Since(looked) >= lookCert && !g.certs.ends().IsZero() {
			looked = time.Now()
			g.certs.expiry(r.Time)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
