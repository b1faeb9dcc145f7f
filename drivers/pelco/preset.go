package pelco

import (
	"fmt"
	"slices"

	"fuqiao/edged/drivers/fault"
)

// presets says which preset numbers a dome may be asked for.
type presets struct {
	most int
	free []int // hidden numbers that are ordinary presets on this dome
}

// hidden tells whether a maker uses preset n for a function. 33–99 carry functions
// on Pelco Spectra II (33 flip, 34 zero pan, 95 menu, 96–99 scans), Hikvision (92 and
// 93 change limits, 94 reboots the dome, 95 opens a menu in which pan and tilt move a
// cursor), Milesight and DASYS; 100–108, 130–132 and 200 on Hikvision domes (scans,
// patrols, park action, pattern, initialise), 103 and 104 set the zero on BIT-CCTV
// heads. Some answer to "set", some to "go to", some to both.
func hidden(n int) bool {
	return n >= 33 && n <= 108 || n >= 130 && n <= 132 || n == 200
}

// check returns the byte for preset n, or fault.BadInput and what to do about it.
func (p presets) check(n int) (byte, error) {
	switch {
	case n < 1 || n > p.most:
		return 0, fmt.Errorf("preset %d: this dome has 1 to %d (presets_max): %w", n, p.most, fault.BadInput)
	case hidden(n) && !slices.Contains(p.free, n):
		return 0, fmt.Errorf("preset %d is a hidden function on many domes (94 reboots); where it is an ordinary preset name it in free_presets: %w", n, fault.BadInput)
	}
	return byte(n), nil
}
