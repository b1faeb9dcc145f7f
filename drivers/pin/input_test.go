package pin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers/fault"
)

// watcher runs a Watch and keeps what it tells, with the virtual time.
func watcher(ctx context.Context, i *Input, got *[]string, done chan<- error) {
	began := time.Now()
	done <- i.Watch(ctx, func(on bool) {
		*got = append(*got, fmt.Sprintf("%v %v", time.Since(began), on))
	})
}

// TestDebounce: a level is told after it has stood for Debounce; bouncing begins the
// time anew; a spike that comes back is not told; a lost edge is found at the end of
// a slice.
func TestDebounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "KEY"))
		b, _ := bank(t, f, Config{Inputs: []InputSpec{{Name: "key", Line: "KEY", ActiveLow: true, Pull: "up", Debounce: 30 * time.Millisecond}}})
		i, err := b.Input("key")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		done := make(chan error, 1)
		go watcher(ctx, i, &got, done)
		in := f.inputs["gpiochip0 0"]
		at := func(ms int, high bool) {
			time.Sleep(time.Duration(ms) * time.Millisecond)
			in.drive(high)
			synctest.Wait()
		}
		at(100, false) // pressed at 100, bounces until 110
		at(5, true)
		at(5, false)
		at(90, true) // a spike of 10 ms at 200
		at(10, false)
		at(90, true) // released at 300
		time.Sleep(time.Second)
		in.slip(false) // at 1300, and the edge is lost
		time.Sleep(time.Second)
		if err := i.Watch(ctx, nil); fault.Of(err) != fault.BadInput {
			t.Fatalf("a second watch: %v", err)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if len(got) != 4 || !slices.Equal(got[:3], []string{"30ms false", "140ms true", "330ms false"}) {
			t.Fatalf("told %v", got)
		}
		if on, err := i.Level(t.Context()); err != nil || !on {
			t.Fatal(on, err)
		}
	})
}

// TestInputComesBack: a watched input whose chip goes and comes tells its state
// again only if it differs, and Level says that it is not there.
func TestInputComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "KEY"))
		b, n := bank(t, f, Config{Inputs: []InputSpec{{Name: "key", Line: "KEY"}}})
		ctx, stop := running(t, b)
		done := make(chan error, 1)
		i, _ := b.Input("key")
		var got []string
		go watcher(ctx, i, &got, done)
		synctest.Wait()
		f.show()
		f.inputs["gpiochip0 0"].remove()
		time.Sleep(1500 * time.Millisecond)
		if _, err := i.Level(ctx); fault.Of(err) != fault.PortLost {
			t.Fatal(err)
		}
		f.show(board("gpiochip0", "KEY"))
		time.Sleep(2 * time.Second)
		f.mu.Lock()
		in := f.inputs["gpiochip0 0"]
		f.mu.Unlock()
		in.drive(true)
		synctest.Wait()
		stop()
		<-done
		if len(got) != 2 || got[0] != "0s false" {
			t.Fatalf("told %v", got)
		}
		if all := n.all(); all[len(all)-1] != "pin.chip_lost inputs.key -" {
			t.Fatalf("notices %v", all)
		}
	})
}

// TestCloseEndsAWatch: Close waits for a watcher, whose Watch then ends.
func TestCloseEndsAWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "KEY"))
		b, _ := bank(t, f, Config{Inputs: []InputSpec{{Name: "key", Line: "KEY"}}})
		i, _ := b.Input("key")
		var got []string
		done := make(chan error, 1)
		go watcher(t.Context(), i, &got, done)
		synctest.Wait()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; fault.Of(err) != fault.PortLost {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
