package bench

import (
	"slices"
	"time"
)

// sample is a set of measured durations.
type sample []time.Duration

// at is the duration that the part p (0–1) of the sample does not pass; 0 for none.
func (s sample) at(p float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	i := int(p * float64(len(sorted)))
	return sorted[min(i, len(sorted)-1)]
}

func (s sample) p50() time.Duration { return s.at(0.50) }
func (s sample) p99() time.Duration { return s.at(0.99) }

// median of numbers; 0 for none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(v))
	return sorted[len(sorted)/2]
}

// ms is d in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// mib is a size in MiB.
func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
