package main

import (
	"context"
	"io"

	"fuqiao/edged/testbench/bench"
	"fuqiao/edged/testbench/demo"
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/runs"
)

func everyRun() []play.Run { return runs.All() }

func everyBench() []play.Bench {
	return bench.All(func(ctx context.Context, e play.Env) (int64, error) {
		e.Out = io.Discard
		sum, err := demo.Play(ctx, e)
		return sum.PeakRSS, err
	})
}
