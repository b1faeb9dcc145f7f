package intake

import (
	"net"
	"sync"
)

// gate is a listener that keeps at most so many connections open, and at most so
// many from one host. One more is closed at once instead of being left to wait:
// whoever sends events tries again, and nobody else stands behind him in a queue.
type gate struct {
	net.Listener
	all, each int

	mu    sync.Mutex
	open  int
	peers map[string]int
}

func newGate(l net.Listener, all, each int) *gate {
	return &gate{Listener: l, all: all, each: each, peers: map[string]int{}}
}

// Accept returns the next connection that is within the limits.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err == nil && g.enter(host) {
			return &passed{Conn: c, gate: g, host: host}, nil
		}
		_ = c.Close() // nothing was promised to it
	}
}

func (g *gate) enter(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open >= g.all || g.peers[host] >= g.each {
		return false
	}
	g.open++
	g.peers[host]++
	return true
}

func (g *gate) leave(host string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
	if g.peers[host]--; g.peers[host] == 0 {
		delete(g.peers, host)
	}
}

// passed is a connection that gives its place back when it is closed.
type passed struct {
	net.Conn
	gate *gate
	host string
	once sync.Once
}

// Close closes the connection; its place is free from then on.
func (p *passed) Close() error {
	p.once.Do(func() { p.gate.leave(p.host) })
	return p.Conn.Close()
}
