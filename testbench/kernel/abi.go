package kernel

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// Flags of GPIO v2 lines (linux/gpio.h, enum gpio_v2_line_flag), which x/sys does
// not carry.
const (
	flagUsed              = 1 << 0
	flagActiveLow         = 1 << 1
	flagInput             = 1 << 2
	flagOutput            = 1 << 3
	flagEdgeRising        = 1 << 4
	flagEdgeFalling       = 1 << 5
	flagOpenDrain         = 1 << 6
	flagOpenSource        = 1 << 7
	flagPullUp            = 1 << 8
	flagPullDown          = 1 << 9
	flagBiasOff           = 1 << 10
	flagRealtime          = 1 << 11
	flagsAsked            = flagActiveLow | flagInput | flagOutput | flagEdges | flagDrive | flagBias | flagRealtime
	flagEdges             = flagEdgeRising | flagEdgeFalling
	flagDrive             = flagOpenDrain | flagOpenSource
	flagBias              = flagPullUp | flagPullDown | flagBiasOff
	maxLines              = 64
	gpioType        uint8 = 0xB4
)

// getChipInfo is GPIO_GET_CHIPINFO_IOCTL as the little-endian ARM and x86 ABIs
// number it; setConfig is GPIO_V2_LINE_SET_CONFIG_IOCTL, _IOWR(0xB4, 0x0D, 272).
const (
	getChipInfo = 0x8044b401
	setConfig   = 0xc110b40d
)

// lineConfig is what a gpio_v2_line_config says about one line.
type lineConfig struct {
	flags uint64
	value bool // logical level of an output
}

// configOf takes the i-th line's part out of a configuration, as
// docs.kernel.org/userspace-api/gpio/gpio-v2-get-line-ioctl.html puts it: the
// first attribute whose mask has the line wins, the common flags are the rest.
func configOf(c *unix.GPIOV2LineConfig, i int) lineConfig {
	out := lineConfig{flags: c.Flags}
	bit := uint64(1) << i
	var flagsDone, valueDone bool
	for _, a := range c.Attrs[:min(int(c.Num_attrs), len(c.Attrs))] {
		if a.Mask&bit == 0 {
			continue
		}
		switch {
		case a.Attr.Id == unix.GPIO_V2_LINE_ATTR_ID_FLAGS && !flagsDone:
			out.flags, flagsDone = a.Attr.Flags, true
		case a.Attr.Id == unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES && !valueDone:
			out.value, valueDone = a.Attr.Flags&bit != 0, true
		}
	}
	return out
}

// validFlags refuses what the kernel refuses (gpiolib-cdev.c,
// gpio_v2_line_flags_validate): unknown flags, both directions, edges on anything
// but an input, a drive without an output, two drives or two biases, a bias
// without a direction.
func validFlags(f uint64) bool {
	one := func(set uint64) bool { return set&(set-1) == 0 }
	switch {
	case f&^flagsAsked != 0,
		f&flagInput != 0 && f&flagOutput != 0,
		f&flagEdges != 0 && f&flagInput == 0,
		f&flagDrive != 0 && f&flagOutput == 0,
		f&flagBias != 0 && f&(flagInput|flagOutput) == 0,
		!one(f & flagDrive), !one(f & flagBias):
		return false
	}
	return true
}

// validConfig checks a whole configuration for n lines.
func validConfig(c *unix.GPIOV2LineConfig, n int) bool {
	if int(c.Num_attrs) > len(c.Attrs) || !zero(view(c)[12:32]) {
		return false
	}
	for _, a := range c.Attrs[:c.Num_attrs] {
		if a.Attr.Id < unix.GPIO_V2_LINE_ATTR_ID_FLAGS || a.Attr.Id > unix.GPIO_V2_LINE_ATTR_ID_DEBOUNCE {
			return false
		}
	}
	for i := range n {
		if !validFlags(configOf(c, i).flags) {
			return false
		}
	}
	return true
}

// zero tells whether reserved bytes are what they must be.
func zero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// text is a name in a fixed field, and name puts one in (at most 31 bytes).
func text(b [32]byte) string {
	s, _, _ := bytes.Cut(b[:], []byte{0})
	return string(s)
}

func name(s string) (b [32]byte) {
	copy(b[:31], s)
	return b
}
