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

// limits bound what the cameras' network can ask of us. Endpoints bound bodies and
// answers further.
type limits struct {
	// header is the time for a whole request header, read that for a whole request,
	// write that from the end of the header to the end of the answer, idle that
	// between two requests of one connection.
	header, read, write, idle time.Duration
	// headerBytes is the size of a header; net/http grants 4 KiB on top.
	headerBytes int
	// conns is the connections of one address, peer those of one host at it: one sick
	// camera is not all of them.
	conns, peer int
	// close is the time for answers under way when the last endpoint goes.
	close time.Duration
	// firstRetry and lastRetry bound the wait for an address that is not there.
	firstRetry, lastRetry time.Duration
}

func houseLimits() limits {
	return limits{
		header: 5 * time.Second, read: 30 * time.Second, write: 30 * time.Second, idle: 30 * time.Second,
		headerBytes: 8 << 10, conns: 256, peer: 32, close: time.Second,
		firstRetry: 200 * time.Millisecond, lastRetry: 10 * time.Second,
	}
}

// Servers are the house's HTTP listeners for camera sources: one per address that an
// endpoint is claimed at, shared by all endpoints there, open while there is one.
// An address that cannot be listened on (the interface is not up yet) is tried again
// until it can.
type Servers struct {
	// Notice is told when an address cannot be listened on, and with nil when it can
	// (again). Set it before the first Serve; nil drops it. It must not block.
	Notice func(hostport string, err error)

	limits limits
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
	return &Servers{limits: houseLimits(), log: log, spawn: spawn, listen: listen, sites: map[string]*site{}}
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
		st.wait(2 * s.limits.close) // then the address is free for whoever comes next
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
