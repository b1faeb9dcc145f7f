package pin_test

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/gpio/gpioreg"

	"fuqiao/edged/drivers/fault"
)

// registry tries what a user of periph would do with a pin found by name: switch it,
// read it, look at its function, try to make an input of it, halt it.
func registry(name string) string {
	p := gpioreg.ByName(name)
	if p == nil {
		return "nothing\n"
	}
	in := p.In(gpio.PullUp, gpio.BothEdges)
	does := p.Function() //nolint:staticcheck // deprecated, and still what periph's users call
	return fmt.Sprintln(p, p.Out(gpio.Low), p.Read(), p.Out(gpio.High), p.Read(), does, errors.Is(in, fault.Unsupported), p.Halt(), p.Read())
}

// outHigh switches a pin the way periph's users do.
func outHigh(name string) error { return gpioreg.ByName(name).Out(gpio.High) }
