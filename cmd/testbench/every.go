package main

import (
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/runs"
)

func everyRun() []play.Run { return runs.All() }

func everyBench() []play.Bench { return nil }
