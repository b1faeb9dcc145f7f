package intake

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of a listener for cameras. The handlers bound bodies and answers further.
const (
	headerTimeout = 5 * time.Second  // a whole request header, or the connection ends
	readTimeout   = 30 * time.Second // a whole request, whatever its handler allows
	writeTimeout  = 30 * time.Second // from the end of the header to the end of the answer
	idleTimeout   = 30 * time.Second // between two requests of one connection
	maxHeader     = 8 << 10          // bytes; net/http grants 4 KiB on top
	maxConns      = 256              // connections of one address
	maxPeerConns  = 32               // of these, from one host: one sick camera is not all of them
	closeWithin   = 2 * time.Second  // for answers under way when the last endpoint goes
	firstRetry    = 200 * time.Millisecond
	lastRetry     = 10 * time.Second
)

// Servers are the house's HTTP listeners for camera sources: one per address that an
// endpoint is claimed at, shared by all endpoints there, open while there is one.
// An address that cannot be listened on (the interface is not up yet) is tried again
// until it can.
type Servers struct {
	// Notice is told when an address cannot be listened on, and with nil when it can
	// (again). Set it before the first Serve; nil drops it. It must not block.
	Notice func(hostport string, err error)

	log    *slog.Logger
	spawn  func(name string, run func(ctx context.Context) error)
	listen func(ctx context.Context, hostport string) (net.Listener, error)

	mu    sync.Mutex
	sites map[string]*site
}

// NewServers makes Servers without a listener. spawn runs a function in a supervised
// goroutine whose ctx ends with the house.
func NewServers(log *slog.Logger, spawn func(name string, run func(ctx context.Context) error)) *Servers {
	listen := func(ctx context.Context, hostport string) (net.Listener, error) {
		var c net.ListenConfig
		return c.Listen(ctx, "tcp", hostport)
	}
	return &Servers{log: log, spawn: spawn, listen: listen, sites: map[string]*site{}}
}

// Serve puts h at hostport and path until ctx ends, and blocks as long. The path is
// compared as it stands. It fails at once if another endpoint has that path; that
// the address cannot be listened on is no failure but a Notice. When it returns, h
// gets no new request; those under way may still be running.
func (s *Servers) Serve(ctx context.Context, hostport, path string, h http.Handler) error {
	st, err := s.enter(hostport, path, h)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-st.ended: // the house is closing
	}
	if s.leave(st, path) {
		<-st.ended // bounded by closeWithin: the address is free for whoever comes next
	}
	return ctx.Err()
}

// enter adds an endpoint, and a site where there is none.
func (s *Servers) enter(hostport, path string, h http.Handler) (*site, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.sites[hostport]
	if st == nil {
		st = &site{
			servers: s, hostport: hostport, handlers: map[string]http.Handler{},
			stop: make(chan struct{}), ended: make(chan struct{}),
		}
		s.sites[hostport] = st
		s.spawn("http "+hostport, st.run)
	}
	if !st.add(path, h) {
		return nil, fmt.Errorf("http %s%s: another endpoint is there already", hostport, path)
	}
	return st, nil
}

// leave takes an endpoint away and tells whether it was the site's last.
func (s *Servers) leave(st *site, path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.remove(path) > 0 {
		return false
	}
	if s.sites[st.hostport] == st {
		delete(s.sites, st.hostport)
	}
	close(st.stop)
	return true
}

// notice passes on what became of an address.
func (s *Servers) notice(hostport string, err error) {
	if s.Notice != nil {
		s.Notice(hostport, err)
	}
}
