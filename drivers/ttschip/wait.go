package ttschip

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/drivers/fault"
)

// wait returns when an acknowledged step has ended: the chip said 4F by itself, or
// it was overdue and answered a query with 4F.
func (u *utterance) wait(ctx context.Context, st step, began time.Time) error {
	overdue := time.NewTimer(st.limit - time.Since(began))
	defer overdue.Stop()
	unanswered := 0
	for {
		var verdict Reply
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r := <-u.s.ear.heard:
			if verdict, err = u.judge(ctx, st, r, time.Since(began)); err != nil {
				return err
			}
		case <-overdue.C:
			if verdict, err = u.ask(ctx); err != nil {
				return err
			}
			if unanswered++; verdict != 0 {
				unanswered = 0
			}
			overdue.Reset(pollEvery)
		}
		switch {
		case verdict == Idle:
			return nil
		case verdict == Initialised:
			return fmt.Errorf("in %s: %w", st.name, fault.Reset)
		case unanswered == pollTries:
			return fmt.Errorf("end of %s: %w", st.name, fault.NoReply)
		case time.Since(began) > 2*st.limit:
			return fmt.Errorf("%s still speaks at twice its longest time: %w", st.name, fault.NoReply)
		}
	}
}

// judge says what an unasked byte means. A 4F that comes too early belongs to an
// earlier utterance or was the second half of a query's answer: the chip is asked.
func (u *utterance) judge(ctx context.Context, st step, r Reply, after time.Duration) (Reply, error) {
	if r == Idle && after < st.least {
		return u.state(ctx)
	}
	if r == Idle || r == Initialised {
		return r, nil
	}
	return 0, nil
}

// waitMute gives a chip that answers nothing the time to say a step, and listens:
// a 4F at a possible time shows that the step was said after all.
func (u *utterance) waitMute(ctx context.Context, st step, began time.Time) (heard bool, err error) {
	over := time.NewTimer(st.limit - time.Since(began))
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-over.C:
			return false, nil
		case r := <-u.s.ear.heard:
			switch {
			case r == Initialised:
				return true, fmt.Errorf("in %s: %w", st.name, fault.Reset)
			case r == Idle && time.Since(began) >= st.least:
				return true, nil
			}
		}
	}
}
