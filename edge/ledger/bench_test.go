package ledger

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// BenchmarkAdmit: a fresh order each time, window full.
func BenchmarkAdmit(b *testing.B) {
	l, err := Open(context.Background(), Options{FS: newMem()})
	if err != nil {
		b.Fatal(err)
	}
	for n := range uint64(windowSize) {
		l.Admit(order("op-1", n+1), true)
	}
	o := order("op-1", 1)
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		o.Seq = windowSize + 1 + uint64(n)
		o.ID = fmt.Sprint(o.Seq)
		l.Admit(o, true)
	}
}

// BenchmarkAdmitRepeat: the same order again.
func BenchmarkAdmitRepeat(b *testing.B) {
	l, err := Open(context.Background(), Options{FS: newMem()})
	if err != nil {
		b.Fatal(err)
	}
	o := order("op-1", 1)
	l.Admit(o, true)
	b.ReportAllocs()
	for b.Loop() {
		l.Admit(o, true)
	}
}

// BenchmarkIntent: one writer, and 64, on the real disk beside a bare fdatasync of
// the same size.
func BenchmarkIntent(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l, err := Open(context.Background(), Options{Dir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			r := turn(b, l)
			var seq atomic.Uint64
			var all sync.WaitGroup
			b.ResetTimer()
			for w := range writers {
				all.Go(func() {
					for range (b.N + writers - 1 - w) / writers {
						o := order("op-1", seq.Add(1))
						r.Admit(o, true)
						if err := r.Intent(context.Background(), o, []string{"horn-1"}); err != nil {
							b.Error(err)
							return
						}
						_ = r.Close(o, "horn-1", terminal(o, "horn-1"))
						r.Journalled(o, "horn-1")
					}
				})
			}
			all.Wait()
		})
	}
	b.Run("bare", func(b *testing.B) {
		d := Disk(b.TempDir())
		f, err := d.Create("bare")
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		rec := make([]byte, 800)
		if _, err := f.WriteAt(make([]byte, 8<<20), 0); err != nil {
			b.Fatal(err)
		}
		_ = f.Sync()
		b.ResetTimer()
		for n := range b.N {
			if _, err := f.WriteAt(rec, int64(n%10000)*800); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
