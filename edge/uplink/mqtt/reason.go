package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"fuqiao/edged/drivers/fault"
)

// Refusal is the code of a CONNACK that is not 0 (MQTT 3.1.1, section 3.2.2.3).
type Refusal byte

// Error says what the code means.
func (r Refusal) Error() string {
	switch r {
	case 1:
		return "the broker does not speak MQTT 3.1.1"
	case 2:
		return "the broker refuses the client id"
	case 3:
		return "the broker says that it is not available"
	case 4:
		return "the broker asks for a user name or password; a certificate is our identity"
	case 5:
		return "the broker does not authorise this client"
	}
	return fmt.Sprintf("the broker refuses with code %d, which MQTT 3.1.1 does not know", byte(r))
}

// Unwrap is the class.
func (r Refusal) Unwrap() error { return fault.Refused }

// Denial is a subscription that the broker did not grant as asked; Code is that of
// SUBACK (section 3.9.3).
type Denial struct {
	Filter       string
	Wanted, Code byte
}

// Error names the filter.
func (d Denial) Error() string {
	if d.Code >= 0x80 {
		return "the broker refuses the subscription " + d.Filter + ": check its access rules"
	}
	return fmt.Sprintf("the broker grants the subscription %s only QoS %d, %d is needed", d.Filter, d.Code, d.Wanted)
}

// Unwrap is the class.
func (d Denial) Unwrap() error { return fault.Refused }

// Silence is how long a ping has had no answer.
type Silence time.Duration

// Error says it.
func (s Silence) Error() string {
	return fmt.Sprintf("the broker is silent: no answer to a ping for %v", time.Duration(s))
}

// Unwrap is the class.
func (s Silence) Unwrap() error { return fault.NoReply }

// Cause is what stands between us and the broker, for who must do something about it.
type Cause string

// The causes.
const (
	// Network: no route, no name, nobody listening, a link that broke.
	Network Cause = "network"
	// Certificate: the broker's certificate was refused, or there is no common TLS.
	Certificate Cause = "certificate"
	// OwnCertificate: the broker refuses ours; it may have been revoked.
	OwnCertificate Cause = "own certificate"
	// RefusedBy the broker: client id, authorisation, a subscription.
	RefusedBy Cause = "refused"
	// Protocol: the peer does not follow MQTT.
	Protocol Cause = "protocol"
	// Local: our own settings, or we ended it.
	Local Cause = "local"
)

// Explain sorts the error of Connect or Session.Err and says it in one English
// sentence for a technician.
func Explain(err error) (Cause, string) {
	if err == nil {
		return Local, "closed"
	}
	if c, text, ok := explainTLS(err); ok {
		return c, text
	}
	var (
		dns       *net.DNSError
		refusal   Refusal
		violation Violation
		silence   Silence
	)
	switch {
	case errors.As(err, &refusal):
		return RefusedBy, refusal.Error()
	case errors.As(err, &violation):
		return Protocol, "the broker sent what no broker may send: " + violation.Error()
	case errors.As(err, &silence):
		return Network, silence.Error()
	case errors.As(err, &dns):
		return Network, "the broker's name cannot be resolved: " + dns.Name
	case errors.Is(err, syscall.ECONNREFUSED):
		return Network, "nobody listens at the broker's address: " + err.Error()
	case errors.Is(err, fault.Refused):
		return RefusedBy, err.Error()
	case errors.Is(err, fault.BadInput), errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return Local, err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Network, "the broker closed the connection"
	case errors.Is(err, context.Canceled):
		return Local, "cancelled"
	}
	return Network, err.Error()
}

// explainTLS knows the ways in which certificates fail.
func explainTLS(err error) (Cause, string, bool) {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		header    tls.RecordHeaderError
		alert     tls.AlertError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &authority):
		return Certificate, "the broker's certificate is signed by an unknown authority: check uplink.ca", true
	case errors.As(err, &host):
		return Certificate, "the broker's certificate is for another name: " + host.Error(), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return Certificate, "the broker's certificate is not valid at this time: " + invalid.Detail, true
	case errors.As(err, &verify), errors.As(err, &invalid):
		return Certificate, "the broker's certificate is refused: " + err.Error(), true
	case errors.As(err, &header):
		return Certificate, "the broker does not speak TLS at this port", true
	case errors.As(err, &op) && op.Op == "remote error" && (strings.Contains(op.Err.Error(), "certificate") || strings.Contains(op.Err.Error(), "access denied")):
		// The alerts 42–49 and 116 (RFC 8446, section 6), by the words of crypto/tls.
		return OwnCertificate, "the broker refuses our certificate: " + err.Error(), true
	case errors.As(err, &alert), errors.As(err, &op) && op.Op == "remote error":
		return Certificate, "the broker refuses TLS as we speak it: " + err.Error(), true
	}
	return "", "", false
}
