package bare

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// relayWord is the hidden first argument of a relay.
const relayWord = "bare-relay"

// ready is what a relay says when it is subscribed.
const ready = "ready"

// RelayConfig is what a relay needs to know.
type RelayConfig struct {
	// Broker is mqtt://host:port or mqtts://host:port; CA, Cert and Key are PEM files
	// for the latter.
	Broker, CA, Cert, Key string
	// ClientID and Topic on the broker; QoS of the subscription.
	ClientID, Topic string
	QoS             byte
	// Port is the serial port, in raw mode already.
	Port string
	// Bytes is how much of a payload is written; the rest makes messages of one size
	// with those that it is compared with.
	Bytes int
}

// Relay is a running relay.
type Relay struct {
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// Main becomes a relay if the program was started as one, and returns otherwise. exit is
// os.Exit.
func Main(exit func(code int)) {
	if len(os.Args) != 3 || os.Args[1] != relayWord {
		return
	}
	if err := relay(os.Args[2]); err != nil {
		fmt.Println(err)
		exit(1)
	}
	exit(0)
}

// StartRelay starts a relay and returns when it is subscribed. It ends with ctx, with
// Close, and with the process that started it.
func StartRelay(ctx context.Context, c RelayConfig) (*Relay, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{os.Args[0], relayWord, string(text)}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r := &Relay{cmd: cmd, stdin: in, lines: bufio.NewScanner(out)}
	if !r.lines.Scan() || r.lines.Text() != ready {
		return nil, errors.Join(fmt.Errorf("relay: said %q (does its main call bare.Main?)", r.lines.Text()), r.Close())
	}
	return r, nil
}

// Pid is the relay's process.
func (r *Relay) Pid() int { return r.cmd.Process.Pid }

// Close ends the relay and waits for it.
func (r *Relay) Close() error {
	if err := r.stdin.Close(); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

// relay is the whole program; it runs until its stdin ends.
func relay(text string) error {
	var c RelayConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	port, err := os.OpenFile(c.Port, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	defer func() { _ = port.Close() }()
	o, err := options(c)
	if err != nil {
		return err
	}
	client := mqtt.NewClient(o)
	if err := answer(client.Connect()); err != nil {
		return fmt.Errorf("relay: connect to %s: %w", c.Broker, err)
	}
	defer client.Disconnect(0)
	t := client.Subscribe(c.Topic, c.QoS, func(_ mqtt.Client, m mqtt.Message) {
		// What cannot be written is missed by who measures.
		_, _ = port.Write(m.Payload()[:min(c.Bytes, len(m.Payload()))])
	})
	if err := answer(t); err != nil {
		return fmt.Errorf("relay: subscribe to %s: %w", c.Topic, err)
	}
	fmt.Println(ready)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// answer waits for what the broker says.
func answer(t mqtt.Token) error {
	if !t.WaitTimeout(10 * time.Second) {
		return errors.New("no answer")
	}
	return t.Error()
}

func options(c RelayConfig) (*mqtt.ClientOptions, error) {
	u, err := url.Parse(c.Broker)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	o := mqtt.NewClientOptions().SetClientID(c.ClientID)
	if u.Scheme == "mqtt" {
		return o.AddBroker("tcp://" + u.Host), nil
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("relay: no certificate in %s", c.CA)
	}
	o.SetTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: host(u.Host)})
	return o.AddBroker("ssl://" + u.Host), nil
}

func host(hostport string) string {
	h, _, _ := strings.Cut(hostport, ":")
	return h
}
