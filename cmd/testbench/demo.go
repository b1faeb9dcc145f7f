package main

import (
	"context"
	"fmt"
	"io"

	"fuqiao/edged/testbench/demo"
	"fuqiao/edged/testbench/play"
)

// tell plays the demo and prints its books; it returns the exit code.
func tell(ctx context.Context, e play.Env, errs io.Writer) int {
	sum, err := demo.Play(ctx, e)
	fmt.Fprintln(e.Out)
	if terr := demo.Table(e.Out, sum.Books); terr != nil {
		fmt.Fprintln(errs, "testbench:", terr)
		return 1
	}
	fmt.Fprintf(e.Out, "\n%d steps, %d not seen; %.1f s; edged used %.1f MiB at most\n", sum.Steps, sum.Missed, sum.Took.Seconds(), float64(sum.PeakRSS)/(1<<20))
	if err != nil {
		fmt.Fprintln(errs, "testbench: demo:", err)
		return 1
	}
	return 0
}
