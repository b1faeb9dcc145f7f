// Package local is the technician's way in without network: a unix socket that asks
// the kernel who is there (SO_PEERCRED) and answers what the daemon knows of itself.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Config of a Server.
type Config struct {
	// Socket is the path; a stale socket there is removed first, anything else is left alone.
	Socket string
	// Groups are unix groups whose members may ask. Root and our own user always may.
	Groups []string
	Log    *slog.Logger
	// Status makes the answer to GET /v1/status.
	Status func() any
	// Tried is told that the socket is there, or why it is not; nil drops it.
	Tried func(err error)
	// Spawn runs a goroutine under the tree.
	Spawn func(name string, run func(ctx context.Context) error)
}

// Server answers on the socket.
type Server struct{ c Config }

// New makes a server.
func New(c Config) *Server { return &Server{c: c} }

type peerKey struct{}

// Run serves until ctx ends. An error (no directory, no right) starts it again later.
func (s *Server) Run(ctx context.Context) error {
	l, err := s.listen()
	if s.c.Tried != nil {
		s.c.Tried(err)
	}
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	srv := &http.Server{
		Handler:           s.allowed(mux),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      10 * time.Second,
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(s.c.Log.Handler(), slog.LevelWarn),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, peerKey{}, peer(c))
		},
	}
	s.c.Spawn("local socket close", func(context.Context) error {
		<-ctx.Done()
		return srv.Close()
	})
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("local socket: %w", err)
	}
	return nil
}

func (s *Server) listen() (net.Listener, error) {
	if err := clean(s.c.Socket); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", s.c.Socket)
	if err != nil {
		return nil, fmt.Errorf("local socket: %w", err)
	}
	// Who may ask is decided by the peer's identity, not by the file's mode: members
	// of the configured groups must be able to connect.
	if err := os.Chmod(s.c.Socket, 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("local socket: %w", err), l.Close())
	}
	return l, nil
}

// clean removes a socket that a killed daemon left behind. The state directory's
// lock says that nobody is behind it.
func clean(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("local socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("local socket: %s exists and is no socket; remove it or set local.socket", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("local socket: %w", err)
	}
	return nil
}

// peer reads who is at the other end; nil where the kernel does not say.
func peer(c net.Conn) *unix.Ucred {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil
	}
	var cred *unix.Ucred
	if err := raw.Control(func(fd uintptr) {
		if got, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			cred = got
		}
	}); err != nil {
		return nil
	}
	return cred
}

// allowed lets root, our own user and members of the configured groups in.
func (s *Server) allowed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cred, _ := r.Context().Value(peerKey{}).(*unix.Ucred)
		if cred == nil || !s.may(cred) {
			uid := -1
			if cred != nil {
				uid = int(cred.Uid)
			}
			s.c.Log.Warn("local request refused", "uid", uid)
			http.Error(w, `{"error":"not_allowed"}`, http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) may(c *unix.Ucred) bool {
	if c.Uid == 0 || int(c.Uid) == os.Getuid() {
		return true
	}
	u, err := user.LookupId(strconv.Itoa(int(c.Uid)))
	if err != nil {
		return false
	}
	gids, err := u.GroupIds()
	if err != nil {
		return false
	}
	for _, name := range s.c.Groups {
		if g, err := user.LookupGroup(name); err == nil && slices.Contains(gids, g.Gid) {
			return true
		}
	}
	return false
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.c.Status()); err != nil {
		s.c.Log.Warn("status not written", "error", err)
	}
}
