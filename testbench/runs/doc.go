// Package runs holds the gateway's promises against faults: each run is a stream of real
// work through the real daemon while something is done to it, and books that have to
// balance at the end.
package runs

import "fuqiao/edged/testbench/play"

// All lists the runs.
func All() []play.Run { return []play.Run{Kill(), BadConfig(), Backfill(), PowerCut(), Idle()} }
