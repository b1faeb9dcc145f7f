package mqtt

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"fuqiao/edged/drivers/fault"
)

// Message is one publication, in either direction.
type Message struct {
	Topic string
	// Payload of a received message is shared with the library until it is
	// acknowledged: read it, copy it, never change it.
	Payload   []byte
	QoS       byte
	Retained  bool
	Duplicate bool
	// Ack acknowledges a received message of QoS 1 (for QoS 0 it does nothing). It
	// never blocks, may be called from anywhere and more than once. After the end of
	// the session it does nothing: the broker delivers the message again.
	Ack func()
}

// Dialer opens a stream to the broker; it has the shape of net.Dialer.DialContext.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Options of one connection. Zero values take the defaults given.
type Options struct {
	// Broker is mqtts://host:port, or mqtt://host:port where host is a loopback
	// address. The ports default to 8883 and 1883.
	Broker string
	// ClientID is the gateway's id, or ctl-… for a tool. Never empty.
	ClientID string
	// TLS is needed for mqtts. ServerName defaults to the broker's host.
	TLS *tls.Config
	// Unsure: TLS.Time is a floor that has surely passed, and the time is not known. Then a
	// broker's certificate that begins later is judged at its own beginning: or a box that
	// lay in a store for longer than a certificate lives could never be told the time. Its
	// name, its signature and an end that has surely passed are enforced all the same.
	Unsure bool
	// Will is published by the broker when the connection is lost; nil for none.
	Will *Message
	// Clean asks the broker to forget the session at its end. A gateway leaves it
	// false: orders sent while it was away are to be delivered.
	Clean bool
	// KeepAlive is the longest silence before a ping (20 s, whole seconds),
	// PingTimeout the wait for its answer (5 s). paho looks every 5 s, so a silent
	// peer is noticed within 30 s.
	KeepAlive, PingTimeout time.Duration
	// ConnectTimeout bounds TCP, TLS and CONNACK together (10 s).
	ConnectTimeout time.Duration
	// WriteTimeout is the longest that 16 KiB may take to enter the socket (10 s).
	WriteTimeout time.Duration
	// MaxPacket is the largest packet accepted, header included (256 KiB).
	MaxPacket int
	// Dial is nil for the real network; tests give net.Pipe.
	Dial Dialer
	// Log gets what no caller can be told: a panic in receive.
	Log *slog.Logger
}

// Defaults of Options, from dependencies.md's option block.
const (
	defaultKeepAlive = 20 * time.Second
	defaultPing      = 5 * time.Second
	defaultConnect   = 10 * time.Second
	defaultWrite     = 10 * time.Second
	defaultMaxPacket = 256 << 10
)

// withDefaults fills what is zero.
func (o Options) withDefaults() Options {
	orDuration := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	orDuration(&o.KeepAlive, defaultKeepAlive)
	orDuration(&o.PingTimeout, defaultPing)
	orDuration(&o.ConnectTimeout, defaultConnect)
	orDuration(&o.WriteTimeout, defaultWrite)
	if o.MaxPacket == 0 {
		o.MaxPacket = defaultMaxPacket
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// target is where a broker URL leads.
type target struct {
	address string // host:port
	host    string
	secure  bool
}

// CheckBroker tells whether url is one that Connect accepts; it is pure, for the
// judge of the configuration.
func CheckBroker(broker string) error {
	_, err := parseBroker(broker)
	return err
}

func parseBroker(broker string) (target, error) {
	u, err := url.Parse(broker)
	if err != nil {
		return target{}, fmt.Errorf("broker %q: not a URL, write mqtts://host:port: %w", broker, fault.BadInput)
	}
	t := target{host: u.Hostname()}
	port := u.Port()
	switch u.Scheme {
	case "mqtts":
		t.secure = true
		if port == "" {
			port = "8883"
		}
	case "mqtt":
		if !loopback(t.host) {
			return target{}, fmt.Errorf("broker %q: plain mqtt:// only to a loopback address, write mqtts://: %w", broker, fault.BadInput)
		}
		if port == "" {
			port = "1883"
		}
	default:
		return target{}, fmt.Errorf("broker %q: scheme %q, write mqtts://host:port: %w", broker, u.Scheme, fault.BadInput)
	}
	if t.host == "" {
		return target{}, fmt.Errorf("broker %q: no host, write %s://host:port: %w", broker, u.Scheme, fault.BadInput)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return target{}, fmt.Errorf("broker %q: only scheme, host and port are allowed (a certificate is the identity): %w", broker, fault.BadInput)
	}
	t.address = net.JoinHostPort(t.host, port)
	return t, nil
}

// loopback tells whether host is this machine. The name localhost is believed here
// and checked again when it has been dialled.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
