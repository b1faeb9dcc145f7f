package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

const (
	// userTimeout is how long sent bytes may stay unacknowledged before the kernel
	// gives the connection up, in ms (tcp(7), TCP_USER_TIMEOUT). Without it a link
	// that died with a full send buffer is never noticed.
	userTimeout = 5000
	// notSent is how many unsent bytes the kernel takes before a write waits
	// (tcp(7), TCP_NOTSENT_LOWAT): an alarm is never queued behind more than that.
	notSent = 16 << 10
)

// dialTCP opens a TCP connection with our socket options. It asks no proxy. The
// kernel's keep-alive stays off: MQTT has its own and bytes cost money.
func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := tune(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("socket options: %w", err), conn.Close())
	}
	return conn, nil
}

// tune sets the socket options where conn is a TCP socket.
func tune(conn net.Conn) error {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		inner = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent))
	})
	return errors.Join(err, inner)
}

// Reach tells whether a broker can be connected to and has the right certificate. It
// says nothing of MQTT: a CONNECT would end the session that the client id has elsewhere.
func Reach(ctx context.Context, o Options) error {
	o = o.withDefaults()
	conn, _, err := open(ctx, o, &counters{})
	if err != nil {
		return err
	}
	return conn.Close()
}

// counters are the bytes of one connection as they pass the socket, TLS included.
type counters struct{ in, out atomic.Int64 }

// counted is a net.Conn that counts.
type counted struct {
	net.Conn
	c *counters
}

// Read counts what came.
func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.c.in.Add(int64(n))
	return n, err
}

// Write counts what went.
func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.c.out.Add(int64(n))
	return n, err
}

// open dials and secures the stream. raw is the socket itself: closing it never waits.
func open(ctx context.Context, o Options, c *counters) (conn, raw net.Conn, err error) {
	t, err := parseBroker(o.Broker)
	if err != nil {
		return nil, nil, err
	}
	if t.secure && o.TLS == nil {
		return nil, nil, fmt.Errorf("broker %q: mqtts needs a CA, a certificate and a key: %w", o.Broker, fault.BadInput)
	}
	raw, err = o.Dial(ctx, "tcp", t.address)
	if err != nil {
		return nil, nil, fmt.Errorf("broker %s: %w", t.address, err)
	}
	if !t.secure {
		if a, ok := raw.RemoteAddr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
			err := fmt.Errorf("broker %q: the name leads to %s, and plain mqtt:// is only for a loopback address: %w", o.Broker, a, fault.BadInput)
			return nil, nil, errors.Join(err, raw.Close())
		}
		return counted{raw, c}, raw, nil
	}
	cfg := o.TLS.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = t.host
	}
	secured := tls.Client(counted{raw, c}, cfg)
	err = secured.HandshakeContext(ctx)
	if begins := laterThan(cfg, err); o.Unsure && !begins.IsZero() {
		again := o
		again.TLS, again.Unsure = o.TLS.Clone(), false
		again.TLS.Time = func() time.Time { return begins }
		_ = raw.Close() // the other connection counts
		return open(ctx, again, c)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("broker %s: TLS: %w", t.address, err), raw.Close())
	}
	return secured, raw, nil
}

// laterThan is when a chain begins that was refused because it begins later than the time
// by which it was judged; zero for every other error.
func laterThan(cfg *tls.Config, err error) (begins time.Time) {
	var refused *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &refused) || !errors.As(refused.Err, &invalid) || invalid.Reason != x509.Expired || cfg.Time == nil {
		return time.Time{}
	}
	for _, c := range append(refused.UnverifiedCertificates, invalid.Cert) { // the latter may be the authority's own
		if c != nil && c.NotBefore.After(begins) {
			begins = c.NotBefore
		}
	}
	if begins.After(cfg.Time()) {
		return begins
	}
	return time.Time{}
}
