package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

const (
	// lookEvery is how often a silent port's Read returns, so that a device that is
	// gone without a word is missed (within 1 s, promise 39).
	lookEvery = 500 * time.Millisecond
	// backlog is how many pieces of received bytes wait for the owner.
	backlog = 32
)

// session is one life of an open port.
type session struct {
	b    *Bus
	port Port
	rx   chan []byte
	gone chan error    // the reader's last word
	over chan struct{} // closed when the session ends
	tick *time.Timer

	end   time.Time     // when the wire became silent after the last frame
	quiet time.Duration // the last frame's own wish for silence after it
	gap   time.Duration // the last frame's device's gap

	loose   []byte    // received, not asked for, not yet anybody's
	looseAt time.Time // when the last of them came
	echo    []byte    // the last frame, as an adapter that hears itself repeats it
}

func newSession(b *Bus, p Port) *session {
	return &session{
		b: b, port: p,
		rx: make(chan []byte, backlog), gone: make(chan error, 1), over: make(chan struct{}),
		tick: time.NewTimer(time.Hour),
	}
}

func (s *session) close() {
	close(s.over)
	s.tick.Stop()
	if err := s.port.Close(); err != nil {
		s.b.c.Log.Warn("serial port close", "bus", s.b.c.Name, "error", err)
	}
	s.b.count(func(st *Stats) { st.Open = false })
}

// read is the reading side, run by Config.Go: it hands bytes to the owner and ends
// with the session. If it is started again after a panic it goes on.
func (s *session) read(ctx context.Context) error {
	buf := make([]byte, 512)
	for {
		err := s.port.SetReadDeadline(time.Now().Add(lookEvery))
		n := 0
		if err == nil {
			n, err = s.port.Read(buf)
		}
		if n > 0 {
			select {
			case s.rx <- slices.Clone(buf[:n]):
			case <-s.over:
				return nil
			case <-ctx.Done():
				return nil
			}
		}
		switch {
		case ctx.Err() != nil || s.ended():
			return nil //nolint:nilerr // the port was closed to end this
		case errors.Is(err, os.ErrDeadlineExceeded) || err == nil && n > 0:
			continue
		case err == nil:
			err = io.ErrNoProgress // would spin for ever
		}
		select {
		case s.gone <- err:
		default:
		}
		return nil
	}
}

func (s *session) ended() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// serve does frames until the port is lost or ctx ends; the error says which.
func (s *session) serve(ctx context.Context) error {
	for {
		r, again := s.b.queue.next(time.Now(), s.free, s.span)
		if r != nil {
			s.b.current = r
			err := s.exchange(ctx, r)
			s.b.current = nil
			if err != nil {
				return err
			}
			continue
		}
		s.b.enter(idle)
		chunk, err := s.wait(ctx, again)
		if err != nil {
			return err
		}
		s.unasked(chunk)
	}
}

// free is when r may start: the wire has been silent for as long as the bus, the
// device before and the device of r want it.
func (s *session) free(r *request) time.Time {
	return s.end.Add(max(s.b.c.Gap, s.gap, r.gap) + s.quiet)
}

// span is how long r holds the wire at most.
func (s *session) span(r *request) time.Duration {
	return s.b.lineTime(len(r.write)) + r.reply + max(s.b.c.Gap, r.gap) + r.quiet
}

// wait returns received bytes, or nothing when it is time to look again: at
// `until` (zero: no such time) or because something was queued. It answers pings.
func (s *session) wait(ctx context.Context, until time.Time) ([]byte, error) {
	due := s.housekeep(until)
	var tick <-chan time.Time
	if !due.IsZero() {
		s.tick.Reset(time.Until(due))
		tick = s.tick.C
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case err := <-s.gone:
		return nil, err
	case chunk := <-s.rx:
		s.b.count(func(st *Stats) { st.BytesIn += uint64(len(chunk)) })
		return chunk, nil
	case <-s.b.queue.wake:
	case <-s.b.pings:
	case <-tick:
	}
	return nil, nil
}

// write hands r to the port in one piece. Only a frame larger than the kernel's
// buffer takes longer than a moment; pings are answered meanwhile.
func (s *session) write(ctx context.Context, r *request) error {
	s.b.enter(writing)
	rest, progress := r.write, time.Now()
	for {
		if err := s.port.SetWriteDeadline(time.Now().Add(writeSlice)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		n, err := s.port.Write(rest)
		s.b.count(func(st *Stats) { st.BytesOut += uint64(n) })
		if rest = rest[n:]; len(rest) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if n > 0 {
			progress = time.Now()
		}
		if time.Since(progress) >= stallAfter {
			s.b.count(func(st *Stats) { st.Stalls++ })
			return fmt.Errorf("write: %d of %d bytes taken: %w", len(r.write)-len(rest), len(r.write), stalled{})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.b.pings:
		default:
		}
	}
}
