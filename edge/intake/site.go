package intake

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// site is one listening address and the endpoints at it.
type site struct {
	servers  *Servers
	hostport string
	stop     chan struct{} // closed when the last endpoint has left
	ended    chan struct{} // closed when the listener is gone
	once     sync.Once

	mu       sync.Mutex
	handlers map[string]http.Handler
}

// run listens and serves until the last endpoint leaves or the house closes.
func (s *site) run(ctx context.Context) error {
	select {
	case <-s.ended: // started again after a panic: nobody is here any more
		return nil
	default:
	}
	defer s.once.Do(s.finish)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lim := s.servers.limits
	for wait := lim.firstRetry; ; wait = min(2*wait, lim.lastRetry) {
		l, err := s.servers.listen(ctx, s.hostport)
		if err == nil {
			s.servers.notice(s.hostport, nil)
			s.servers.log.Info("listening for camera events", "address", l.Addr().String())
			err = s.serve(ctx, newGate(l, lim.conns, lim.peer))
			wait = lim.firstRetry
		}
		if s.gone(ctx) {
			return nil
		}
		s.servers.notice(s.hostport, err)
		s.servers.log.Warn("cannot listen for camera events, trying again", "address", s.hostport, "error", err, "wait", wait)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-s.stop:
			timer.Stop()
			return nil
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// finish lets everybody go who waits for this site; whoever comes later gets a new one.
func (s *site) finish() {
	s.servers.mu.Lock()
	if s.servers.sites[s.hostport] == s {
		delete(s.servers.sites, s.hostport)
	}
	s.servers.mu.Unlock()
	close(s.ended)
}

// serve answers requests until the site is to go; then those under way get a moment.
func (s *site) serve(ctx context.Context, l net.Listener) error {
	defer func() { _ = l.Close() }() // a second time, as a rule
	lim := s.servers.limits
	server := &http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            lim.header,
		ReadTimeout:                  lim.read,
		WriteTimeout:                 lim.write,
		IdleTimeout:                  lim.idle,
		MaxHeaderBytes:               lim.headerBytes,
		ErrorLog:                     slog.NewLogLogger(s.servers.log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
	served := make(chan error, 1)
	s.servers.spawn("http "+s.hostport+" accept", func(context.Context) error {
		err := server.Serve(l)
		select {
		case served <- err:
		default: // started again after a panic: the first end was the end
		}
		return nil
	})
	select {
	case err := <-served: // the listener broke
		return errors.Join(err, server.Close())
	case <-s.stop:
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), lim.close)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return server.Close()
	}
	return nil
}

// wait waits for the end of the listener; it gives up after most, for a house that
// has never run it.
func (s *site) wait(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-s.ended:
	case <-timer.C:
		s.servers.log.Warn("listener for camera events did not end", "address", s.hostport)
	}
}

// gone tells whether there is nothing to serve any more.
func (s *site) gone(ctx context.Context) bool {
	select {
	case <-s.stop:
		return true
	default:
		return ctx.Err() != nil
	}
}

// add puts h at path, if nothing is there.
func (s *site) add(path string, h http.Handler) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers[path] != nil {
		return false
	}
	s.handlers[path] = h
	return true
}

// remove takes path away and returns how many endpoints are left.
func (s *site) remove(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.handlers, path)
	return len(s.handlers)
}

// ServeHTTP finds the endpoint.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	h := s.handlers[r.URL.Path]
	s.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}
