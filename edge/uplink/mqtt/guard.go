package mqtt

import (
	"bufio"
	"encoding/binary"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// chunk is how much is written under one deadline: a large packet on a slow link is
// not a stalled link.
const chunk = 16 << 10

// guard is the net.Conn that paho sees. It judges what comes in before paho does,
// gives each write its own deadline, and knows first, and why, when the connection is
// over.
type guard struct {
	conn net.Conn // TLS, or the socket
	raw  net.Conn // the socket
	in   *bufio.Reader
	f    framer
	o    Options
	turn chan struct{} // one writer at a time: paho's keep-alive writes beside its sender

	// silent is the time of the ping that is not answered, in ns since made; 0 for none.
	made   time.Time
	silent atomic.Int64
	ping   atomic.Int64 // last round trip of a ping in ns

	closing atomic.Bool // we are saying goodbye: the end is no failure
	code    atomic.Int32
	over    chan struct{}
	once    sync.Once
	why     error // set before over is closed

	mu   sync.Mutex
	subs map[uint16]int // filters in each SUBSCRIBE on its way
}

// newGuard wraps an open stream.
func newGuard(conn, raw net.Conn, o Options, over chan struct{}) *guard {
	g := &guard{conn: conn, raw: raw, o: o, in: bufio.NewReaderSize(conn, 4096), turn: make(chan struct{}, 1),
		made: time.Now(), over: over, subs: map[uint16]int{}}
	g.f = framer{limit: o.MaxPacket, topics: g.topics, pong: g.pong, refused: func(c byte) { g.code.Store(int32(c)) }}
	return g
}

// fail ends the connection for the first reason given; after a goodbye there is
// none. Closing the socket itself never waits, whatever TLS would still like to say.
func (g *guard) fail(why error) {
	g.once.Do(func() {
		if !g.closing.Load() {
			g.why = why
		}
		close(g.over)
		_ = g.raw.Close()
	})
}

// Read gives paho what the broker sent, as long as it is harmless.
func (g *guard) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	if ferr := g.f.feed(p[:n]); ferr != nil {
		g.fail(ferr)
		return 0, ferr
	}
	if err != nil {
		g.fail(err)
		if g.closing.Load() {
			err = net.ErrClosed
		}
	}
	return n, err
}

// Write sends one packet, in pieces of which each has its own deadline.
func (g *guard) Write(p []byte) (int, error) {
	select {
	case g.turn <- struct{}{}:
	case <-g.over:
		return 0, net.ErrClosed
	}
	defer func() { <-g.turn }()
	g.note(p)
	sent := 0
	for sent < len(p) {
		if err := g.conn.SetWriteDeadline(time.Now().Add(g.o.WriteTimeout)); err != nil {
			g.fail(err)
			return sent, err
		}
		n, err := g.conn.Write(p[sent:min(len(p), sent+chunk)])
		sent += n
		if err != nil {
			g.fail(&writeError{err})
			return sent, err
		}
	}
	return sent, nil
}

// writeError names the direction; the cause stays below it.
type writeError struct{ err error }

// Error says what stalled or broke.
func (e *writeError) Error() string {
	if os.IsTimeout(e.err) {
		return "the link takes no bytes: " + e.err.Error()
	}
	return "write: " + e.err.Error()
}

// Unwrap gives the cause.
func (e *writeError) Unwrap() error { return e.err }

// note remembers what the answer to a packet must look like. paho hands over whole
// packets.
func (g *guard) note(p []byte) {
	switch p[0] >> 4 {
	case tPingreq:
		g.silent.CompareAndSwap(0, max(int64(time.Since(g.made)), 1))
	case tSubscribe:
		id, n := countFilters(p)
		g.mu.Lock()
		g.subs[id] = n
		g.mu.Unlock()
	}
}

// countFilters reads packet id and number of filters of a SUBSCRIBE (section 3.8)
// that paho encoded.
func countFilters(p []byte) (id uint16, n int) {
	at := 1
	for at < len(p) && p[at]&0x80 != 0 {
		at++
	}
	at++
	if len(p) < at+2 {
		return 0, 0
	}
	id = binary.BigEndian.Uint16(p[at:])
	for at += 2; at+2 < len(p); n++ {
		at += 2 + int(binary.BigEndian.Uint16(p[at:])) + 1
	}
	return id, n
}

// topics forgets a SUBSCRIBE that is being answered.
func (g *guard) topics(id uint16) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n, ok := g.subs[id]
	if !ok {
		return -1
	}
	delete(g.subs, id)
	return n
}

// pong ends a ping's round trip.
func (g *guard) pong() {
	if since := g.silent.Swap(0); since != 0 {
		g.ping.Store(int64(time.Since(g.made)) - since)
	}
}

// Close is called by paho when it gives up, and after DISCONNECT. Before a goodbye
// it waits for nothing.
func (g *guard) Close() error {
	if g.closing.Load() {
		err := g.conn.Close()
		g.fail(nil)
		return err
	}
	switch since := g.silent.Load(); {
	case g.code.Load() != 0:
		g.fail(Refusal(g.code.Load()))
	case since != 0 && int64(time.Since(g.made))-since >= int64(g.o.PingTimeout):
		g.fail(Silence(g.o.PingTimeout))
	default:
		g.fail(Violation("a packet that cannot be decoded"))
	}
	return nil
}

// LocalAddr is the socket's.
func (g *guard) LocalAddr() net.Addr { return g.conn.LocalAddr() }

// RemoteAddr is the broker's.
func (g *guard) RemoteAddr() net.Addr { return g.conn.RemoteAddr() }

// SetDeadline sets the deadline of reads; that of writes is the guard's own.
func (g *guard) SetDeadline(t time.Time) error { return g.conn.SetReadDeadline(t) }

// SetReadDeadline sets the deadline of reads.
func (g *guard) SetReadDeadline(t time.Time) error { return g.conn.SetReadDeadline(t) }

// SetWriteDeadline does nothing: paho would set one for whole packets, and none for
// its pings.
func (g *guard) SetWriteDeadline(time.Time) error { return nil }
