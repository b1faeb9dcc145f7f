package pin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// OutputSpec is a line that switches something.
type OutputSpec struct {
	// Name is the output's name in the configuration.
	Name string
	// Chip is the chip's name (gpiochip0) or, for boards that number their chips
	// anew with each kernel, its label (pinctrl-bcm2711); Line is the offset there
	// in digits, or the kernel's name of the line. With a name, Chip may be empty.
	Chip, Line string
	// ActiveLow: the line is low when the output is on.
	ActiveLow bool
	// Safe is the logical state at start, halt and shutdown.
	Safe bool
	// MaxOn is how long the output may be on without a break; 0 is for ever.
	// It has no effect on an output whose safe state is on.
	MaxOn time.Duration
}

// InputSpec is a line that is looked at. Chip and Line are as in OutputSpec.
type InputSpec struct {
	Name       string
	Chip, Line string
	ActiveLow  bool
	// Pull is "none", "up" or "down"; empty is none.
	Pull string
	// Debounce is how long a level must stand before Watch tells of it.
	Debounce time.Duration
}

// Config is what a Bank is made of.
type Config struct {
	Outputs []OutputSpec
	Inputs  []InputSpec
	Log     *slog.Logger
	// Notice tells of conditions: pin.chip_lost, pin.busy and pin.max_on, raised
	// and gone. subject is the key in the configuration ("outputs.amp-1"). It must
	// neither block nor call the bank. nil: nobody is told.
	Notice func(code, subject, detail string, raised bool)
	// Consumer is what gpioinfo shows as the holder of our lines, at most 31 bytes.
	// Empty: "edged".
	Consumer string
	// Retry is the time between attempts to get what is missing, and between looks
	// at whether the chips are still there. 0: 1 s.
	Retry time.Duration
}

// The conditions that a bank raises.
const (
	chipLost = "pin.chip_lost"
	lineBusy = "pin.busy"
	maxOn    = "pin.max_on"
)

// Bank is all GPIO lines of the box. Its methods may be called from any goroutine.
type Bank struct {
	cfg  Config
	sys  system
	outs []*Output
	ins  []*Input
	// turn is held by the one who looks for chips and requests lines.
	turn chan struct{}
	// wake tells Run that a deadline or a loss is new.
	wake chan struct{}
	gone chan struct{}

	noticeMu sync.Mutex
	raised   map[[2]string]string // detail by code and subject
	closing  sync.Once
}

// New makes a bank. It touches no hardware; Open does.
func New(cfg Config) *Bank {
	if cfg.Retry == 0 {
		cfg.Retry = time.Second
	}
	if cfg.Consumer == "" {
		cfg.Consumer = "edged"
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string, string, string, bool) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bank{
		cfg: cfg, sys: chardev{}, raised: map[[2]string]string{},
		turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	for _, s := range cfg.Outputs {
		b.outs = append(b.outs, &Output{bank: b, spec: s, turn: make(chan struct{}, 1), missing: errNotOpened})
	}
	for _, s := range cfg.Inputs {
		b.ins = append(b.ins, &Input{bank: b, spec: s, watched: make(chan struct{}, 1), missing: errNotOpened})
	}
	return b
}

// errText is an error that is a constant.
type errText string

func (e errText) Error() string { return string(e) }

const (
	errNotOpened = errText("not opened yet")
	errClosed    = errText("the pins are closed")
)

// Output finds an output by its name in the configuration. It is there whether its
// chip is or not. Errors: fault.BadInput for an unknown name.
func (b *Bank) Output(name string) (drivers.Output, error) {
	for _, o := range b.outs {
		if o.spec.Name == name {
			return o, nil
		}
	}
	return nil, fmt.Errorf("output %s: there is none of that name under outputs: %w", name, fault.BadInput)
}

// Input finds an input by its name. Errors: fault.BadInput for an unknown name.
func (b *Bank) Input(name string) (*Input, error) {
	for _, i := range b.ins {
		if i.spec.Name == name {
			return i, nil
		}
	}
	return nil, fmt.Errorf("input %s: there is none of that name under inputs: %w", name, fault.BadInput)
}

// Open looks for the chips and requests every line: the outputs of a chip in one
// request, each with its safe level. What is not there or is held by another
// program is a condition and is tried again by Run. The error names, all at once,
// the lines that no waiting will cure: a name that stands on two chips, an offset
// that the chip does not have, one line under two names; the others are open then
// all the same.
func (b *Bank) Open(ctx context.Context) error { return b.attempt(ctx) }

// Safe sets every output to its safe level, one after the other, and goes on to the
// next where one fails. The error joins all failures; an output whose chip is not
// there is one (fault.PortLost).
func (b *Bank) Safe(ctx context.Context) error {
	var errs []error
	for _, o := range b.outs {
		errs = append(errs, o.Halt(ctx))
	}
	return errors.Join(errs...)
}

// Close gives all lines back to the kernel; call Safe before. It waits for a Watch
// that is still looking at its line, at most for a second each.
func (b *Bank) Close() error {
	var errs []error
	b.closing.Do(func() {
		close(b.gone)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if take(ctx, b.turn) == nil {
			defer give(b.turn)
		}
		for _, o := range b.outs {
			if g := o.drop(errClosed); g != nil {
				unregister(o)
				errs = append(errs, g.close())
			}
		}
		for _, i := range b.ins {
			errs = append(errs, i.close())
		}
	})
	return errors.Join(errs...)
}

// closed tells whether Close has been called.
func (b *Bank) closed() bool {
	select {
	case <-b.gone:
		return true
	default:
		return false
	}
}

// notice passes a change of a condition on, and is false where nothing changed. The
// lock keeps what the world hears in order; Notice promises to be quick.
func (b *Bank) notice(code, subject, detail string, raised bool) bool {
	b.noticeMu.Lock()
	defer b.noticeMu.Unlock()
	key := [2]string{code, subject}
	old, was := b.raised[key]
	if was == raised && (!raised || old == detail) {
		return false
	}
	if raised {
		b.raised[key] = detail
	} else {
		delete(b.raised, key)
	}
	b.cfg.Notice(code, subject, detail, raised)
	return true
}

// poke makes Run look around at once.
func (b *Bank) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take and give are a lock whose waiting ends with ctx.
func take(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func give(turn chan struct{}) { <-turn }
