package pin

import "time"

// system is what a bank needs of the kernel; chardev is the real one.
type system interface {
	// chips lists all GPIO chips with their lines as they are now.
	chips() ([]chip, error)
	// takeOutputs requests lines of one chip, all in one call, each with its value.
	takeOutputs(c chip, consumer string, lines []outLine) (outputLines, error)
	// takeInput requests one line as an input with both edges.
	takeInput(c chip, consumer string, offset int, pull string) (inputLine, error)
}

// chip is one GPIO chip as the kernel describes it.
type chip struct {
	path, name, label string
	lines             []chipLine
	// direct: periph is not to be used for this chip.
	direct bool
}

// chipLine is one line of a chip; holder is who has it, if used.
type chipLine struct {
	name, holder string
	used         bool
}

// outLine is an output to be requested; on is its logical value.
type outLine struct {
	offset    int
	activeLow bool
	on        bool
}

// outputLines is a held request of outputs. Bit i is the i-th line of the request,
// 1 is logically on.
type outputLines interface {
	set(mask, bits uint64) error
	get(mask uint64) (uint64, error)
	close() error
}

// inputLine is a held input. Levels are electrical.
type inputLine interface {
	level() (bool, error)
	// wait returns true at an edge and false after d without one. An error says
	// that the line is lost.
	wait(d time.Duration) (bool, error)
	close() error
}
