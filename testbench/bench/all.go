package bench

import (
	"context"

	"fuqiao/edged/testbench/play"
)

// All lists the benches. peak plays the demo and returns the highest resident size of the
// daemon in it, in bytes.
func All(peak func(context.Context, play.Env) (int64, error)) []play.Bench {
	return []play.Bench{
		{Name: "wire-latency", About: "from the publish at the broker to the first byte on an idle line", Do: wireLatency},
		{Name: "append", About: "durable records of 1 KiB per second, one and 64 writers", Do: appends},
		{Name: "size", About: "the stripped daemon for arm64", Do: size},
		{Name: "rss", About: "memory: idle for 30 s, and the peak of the whole demo", Do: func(ctx context.Context, e play.Env) ([]play.Row, error) {
			return rss(ctx, e, peak)
		}},
	}
}
