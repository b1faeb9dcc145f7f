package pin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"
	"periph.io/x/conn/v3/physic"

	"fuqiao/edged/drivers/fault"
)

// registration is where an output stands in gpioreg, and whom it replaced there.
type registration struct {
	name     string
	replaced gpio.PinIO
}

// register puts the output into periph's registry under its line's name. Whoever
// asks there for "GPIO17" gets the pin with a safe level and not periph's own, which
// blinks at its first Out and becomes an input when read.
func register(o *Output, at place) {
	name := at.chip.lines[at.offset].name
	if name == "" {
		name = at.chip.name + "-" + strconv.Itoa(at.offset)
	}
	unregister(o)
	old := gpioreg.ByName(name)
	if old != nil && gpioreg.Unregister(name) != nil {
		old = nil
	}
	if err := gpioreg.Register(pinIO{o, name, at.offset}); err != nil {
		o.bank.cfg.Log.Debug("output not in periph's registry", "output", o.spec.Name, "error", err)
		name = ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reg = registration{name, old}
}

// unregister restores the registry: the next life of the tree in this process finds
// it as this one did.
func unregister(o *Output) {
	o.mu.Lock()
	r := o.reg
	o.reg = registration{}
	o.mu.Unlock()
	if r.name == "" || gpioreg.Unregister(r.name) != nil || r.replaced == nil {
		return
	}
	if err := gpioreg.Register(r.replaced); err != nil {
		o.bank.cfg.Log.Debug("periph's own pin not restored", "pin", r.name, "error", err)
	}
}

// pinIO is an Output in periph's words. Levels are electrical there.
type pinIO struct {
	o      *Output
	name   string
	offset int
}

var _ gpio.PinIO = pinIO{}

// patience bounds calls that bring no context with them.
const patience = time.Second

// String is the line's and the output's name.
func (p pinIO) String() string { return p.name + "(" + p.o.spec.Name + ")" }

// Name is the line's name, Number its offset in its chip.
func (p pinIO) Name() string { return p.name }
func (p pinIO) Number() int  { return p.offset }

// Function says what the line is used for; unlike periph's it touches nothing.
func (p pinIO) Function() string { return "Out/" + p.Read().String() }

// Halt sets the safe level.
func (p pinIO) Halt() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.o.Halt(ctx)
}

// Out sets the electrical level.
func (p pinIO) Out(l gpio.Level) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.o.Set(ctx, bool(l) != p.o.spec.ActiveLow)
}

// Read is the level that was last commanded: an output stays an output.
func (p pinIO) Read() gpio.Level { return gpio.Level(p.o.Commanded() != p.o.spec.ActiveLow) }

// In is refused: an output that became an input would let its relay go.
func (p pinIO) In(gpio.Pull, gpio.Edge) error {
	return fmt.Errorf("output %s cannot be an input: %w", p.o.spec.Name, fault.Unsupported)
}

// PWM is refused: there is none on this interface.
func (p pinIO) PWM(gpio.Duty, physic.Frequency) error {
	return fmt.Errorf("output %s has no PWM: %w", p.o.spec.Name, fault.Unsupported)
}

// WaitForEdge is false: an output has no edges of its own.
func (p pinIO) WaitForEdge(time.Duration) bool { return false }

// Pull and DefaultPull are not known.
func (p pinIO) Pull() gpio.Pull        { return gpio.PullNoChange }
func (p pinIO) DefaultPull() gpio.Pull { return gpio.PullNoChange }
