package edge

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"fuqiao/edged/edge/wire"
)

// stateFormat is the version of the state directory's layout. Each store in it has
// a version of its own.
const stateFormat = "edged-state 1"

// takenError: another daemon works in the state directory.
type takenError struct{}

func (takenError) Error() string { return "another edged, or a writing edgectl, holds it" }

// stateDir is the locked state directory. Reading tools work beside it; a second
// writer is refused.
type stateDir struct {
	path string
	lock *os.File
}

// openState makes the directory if need be, locks it and looks at its format. A
// directory that cannot be written is returned as an error that is not takenError:
// the gateway then runs without it and says so.
func openState(path string) (*stateDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", path, takenError{}), lock.Close())
	}
	s := &stateDir{path: path, lock: lock}
	if err := s.format(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// format writes FORMAT into a new directory and refuses one that it does not know,
// untouched.
func (s *stateDir) format() error {
	name := filepath.Join(s.path, "FORMAT")
	have, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := renameio.WriteFile(name, []byte(stateFormat+"\n"), 0o600); err != nil {
			return fmt.Errorf("state directory: %w", err)
		}
		return nil
	case err != nil:
		return fmt.Errorf("state directory: %w", err)
	}
	if got := strings.TrimSpace(string(have)); got != stateFormat {
		return formatError{path: name, got: got}
	}
	return nil
}

// formatError: the directory was written by another version. Nothing is touched.
type formatError struct{ path, got string }

func (e formatError) Error() string {
	return fmt.Sprintf("%s says %q; this version knows %q: start the version that wrote it, or give another state.dir", e.path, e.got, stateFormat)
}

func (s *stateDir) close() error { return s.lock.Close() }

// newRun draws the 64 random bits of this run.
func newRun() wire.Run {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return wire.Run(hex.EncodeToString(b[:]))
}

// below makes a relative path one below the state directory.
func (s Setup) below(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.File.State.Dir, path)
}

// What the file boot says of the last run.
const (
	bootRunning = "running"
	bootClean   = "clean"
)

// whyBoot tells why this run began: "power" after a start of the machine, "reload" of
// the configuration, "restart" after a clean end, "crash" after any other. The kernel's
// boot id (random(4)) tells one start of the machine from another.
func (g *Gateway) whyBoot() string {
	raw, err := os.ReadFile(g.s().below("boot"))
	if err != nil {
		return "power"
	}
	id, state, _ := strings.Cut(strings.TrimSpace(string(raw)), " ")
	switch {
	case id != bootID():
		return "power"
	case state == bootClean:
		return "restart"
	}
	return "crash"
}

// markBoot notes how things stand, without a sync: a lost note says crash or power,
// and both are true enough after what loses notes.
func (g *Gateway) markBoot(state string) {
	if g.state == nil {
		return
	}
	if err := os.WriteFile(g.s().below("boot"), []byte(bootID()+" "+state+"\n"), 0o600); err != nil {
		g.log.Warn("boot note not written", "error", err)
	}
}

func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(raw))
}
