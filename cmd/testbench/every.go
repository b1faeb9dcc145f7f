package main

import "fuqiao/edged/testbench/play"

func everyRun() []play.Run { return nil }

func everyBench() []play.Bench { return nil }
