package pin

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
	"periph.io/x/conn/v3/driver/driverreg"
	"periph.io/x/conn/v3/gpio"
	"periph.io/x/host/v3/gpioioctl"
)

// periphLine is periph's object for a line, or nil where periph cannot serve it:
// its one look at the machine was before the chip came, or must not be made at all
// (a node that fails, or two nodes for one chip: host/v3@v3.8.5 gpioioctl/gpio.go
// then closes descriptors twice, or descriptor 0).
// driverreg.Init runs what the imported packages registered, which is gpioioctl
// alone, and does nothing when called again.
func periphLine(c chip, offset int) *gpioioctl.GPIOLine {
	if c.direct {
		return nil
	}
	if _, err := driverreg.Init(); err != nil {
		return nil
	}
	for _, p := range gpioioctl.Chips {
		if p.Name() == c.name && p.Label() == labelOf(c) && offset < p.LineCount() {
			return p.ByNumber(offset)
		}
	}
	return nil
}

// labelOf is c's label as periph keeps it.
func labelOf(c chip) string {
	if c.label == "" {
		return c.name
	}
	return c.label
}

// periphInput is an input through periph.
type periphInput struct {
	line   *gpioioctl.GPIOLine
	chip   chip
	offset int
	// use is held over each call but the wait, closed and waiting belong to it: a
	// Read of a closed line would request it anew, and a Close beside a wait is a race.
	use             chan struct{}
	waiting, closed bool
}

// takePeriph requests the line. periph drops the number of an error, so the kernel
// is asked again for what is in the way.
func takePeriph(c chip, line *gpioioctl.GPIOLine, offset int, pull string) (inputLine, error) {
	bias := gpio.PullNoChange
	switch pull {
	case "up":
		bias = gpio.PullUp
	case "down":
		bias = gpio.PullDown
	}
	p := &periphInput{line: line, chip: c, offset: offset, use: make(chan struct{}, 1)}
	if err := line.In(bias, gpio.BothEdges); err != nil {
		line.Close()
		if p.check() == nil {
			return nil, fmt.Errorf("periph: %w: %w", err, unix.EBUSY)
		}
		return nil, fmt.Errorf("periph: %w", err)
	}
	return p, nil
}

// errLost is what periph does not say: that the line does not answer.
const errLost = errText("the line does not answer")

// level reads the line. periph returns low for a failed read, so a low is believed
// only if the kernel still has the line as ours.
func (p *periphInput) level() (bool, error) {
	p.use <- struct{}{}
	defer func() { <-p.use }()
	if p.closed {
		return false, os.ErrClosed
	}
	if p.line.Read() == gpio.High {
		return true, nil
	}
	return false, p.check()
}

// check asks the kernel whether anybody holds the line.
func (p *periphInput) check() error {
	f, err := os.Open(p.chip.path)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	defer func() { _ = f.Close() }() // only read
	now, err := lineInfo(f, p.offset)
	if err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	if !now.used {
		return errLost
	}
	return nil
}

// wait waits for an edge. d is never 0 nor negative: with 0 periph waits for ever.
// A removed chip makes it return at once, for ever: that is found out here.
func (p *periphInput) wait(d time.Duration) (bool, error) {
	if !p.enter() {
		return false, os.ErrClosed
	}
	began := time.Now()
	edge := p.line.WaitForEdge(max(d, time.Millisecond))
	if p.leave() {
		return false, os.ErrClosed
	}
	if !edge && time.Since(began) < d/2 {
		return false, errLost
	}
	return edge, nil
}

// enter and leave frame a wait; leave closes what close was not allowed to.
func (p *periphInput) enter() bool {
	p.use <- struct{}{}
	defer func() { <-p.use }()
	p.waiting = !p.closed
	return p.waiting
}

func (p *periphInput) leave() (closed bool) {
	p.use <- struct{}{}
	defer func() { <-p.use }()
	p.waiting = false
	if p.closed {
		p.line.Close()
	}
	return p.closed
}

// close gives the line back, at the latest when the running wait is over.
func (p *periphInput) close() error {
	p.use <- struct{}{}
	defer func() { <-p.use }()
	if !p.closed && !p.waiting {
		p.line.Close()
	}
	p.closed = true
	return nil
}
