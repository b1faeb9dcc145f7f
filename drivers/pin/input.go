package pin

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fuqiao/edged/drivers/fault"
)

// slice is how long Watch waits for an edge at a time. A lost edge is noticed at its
// end by comparing levels, and so is the end of ctx: periph's wait cannot be cut
// short reliably.
const slice = 200 * time.Millisecond

// Input is one named input.
type Input struct {
	bank *Bank
	spec InputSpec
	// watched is held by the one Watch.
	watched chan struct{}

	mu      sync.Mutex
	line    inputLine // nil: not held, and missing says why
	at      place
	missing error
	again   bool // the line was lost before
}

// Level is the logical state of the line now, without debounce.
// Errors: fault.PortLost.
func (i *Input) Level(ctx context.Context) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	line := i.current()
	if line == nil {
		return false, i.absent()
	}
	level, err := line.level()
	if err != nil {
		i.lose(line, err)
		return false, fmt.Errorf("input %s: %w: %w", i.spec.Name, err, fault.PortLost)
	}
	return level != i.spec.ActiveLow, nil
}

// Watch calls tell with the first known state and then with each change that has
// stood for Debounce, until ctx ends; tell runs on Watch's goroutine. While the
// chip is away nothing is told; the state after its return is told if it differs.
// Watch returns within 200 ms of ctx's end. Errors: ctx's; fault.BadInput when the
// input is watched already; fault.PortLost when the bank is closed.
func (i *Input) Watch(ctx context.Context, tell func(on bool)) error {
	select {
	case i.watched <- struct{}{}:
		defer func() { <-i.watched }()
	default:
		return fmt.Errorf("input %s: is watched already: %w", i.spec.Name, fault.BadInput)
	}
	known, last := false, false
	for {
		line, err := i.await(ctx)
		if err != nil {
			return err
		}
		level, err := line.level()
		switch {
		case err != nil:
		case known && level == last:
			_, err = line.wait(slice)
		default:
			var stands bool
			if stands, err = i.stands(ctx, line, level); stands {
				known, last = true, level
				tell(level != i.spec.ActiveLow)
			}
		}
		if err != nil {
			i.lose(line, err)
		}
	}
}

// stands tells whether the line keeps the level for Debounce. A spike begins the
// time anew, another level ends the question.
func (i *Input) stands(ctx context.Context, line inputLine, level bool) (bool, error) {
	until := time.Now().Add(i.spec.Debounce)
	for ctx.Err() == nil && !i.bank.closed() {
		left := time.Until(until)
		if left <= 0 {
			return true, nil
		}
		edge, err := line.wait(min(left, slice))
		if err != nil {
			return false, err
		}
		now, err := line.level()
		if err != nil || now != level {
			return false, err
		}
		if edge {
			until = time.Now().Add(i.spec.Debounce)
		}
	}
	return false, nil
}

// await returns the line as soon as it is held.
func (i *Input) await(ctx context.Context) (inputLine, error) {
	timer := time.NewTimer(slice)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i.bank.closed() {
			return nil, fmt.Errorf("input %s: %w: %w", i.spec.Name, errClosed, fault.PortLost)
		}
		if line := i.current(); line != nil {
			return line, nil
		}
		select {
		case <-ctx.Done():
		case <-i.bank.gone:
		case <-timer.C:
			timer.Reset(slice)
		}
	}
}

// answers tells whether the held line is still there, and forgets it if not.
func (i *Input) answers() bool {
	line := i.current()
	if line == nil {
		return false
	}
	if _, err := line.level(); err != nil {
		i.lose(line, err)
		return false
	}
	return true
}

// lose forgets the line, if it is still the held one.
func (i *Input) lose(line inputLine, err error) {
	i.mu.Lock()
	gone := fmt.Errorf("%s: %s is gone: %w: %w", i.subject(), i.at.chip.name, err, fault.PortLost)
	mine := i.line == line
	if mine {
		i.line, i.missing, i.again = nil, gone, true
	}
	i.mu.Unlock()
	if mine {
		i.bank.notice(chipLost, i.subject(), gone.Error(), true)
		_ = line.close()
		i.bank.poke()
	}
}

// close gives the line back when the watcher has let go of it.
func (i *Input) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if take(ctx, i.watched) == nil {
		defer give(i.watched)
	}
	i.mu.Lock()
	line := i.line
	i.line, i.missing = nil, errClosed
	i.mu.Unlock()
	if line == nil {
		return nil
	}
	return line.close()
}

func (i *Input) current() inputLine {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.line
}

// held is where the line is; false: not held.
func (i *Input) held() (place, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.at, i.line != nil
}

func (i *Input) hadLoss() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.again
}

func (i *Input) adopt(line inputLine, at place) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.line, i.at, i.missing = line, at, nil
}

func (i *Input) absent() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return absent("input "+i.spec.Name, i.missing)
}

func (i *Input) subject() string         { return "inputs." + i.spec.Name }
func (i *Input) where() (string, string) { return i.spec.Chip, i.spec.Line }
func (i *Input) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.missing = err
}
