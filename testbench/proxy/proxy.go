// Package proxy is a TCP link between two peers that can be cut, silenced, slowed and
// half closed at will: what a mobile uplink does by itself.
package proxy

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Mode is what the link does.
type Mode uint8

// The modes.
const (
	// Pass forwards all.
	Pass Mode = iota
	// Cut closes every connection and refuses new ones: nobody listens any more.
	Cut
	// BlackHole keeps connections open and takes new ones, but forwards nothing and
	// reads nothing: bytes fill the buffers of the kernel and then stand.
	BlackHole
	// Swallow reads all and forwards nothing: the sender believes in its success.
	Swallow
	// UpOnly and DownOnly forward one way (up is client to server) and swallow the other.
	UpOnly
	DownOnly
)

// Stats counts what passed.
type Stats struct {
	Accepted, Open, Refused int
	Up, Down                int64 // bytes forwarded
}

// Proxy is one link. Its address stays the same for its whole life.
type Proxy struct {
	target string
	addr   string

	mu       sync.Mutex
	mode     Mode
	shape    Link
	dice     *rand.Rand
	change   chan struct{}
	listener net.Listener
	conns    map[net.Conn]struct{}
	stats    Stats
	closed   bool
	wg       sync.WaitGroup
}

// New listens on a free port of 127.0.0.1 and forwards to target.
func New(target string) (*Proxy, error) {
	p := &Proxy{target: target, addr: "127.0.0.1:0", change: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	if err := p.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is the host:port to which clients connect.
func (p *Proxy) Addr() string { return p.addr }

// Stats are the counts so far.
func (p *Proxy) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Open = len(p.conns) / 2
	return s
}

// Set changes the mode; what is open meets it at once.
func (p *Proxy) Set(m Mode) error {
	p.mu.Lock()
	old := p.mode
	p.mode = m
	p.wake()
	p.mu.Unlock()
	switch {
	case m == Cut:
		p.Reset()
		return p.deafen()
	case old == Cut:
		return p.listen()
	}
	return nil
}

// Link is how a path is.
type Link struct {
	// Up and Down are its rates in bytes per second, 0 for no bound; up is client to
	// server.
	Up, Down int
	// Delay is one way.
	Delay time.Duration
	// Loss is the part of segments (1,448 bytes) that are lost. To those who read a stream
	// a loss is a stall: one round trip where the next segments show it, RTO and a round
	// trip where none follow (every tenth time).
	Loss float64
	// Seed makes the losses repeatable.
	Seed uint64
}

const (
	segment = 1448
	// rto is the least retransmission timeout of Linux (RFC 6298 says 1 s).
	rto = 200 * time.Millisecond
)

// Shape limits the rate (bytes/s in each direction, 0: none) and adds a delay one way.
func (p *Proxy) Shape(rate int, delay time.Duration) {
	p.Become(Link{Up: rate, Down: rate, Delay: delay})
}

// Become makes the path another one.
func (p *Proxy) Become(l Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shape, p.dice = l, rand.New(rand.NewPCG(l.Seed, 1))
	p.wake()
}

// rate is that of one direction; p.mu is held.
func (p *Proxy) rate(up bool) int {
	if up {
		return p.shape.Up
	}
	return p.shape.Down
}

// stall is how long losses hold up n bytes; p.mu is held.
func (p *Proxy) stall(n int) (d time.Duration) {
	if p.shape.Loss == 0 {
		return 0
	}
	for ; n > 0; n -= segment {
		if p.dice.Float64() < p.shape.Loss {
			d += 2 * p.shape.Delay
			if p.dice.IntN(10) == 0 {
				d += rto
			}
		}
	}
	return d
}

// Reset closes all connections with RST; new ones may come.
func (p *Proxy) Reset() {
	p.mu.Lock()
	all := p.all()
	p.mu.Unlock()
	for _, c := range all {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}

// Close ends the link and waits for its goroutines.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mode = Cut
	p.wake()
	p.mu.Unlock()
	err := p.deafen()
	p.Reset()
	p.wg.Wait()
	return err
}

// wake makes those that wait look again; p.mu is held.
func (p *Proxy) wake() {
	close(p.change)
	p.change = make(chan struct{})
}

func (p *Proxy) all() []net.Conn {
	all := make([]net.Conn, 0, len(p.conns))
	for c := range p.conns {
		all = append(all, c)
	}
	return all
}

// listen opens the port, the same as before.
func (p *Proxy) listen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		return fmt.Errorf("proxy to %s: %w", p.target, err)
	}
	p.listener, p.addr = l, l.Addr().String()
	p.wg.Go(func() { p.accept(l) })
	return nil
}

// deafen closes the port.
func (p *Proxy) deafen() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		return nil
	}
	err := p.listener.Close()
	p.listener = nil
	return err
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

// serve joins one client to the server.
func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	p.mu.Lock()
	if err != nil || p.mode == Cut {
		p.stats.Refused++
		p.mu.Unlock()
		_ = client.Close()
		if err == nil {
			_ = server.Close()
		}
		return
	}
	p.stats.Accepted++
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, true) })
	both.Go(func() { p.copy(client, server, false) })
	both.Wait()
	p.mu.Lock()
	delete(p.conns, client)
	delete(p.conns, server)
	p.mu.Unlock()
}

// copy forwards one direction until either end is gone, then closes both.
func (p *Proxy) copy(to, from net.Conn, up bool) {
	defer func() { _ = to.Close() }() // the other direction may have done so
	defer func() { _ = from.Close() }()
	buf := make([]byte, 16<<10)
	line := newLine(to)
	defer line.close()
	for {
		if !p.wait(from) {
			return
		}
		n, err := from.Read(buf[:p.piece(len(buf), up)])
		if n > 0 {
			if !p.forward(line, buf[:n], up) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// piece is how much is read at once: a fiftieth of a second's worth.
func (p *Proxy) piece(most int, up bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rate(up) == 0 {
		return most
	}
	return min(most, max(p.rate(up)/50, 1))
}

// wait holds the direction while nothing is read; false when the connection is gone.
func (p *Proxy) wait(c net.Conn) bool {
	for {
		p.mu.Lock()
		mode, change, closed := p.mode, p.change, p.closed
		p.mu.Unlock()
		if closed || mode == Cut {
			return false
		}
		if mode != BlackHole {
			return true
		}
		<-change
	}
}

// forward sends b on, or not, as the mode says now. What was read before a black hole
// opened is lost in it.
func (p *Proxy) forward(l *line, b []byte, up bool) bool {
	p.mu.Lock()
	mode, rate, delay, stall := p.mode, p.rate(up), p.shape.Delay, p.stall(len(b))
	pass := mode == Pass || up && mode == UpOnly || !up && mode == DownOnly
	if pass {
		if up {
			p.stats.Up += int64(len(b))
		} else {
			p.stats.Down += int64(len(b))
		}
	}
	p.mu.Unlock()
	if !pass {
		return mode != Cut
	}
	if rate > 0 {
		stall += time.Duration(len(b)) * time.Second / time.Duration(rate)
	}
	if stall > 0 {
		time.Sleep(stall)
	}
	return l.send(slices.Clone(b), delay)
}
