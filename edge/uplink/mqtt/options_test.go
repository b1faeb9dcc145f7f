package mqtt

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

func TestBrokerURL(t *testing.T) {
	for _, c := range []struct{ url, address string }{
		{"mqtts://broker.example:8883", "broker.example:8883"},
		{"mqtts://10.1.2.3", "10.1.2.3:8883"},
		{"mqtt://127.0.0.1:1883", "127.0.0.1:1883"},
		{"mqtt://127.9.9.9", "127.9.9.9:1883"},
		{"mqtt://localhost", "localhost:1883"},
		{"mqtt://[::1]:9", "[::1]:9"},
		{"mqtt://broker.example", ""},
		{"mqtt://10.1.2.3:1883", ""},
		{"mqtt://0.0.0.0", ""},
		{"tcp://127.0.0.1", ""},
		{"wss://broker.example", ""},
		{"broker.example", ""},
		{"mqtts://", ""},
		{"mqtts://me:secret@broker.example", ""},
		{"mqtts://broker.example/path", ""},
		{"mqtts://broker.example:x", ""},
		{"", ""},
	} {
		got, err := parseBroker(c.url)
		if (err != nil) != (c.address == "") || got.address != c.address && err == nil {
			t.Errorf("%q: %+v, %v", c.url, got, err)
		}
		if err != nil && !errors.Is(err, fault.BadInput) {
			t.Errorf("%q: class of %v", c.url, err)
		}
		if _, err := Connect(t.Context(), Options{Broker: c.url, ClientID: ""}, nil); !errors.Is(err, fault.BadInput) {
			t.Errorf("empty client id: %v", err)
		}
	}
}

// Nobody listens: a clear word, at once.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "mqtt://" + l.Addr().String()
	_ = l.Close()
	_, err = Connect(t.Context(), Options{Broker: url, ClientID: "gw"}, nil)
	if cause, text := Explain(err); cause != Network || text == "" {
		t.Errorf("%s %q from %v", cause, text, err)
	}
}

// The socket options are there: a dead link is noticed with a full buffer, and little
// waits in the kernel.
func TestSocketOptions(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := dialTCP(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ level, option, want int }{
		"TCP_USER_TIMEOUT":  {unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 5000},
		"TCP_NOTSENT_LOWAT": {unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 16 << 10},
		"SO_KEEPALIVE":      {unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0},
	} {
		var got int
		var inner error
		if err := raw.Control(func(fd uintptr) { got, inner = unix.GetsockoptInt(int(fd), c.level, c.option) }); err != nil || inner != nil {
			t.Fatal(err, inner)
		}
		if got != c.want {
			t.Errorf("%s is %d, want %d", name, got, c.want)
		}
	}
}
