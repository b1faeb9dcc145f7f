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

	mu       sync.Mutex
	handlers map[string]http.Handler
	over     bool
}

// run listens and serves until the last endpoint leaves or the house closes.
func (s *site) run(ctx context.Context) error {
	defer s.finish()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		l, err := s.servers.listen(ctx, s.hostport)
		if err == nil {
			s.servers.notice(s.hostport, nil)
			s.servers.log.Info("listening for camera events", "address", l.Addr().String())
			err = s.serve(ctx, newGate(l, maxConns, maxPeerConns))
			wait = firstRetry
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

// finish lets everybody go who waits for this site, also those who came late.
func (s *site) finish() {
	s.servers.mu.Lock()
	if s.servers.sites[s.hostport] == s {
		delete(s.servers.sites, s.hostport)
	}
	s.servers.mu.Unlock()
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	close(s.ended)
}

// serve answers requests until the site is to go; then those under way get a moment.
func (s *site) serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:                      s,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		MaxHeaderBytes:               maxHeader,
		ErrorLog:                     slog.NewLogLogger(s.servers.log.Handler(), slog.LevelDebug),
		DisableGeneralOptionsHandler: true,
	}
	served := make(chan error, 1)
	s.servers.spawn("http "+s.hostport+" accept", func(context.Context) error {
		served <- server.Serve(l)
		return nil
	})
	select {
	case err := <-served: // the listener broke
		return errors.Join(err, server.Close())
	case <-s.stop:
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return server.Close()
	}
	return nil
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
