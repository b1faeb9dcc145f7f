package pin

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

// turnWait is how long one output waits for another caller's ioctl before it
// gives up: the outputs after it must get their turn.
const turnWait = 200 * time.Millisecond

// Output is one named output. It is a drivers.Output.
type Output struct {
	bank *Bank
	spec OutputSpec
	// turn is held over the ioctl, so that the last level commanded is the last
	// level written.
	turn chan struct{}

	mu      sync.Mutex
	group   *group // nil: not held, and missing says why
	bit     int
	missing error
	on      bool
	since   time.Time // when on began
	tripped bool      // the guard has let go, and the owner has not yet
	reg     registration
}

// group is the lines of one request.
type group struct {
	io      outputLines
	places  []place
	members []*Output
	once    sync.Once
	err     error
}

// close gives the lines back, once.
func (g *group) close() error {
	g.once.Do(func() { g.err = g.io.close() })
	return g.err
}

// Set switches the output. It is idempotent: setting what is set makes no edge and
// does not start MaxOn anew. After the guard has let go, on is refused until the
// output has been set to off: an owner that does not know that time is up may not
// just go on.
// Errors: fault.PortLost (the chip is not there, or another program holds the
// line), fault.Refused (the guard).
func (o *Output) Set(ctx context.Context, on bool) error {
	if err := o.await(ctx); err != nil {
		return err
	}
	defer give(o.turn)
	o.mu.Lock()
	tripped := o.tripped
	o.mu.Unlock()
	if on && tripped {
		return fmt.Errorf("output %s: was on for its longest time of %v: set it to off first: %w", o.spec.Name, o.spec.MaxOn, fault.Refused)
	}
	if err := o.write(on); err != nil {
		return err
	}
	if !on {
		o.mu.Lock()
		o.tripped = false
		o.mu.Unlock()
		o.bank.notice(maxOn, o.subject(), "", false)
	}
	return nil
}

// Halt sets the safe level. For that it is never too late: it is done, within 200 ms,
// even if ctx has ended.
func (o *Output) Halt(ctx context.Context) error {
	return o.Set(context.WithoutCancel(ctx), o.spec.Safe)
}

// ReadBack asks the kernel for the line's level and returns it as the logical
// state. It never changes the line's direction. Errors: fault.PortLost.
func (o *Output) ReadBack(ctx context.Context) (bool, error) {
	if err := o.await(ctx); err != nil {
		return false, err
	}
	defer give(o.turn)
	g, bit := o.held()
	if g == nil {
		return false, o.absent()
	}
	bits, err := g.io.get(1 << bit)
	if err != nil {
		return false, o.bank.failed(g, o, "read back", err)
	}
	return bits>>bit&1 != 0, nil
}

// Commanded is the logical state that was last set; after a loss of the chip it is
// the safe state.
func (o *Output) Commanded() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}

// await waits for the turn, not for ever.
func (o *Output) await(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	err := take(soon, o.turn)
	if err == nil && ctx.Err() != nil {
		give(o.turn) // both were ready: what nobody wants any more is not done
		err = ctx.Err()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("output %s: %w", o.spec.Name, ctx.Err())
	}
	return fmt.Errorf("output %s: another call does not come back from the chip: %w", o.spec.Name, fault.PortLost)
}

// write is the ioctl and the bookkeeping; the caller holds the turn.
func (o *Output) write(on bool) error {
	g, bit := o.held()
	if g == nil {
		return o.absent()
	}
	var bits uint64
	if on {
		bits = 1 << bit
	}
	if err := g.io.set(1<<bit, bits); err != nil {
		return o.bank.failed(g, o, "set", err)
	}
	o.mu.Lock()
	began := on && !o.on
	o.on = on
	if began {
		o.since = time.Now()
	}
	o.mu.Unlock()
	if began && o.spec.MaxOn > 0 {
		o.bank.poke()
	}
	return nil
}

// absent is the error of an output that is not held. For the caller that is one
// class, whatever the configuration's part in it.
func (o *Output) absent() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return absent("output "+o.spec.Name, o.missing)
}

func absent(what string, why error) error {
	if fault.Of(why) == fault.PortLost {
		return why
	}
	return fmt.Errorf("%s: %s: %w", what, why.Error(), fault.PortLost)
}

// failed judges an ioctl's error. A chip that is gone takes all its lines along; any
// other error (a bus error of an I²C expander) leaves the request as it is, for
// giving it back would let the other lines go.
func (b *Bank) failed(g *group, o *Output, what string, err error) error {
	if lost(err) {
		b.lose(g, err)
	}
	return fmt.Errorf("output %s: %s: %w: %w", o.spec.Name, what, err, fault.PortLost)
}

// lost tells whether err says that the chip is not there any more.
func lost(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EBADF)
}

// lose forgets a group whose chip is gone.
func (b *Bank) lose(g *group, err error) {
	for i, o := range g.members {
		gone := fmt.Errorf("%s: %s is gone: %w: %w", o.subject(), g.places[i].chip.name, err, fault.PortLost)
		if o.dropFrom(g, gone) {
			b.notice(chipLost, o.subject(), gone.Error(), true)
		}
	}
	_ = g.close()
	b.poke()
}

// held is the request that has the line, and the line's bit in it; nil: none.
func (o *Output) held() (*group, int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.group, o.bit
}

// adopt takes a fresh request: the line is at its safe level now.
func (o *Output) adopt(g *group, bit int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.group, o.bit, o.on, o.missing = g, bit, o.spec.Safe, nil
}

// drop forgets the request and returns it.
func (o *Output) drop(why error) *group {
	o.mu.Lock()
	defer o.mu.Unlock()
	g := o.group
	o.group, o.missing, o.on = nil, why, o.spec.Safe
	return g
}

// dropFrom is drop for the holder of g only.
func (o *Output) dropFrom(g *group, why error) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.group != g {
		return false
	}
	o.group, o.missing, o.on = nil, why, o.spec.Safe
	return true
}

func (o *Output) subject() string         { return "outputs." + o.spec.Name }
func (o *Output) where() (string, string) { return o.spec.Chip, o.spec.Line }
func (o *Output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missing = err
}
