package pin

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/drivertest"
)

// TestContract: an output keeps the contract of drivers.Output, whichever its safe level.
func TestContract(t *testing.T) {
	for _, safe := range []bool{false, true} {
		drivertest.OutputSuite(t, func(t *testing.T) drivertest.OutputRig {
			f := newFake(board("gpiochip0", "A"))
			b, _ := bank(t, f, Config{Outputs: []OutputSpec{{Name: "a", Line: "A", Safe: safe}}})
			return drivertest.OutputRig{
				Output: out(t, b, "a"), Safe: safe,
				On: func() bool { return f.level("gpiochip0 0") },
				Edges: func() (n int) {
					for _, w := range f.history() {
						if strings.HasPrefix(w, "set ") {
							n++
						}
					}
					return n
				},
				Lose: func() { f.breakWith(unix.ENODEV) },
			}
		})
	}
}
