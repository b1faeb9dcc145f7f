package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/bare"
)

const (
	// rounds is how often the journal and the bare log take turns.
	rounds = 40
	// logSize is the bare log's; it fits in no cache of a disk's controller for long.
	logSize = 64 << 20
	// recordSize is what the bars speak of.
	recordSize = 1 << 10
)

// appendRates measures durable appends per second of the journal and of a bare log in
// the same directory, median of all rounds. each is how many records a writer appends in
// a round.
func appendRates(ctx context.Context, dir string, writers, each int) (ours, limit float64, err error) {
	const run = wire.Run("bench")
	j, err := journal.Open(ctx, journal.Options{Dir: filepath.Join(dir, "journal"), Run: run, Budget: 256 << 20})
	if err != nil {
		return 0, 0, err
	}
	if err := j.Prepare(ctx); err != nil {
		return 0, 0, err
	}
	log, err := bare.NewLog(filepath.Join(dir, "bare"), logSize, writers)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	life, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- j.Run(life) }()
	defer func() { end(); err = errors.Join(err, <-ended) }()

	rec := fmt.Appendf(nil, `{"type":"camera.event","pad":"%s"}`, bytes.Repeat([]byte("x"), recordSize-32))
	ways := []func() error{
		func() error { _, err := j.Append(ctx, journal.Event, rec); return err },
		func() error { return log.Append(rec) },
	}
	rates := make([][]float64, len(ways))
	for round := range rounds {
		for turn := range ways {
			which := (round + turn) % len(ways)
			rate, err := appendRound(ctx, writers, each, ways[which])
			if err != nil {
				return 0, 0, err
			}
			rates[which] = append(rates[which], rate)
		}
		// The platform has them all: their segments are used again.
		j.Ack(run, journal.Event, journal.Range{First: 1, Last: j.NextSeq()[journal.Event] - 1})
	}
	return median(rates[0]), median(rates[1]), nil
}

// appendRound is one turn: records per second.
func appendRound(ctx context.Context, writers, each int, one func() error) (float64, error) {
	errs := make(chan error, writers)
	var all sync.WaitGroup
	began := time.Now()
	for range writers {
		all.Go(func() {
			for range each {
				if err := one(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	close(errs)
	for err := range errs {
		return 0, err
	}
	return float64(writers*each) / took.Seconds(), ctx.Err()
}
