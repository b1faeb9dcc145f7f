package broker

import (
	"net"
	"sync"
)

// tracked is a listener that knows its connections, so that Stop need not wait for those
// that have not said CONNECT yet.
type tracked struct {
	net.Listener
	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

func track(l net.Listener) *tracked {
	return &tracked{Listener: l, conns: map[net.Conn]struct{}{}}
}

// Accept implements net.Listener.
func (t *tracked) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns[c] = struct{}{}
	return &trackedConn{Conn: c, of: t}, nil
}

// closeAll closes every connection.
func (t *tracked) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.conns {
		_ = c.Close()
	}
	clear(t.conns)
}

type trackedConn struct {
	net.Conn
	of *tracked
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c.Conn)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
