package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestGroupCommit shows 64 writers sharing syncs: 640 records in a few dozen
// at most, each acknowledged only after the one that covers it.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		r := start(t, Options{FS: slowFS{fs}, Run: "a"})
		before := r.Stats().Syncs
		began := time.Now()
		var all sync.WaitGroup
		for w := range 64 {
			all.Go(func() {
				for i := range 10 {
					seq := r.put(Event, rec(fmt.Sprintf("%d-%d", w, i), 300))
					if i == 9 && w%8 == 0 {
						if j, _ := open(t, Options{FS: fs.durableOnly(), Run: "b"}); !has(t, j, ID{"a", Event, seq}) {
							t.Error("acknowledged before it was durable")
						}
					}
				}
			})
		}
		all.Wait()
		if n := r.Stats().Syncs - before; n > 30 || time.Since(began) > 300*time.Millisecond {
			t.Fatalf("%d syncs, %v for 640 records of 64 writers", n, time.Since(began))
		}
		r.close()
	})
}

func has(t testing.TB, j *Journal, id ID) bool {
	got, err := j.Next(id.Class, ID{id.Run, id.Class, id.Seq - 1}, 1, 0)
	if err != nil {
		t.Error(err)
	}
	return len(got) == 1 && got[0].ID == id
}

// TestAppendEnds shows that no caller waits for ever.
func TestAppendEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, _ := open(t, Options{FS: newMemFS(), Run: "a"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // nobody commits
		defer cancel()
		if _, err := j.Append(ctx, Event, []byte(`{"a":1}`)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() {
			_, err := j.Append(context.Background(), Event, []byte(`{"a":2}`))
			got <- err
		}()
		synctest.Wait()
		if err := j.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := <-got; err != nil { // it was waiting before Close: it is stored
			t.Fatal(err)
		}
		if _, err := j.Append(context.Background(), Event, []byte(`{"a":3}`)); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
		if err := j.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := j.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestPanicInCommit lets the disk's driver panic under the committer. The next Run
// refuses those who waited, writes no more to that segment, and goes on.
func TestPanicInCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		j, _ := open(t, small(fs, "a"))
		appendNow(t, j, Event, `{"a":1}`)
		fs.fail = func(op, _ string) (int, error) {
			if op == "sync" {
				panic("driver")
			}
			return 0, nil
		}
		got := make(chan error, 1)
		go func() {
			_, err := j.Append(t.Context(), Event, []byte(`{"a":2}`))
			got <- err
		}()
		synctest.Wait()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = j.Run(t.Context()) // panics
		}()
		fs.fail = nil
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		if err := <-got; !errors.Is(err, ErrStorage) {
			t.Fatal(err)
		}
		if seq, err := j.Append(t.Context(), Event, []byte(`{"a":3}`)); err != nil || seq != 2 {
			t.Fatal(seq, err)
		}
		got2 := all(t, j, Event)
		if len(got2) != 2 || string(got2[1].Data) != `{"a":3}` {
			t.Fatal(got2)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}
