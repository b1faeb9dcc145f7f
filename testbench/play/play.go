// Package play is the form of what the testbench can do: runs, which hold a promise
// against faults, and benches, which measure beside a limit of the same run. The
// command cmd/testbench lists and starts them.
package play

import (
	"context"
	"io"
)

// Env is where a run or bench happens.
type Env struct {
	// N is how often (kills, messages …) and Seed what makes it repeatable.
	N    int
	Seed uint64
	// Out takes what a person reads.
	Out io.Writer
	// Edged is the daemon's binary, Edgectl the tool's; both built from this tree.
	Edged, Edgectl string
	// Dir is a fresh directory on a real disk.
	Dir string
	// Tee gets what the daemon prints; nil: nobody.
	Tee io.Writer
}

// Run holds one promise against faults.
type Run struct {
	Name, About string
	// N is the usual number of rounds.
	N int
	// Do returns the figures as one line. Its error says which promise did not hold, or
	// that the work was not done.
	Do func(ctx context.Context, e Env) (figures string, err error)
}

// Unable is the error of a run that this machine cannot do at all: it says nothing of the
// promise.
type Unable struct{ Why error }

// Error says what is missing.
func (u *Unable) Error() string { return "cannot be run here: " + u.Why.Error() }

// Unwrap gives the cause.
func (u *Unable) Unwrap() error { return u.Why }

// Bench measures.
type Bench struct {
	Name, About string
	// Do returns rows; an error means that there is no measurement.
	Do func(ctx context.Context, e Env) ([]Row, error)
}
