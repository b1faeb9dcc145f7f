package ttschip

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

const (
	// settle is how long the frame of marks may take to report its own end, so that
	// this 4F is not taken for the end of what follows.
	settle = 50 * time.Millisecond
	// afterIdle is the wait that the chip wants between 4F and the next frame (1 ms).
	afterIdle = 2 * time.Millisecond
	// pollEvery is the pace of questions to an overdue chip, confirm the time between
	// two answers "idle" that have to agree, pollTries how many may stay unanswered.
	pollEvery = time.Second
	confirm   = 30 * time.Millisecond
	pollTries = 3
)

// utterance is one announcement on its way.
type utterance struct {
	s        *Speaker
	plan     plan
	said     func(drivers.Progress)
	evidence drivers.Evidence
	// unanswered is the first step that the chip did not acknowledge, nil if none.
	unanswered error
}

// run says the whole plan. A step that was not acknowledged does not keep the later
// ones back; the error comes at the end.
func (u *utterance) run(ctx context.Context) error {
	if err := u.setMarks(ctx); err != nil {
		return err
	}
	for _, st := range u.plan.steps {
		if err := u.step(ctx, st); err != nil {
			return err
		}
		if err := rest(ctx, afterIdle); err != nil {
			return err
		}
	}
	return u.unanswered
}

// setMarks sends the marks in a frame of their own; they hold from the next frame on.
// They make no sound, so this frame may be sent twice: after a refusal, after
// silence, and after a reset that just switched the chip on.
func (u *utterance) setMarks(ctx context.Context) error {
	var err error
	for range 2 {
		u.s.ear.forget()
		var r Reply
		if r, err = u.put(ctx, u.plan.marks); err != nil && fault.Of(err) != fault.NoReply {
			return err
		}
		switch r {
		case Accepted:
			return u.settle(ctx)
		case Refused:
			err = fmt.Errorf("marks: %w", fault.Refused)
		case Initialised:
			err = fmt.Errorf("marks: %w", fault.Reset)
		}
	}
	if fault.Of(err) == fault.NoReply {
		return nil // the steps will tell; the wire back may be all that is broken
	}
	return err
}

// settle waits for the 4F that may follow the marks.
func (u *utterance) settle(ctx context.Context) error {
	timer := time.NewTimer(settle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case r := <-u.s.ear.heard:
			if r == Idle {
				return rest(ctx, afterIdle)
			}
		}
	}
}

// put sends a say frame and returns the chip's verdict, 0 with an error.
func (u *utterance) put(ctx context.Context, frame []byte) (Reply, error) {
	answer, err := u.s.wire.Exchange(ctx, line.Frame{
		Write: frame, Want: WantAck, Reply: u.s.reply, Quiet: betweenFrames,
	})
	if err == nil || fault.Of(err) == fault.NoReply || ctx.Err() != nil {
		u.evidence = max(u.evidence, drivers.Commanded)
	}
	return Verdict(answer), err
}

// ask sends a query and returns what the chip says it does: Speaking, Idle or
// Initialised; 0 where it gives no answer that can be used.
func (u *utterance) ask(ctx context.Context) (Reply, error) {
	answer, err := u.s.wire.Exchange(ctx, line.Frame{
		Write: u.s.chip.AppendQuery(nil), Want: WantStatus, Reply: u.s.reply, Quiet: betweenFrames,
	})
	if err != nil && fault.Of(err) != fault.NoReply {
		return 0, err
	}
	if v := Verdict(answer); err == nil && v != Refused {
		return v, nil
	}
	return 0, nil
}

// step says one frame and waits for its end.
func (u *utterance) step(ctx context.Context, st step) error {
	if u.s.ear.forget() {
		return fmt.Errorf("before %s: %w", st.name, fault.Reset)
	}
	r, err := u.put(ctx, st.frame)
	if r == Refused { // it was not taken, so it may be sent again
		r, err = u.put(ctx, st.frame)
	}
	switch {
	case err != nil && fault.Of(err) != fault.NoReply:
		return err
	case r == Refused:
		return fmt.Errorf("%s: %w", st.name, fault.Refused)
	case r == Initialised:
		return fmt.Errorf("%s: %w", st.name, fault.Reset)
	}
	began := time.Now()
	if r == Accepted {
		u.begun(st)
		u.evidence = drivers.Acknowledged
		return u.wait(ctx, st, began)
	}
	return u.doubt(ctx, st, began)
}

// begun tells the caller that a part is being said.
func (u *utterance) begun(st step) {
	if u.said != nil && st.part > 0 {
		u.said(drivers.Progress{Part: st.part, Parts: u.plan.parts, Lost: u.plan.lost})
	}
}

// doubt follows a frame that got no 41. It may be sounding all the same, so it is
// never sent again: the chip is asked instead.
func (u *utterance) doubt(ctx context.Context, st step, began time.Time) error {
	state, err := u.state(ctx)
	switch {
	case err != nil:
		return err
	case state == Speaking:
		u.begun(st)
		u.evidence = drivers.Acknowledged
		return u.wait(ctx, st, began)
	case state == Initialised:
		return fmt.Errorf("%s: %w", st.name, fault.Reset)
	case state == Idle: // it answers, it does not speak: the frame was lost
		return fmt.Errorf("%s was not acknowledged and the chip is idle: %w", st.name, fault.NoReply)
	}
	u.begun(st)
	heard, err := u.waitMute(ctx, st, began)
	switch {
	case err != nil:
		return err
	case heard:
		u.evidence = drivers.Acknowledged
	case u.unanswered == nil:
		u.unanswered = fmt.Errorf("%s: %w", st.name, fault.NoReply)
	}
	return nil
}

// state asks the chip what it does. "Idle" has to be said twice: the first may be
// the end of an earlier utterance that met the query on the wire.
func (u *utterance) state(ctx context.Context) (Reply, error) {
	r, err := u.ask(ctx)
	if err != nil || r != Idle {
		return r, err
	}
	if err := rest(ctx, confirm); err != nil {
		return 0, err
	}
	return u.ask(ctx)
}

// rest waits d or until ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
