package ttschip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// Times on the wire.
const (
	// betweenFrames is silence after each frame: the SYN6288 wants more than 8 ms
	// (datasheet V1.7, 4.1).
	betweenFrames = 10 * time.Millisecond
	// stopReply is how long one stop waits for its 41, stopTries how often it is
	// sent: a frame that comes while the chip speaks may be missed.
	stopReply = 100 * time.Millisecond
	stopTries = 3
)

// halted is the cause of an announcement that Halt has cut.
type halted struct{}

func (halted) Error() string        { return "halted" }
func (halted) Is(target error) bool { return target == context.Canceled }

// Speaker is one speech chip. It is a drivers.Speaker and drivers.Speakable.
type Speaker struct {
	id     string
	chip   Chip
	wire   line.Line
	log    *slog.Logger
	ear    *ear
	deafen func()
	speed  int
	volume int
	reply  time.Duration
	chimes map[string]string
	// raise and clear report conditions of the device.
	raise func(code, detail string)
	clear func(code string)

	mu   sync.Mutex
	stop context.CancelCauseFunc // of the running announcement, nil while there is none
}

// OwnVolume is the volume of options.volume, 0–100: for orders that name none.
func (s *Speaker) OwnVolume() int { return s.volume }

// Announce is drivers.Speaker's. It sends the full set of marks, the chime if one is
// asked for, and the parts of the text one after another, each when the chip has
// said that it is idle again.
//
// Evidence is Acknowledged as soon as the chip has accepted a chime or a part, and
// Commanded while only bytes have left the box. Errors:
//
//	fault.BadInput  the text, volume or chime cannot be said; nothing was sent
//	fault.Full      another announcement is running here; nothing was sent
//	fault.Refused   the chip refused a frame twice (45)
//	fault.Reset     the chip restarted (4A) in the middle; the rest was not said
//	fault.NoReply   a part was not acknowledged. A chip that answers nothing at all
//	                is still given every part, with time to say it; the error comes
//	                at the end, with evidence Commanded
//	fault.PortLost  the port went away
//	context errors  ctx ended, or Halt came (context.Canceled): the stop is on the
//	                wire before Announce returns
func (s *Speaker) Announce(ctx context.Context, a drivers.Announcement, said func(drivers.Progress)) (drivers.Evidence, error) {
	p, err := s.makePlan(a)
	if err != nil {
		return drivers.None, s.fail("announce", err)
	}
	if err := ctx.Err(); err != nil {
		return drivers.None, s.fail("announce", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !s.begin(cancel) {
		return drivers.None, s.fail("announce", fmt.Errorf("another announcement is running: %w", fault.Full))
	}
	defer s.end()
	u := utterance{s: s, plan: p, said: said}
	err = u.run(ctx)
	if err == nil {
		s.report(u.evidence, nil)
		return u.evidence, nil
	}
	if ctx.Err() != nil {
		err = why(ctx)
	}
	// Cut, or not known to have ended: the last word on the wire is a stop.
	if u.evidence > drivers.None && (ctx.Err() != nil || fault.Of(err) == fault.NoReply) {
		if e := s.silence(context.WithoutCancel(ctx)); e != nil {
			s.log.Warn("stop not acknowledged", "error", e)
		}
	}
	s.report(u.evidence, err)
	return u.evidence, s.fail("announce", err)
}

// why is the error of a ctx that ended, with its cause where one was given.
func why(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}

// Halt is drivers.Device's: it cuts a running announcement and silences the chip,
// whatever it may be saying. fault.NoReply means that the stop was sent three times
// and never acknowledged.
func (s *Speaker) Halt(ctx context.Context) error {
	s.mu.Lock()
	if s.stop != nil {
		s.stop(halted{}) // first of all, so that no say frame follows the stop
	}
	s.mu.Unlock()
	if err := s.silence(ctx); err != nil {
		return s.fail("halt", err)
	}
	return nil
}

// silence sends the stop ahead of everything, until the chip says 41.
func (s *Speaker) silence(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	frame := s.chip.AppendStop(nil)
	var err error
	for range stopTries {
		var answer []byte
		answer, err = s.wire.Exchange(ctx, line.Frame{
			Write: frame, Want: WantAck, Reply: stopReply, Quiet: betweenFrames, Urgent: true,
		})
		if err == nil && Verdict(answer) != Refused {
			return nil // accepted, or just restarted and therefore silent
		}
		if err == nil {
			err = fmt.Errorf("stop: %w", fault.Refused)
		} else if fault.Of(err) != fault.NoReply {
			return err
		}
	}
	return err
}

// begin takes the chip for one announcement.
func (s *Speaker) begin(cancel context.CancelCauseFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return false
	}
	s.stop = cancel
	return true
}

func (s *Speaker) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = nil
}

// report turns the outcome into the device's conditions.
func (s *Speaker) report(evidence drivers.Evidence, err error) {
	class := fault.Of(err)
	switch {
	case class == fault.NoReply:
		s.raise("device.no_reply", err.Error())
	case evidence >= drivers.Acknowledged:
		s.clear("device.no_reply")
	}
	switch {
	case class == fault.Reset:
		s.raise("device.reset", err.Error())
	case err == nil:
		s.clear("device.reset")
	}
}

// fail names the device.
func (s *Speaker) fail(what string, err error) error {
	return fmt.Errorf("%s %s: %s: %w", s.chip.Model, s.id, what, err)
}
