package pin

import (
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// eventLine is an input by our own request.
type eventLine struct{ heldLines }

func (e eventLine) level() (bool, error) {
	bits, err := e.get(1)
	return bits&1 != 0, err
}

// wait reads struct gpio_v2_line_event. Which way an edge went does not matter: the
// level is compared after it, so that events that the kernel's queue dropped are
// made up for.
func (e eventLine) wait(d time.Duration) (bool, error) {
	if err := e.f.SetReadDeadline(time.Now().Add(d)); err != nil {
		return false, err
	}
	events := make([]byte, 16*unsafe.Sizeof(unix.GPIOV2LineEvent{}))
	n, err := e.f.Read(events)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("wait for an edge: %w", err)
	}
	return n > 0, nil
}
