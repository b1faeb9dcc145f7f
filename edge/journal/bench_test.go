package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"fuqiao/edged/edge/journal"
)

// record is 1 KiB of JSON.
func record() []byte {
	return fmt.Appendf(nil, `{"type":"camera.event","pad":"%s"}`, bytes.Repeat([]byte("x"), 1024-32))
}

// BenchmarkAppend measures durable appends of 1 KiB by 1 and 64 writers, and beside
// them, in the same directory, the limit: a bare preallocated file that is
// overwritten with one write and one fdatasync for as many records as there are
// writers.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("journal-%d", writers), func(b *testing.B) { benchAppend(b, writers) })
		b.Run(fmt.Sprintf("bare-%d", writers), func(b *testing.B) { benchBare(b, writers) })
	}
}

func benchAppend(b *testing.B, writers int) {
	j, err := journal.Open(b.Context(), journal.Options{Dir: filepath.Join(b.TempDir(), "journal"), Run: "bench", Budget: 256 << 20})
	if err != nil {
		b.Fatal(err)
	}
	if err := j.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	rec := record()
	before := j.Stats().Syncs
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for w := range writers {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := w; i < b.N; i += writers {
				seq, err := j.Append(ctx, journal.Event, rec)
				if err != nil {
					b.Error(err)
					return
				}
				j.Ack("bench", journal.Event, journal.Range{First: seq, Last: seq})
			}
		}()
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(j.Stats().Syncs-before)/float64(b.N), "syncs/op")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

func benchBare(b *testing.B, writers int) {
	const size = 48 << 20
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(make([]byte, size)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	rec := record()
	batch := bytes.Repeat(rec, writers)
	at := int64(0)
	b.SetBytes(int64(len(rec)))
	b.ResetTimer()
	for n := 0; n < b.N; n += writers {
		if at+int64(len(batch)) > size {
			at = 0
		}
		if _, err := f.WriteAt(batch, at); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		at += int64(len(batch))
	}
}
