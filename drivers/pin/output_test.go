package pin

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"fuqiao/edged/drivers/fault"
)

// TestOneRequestWithTheSafeLevel: all outputs of a chip come in one request that
// carries their safe level; nothing else is written at start.
func TestOneRequestWithTheSafeLevel(t *testing.T) {
	f := newFake(board("gpiochip0", "A", "B"), board("gpiochip1", "C"))
	b, n := bank(t, f, Config{Outputs: []OutputSpec{
		{Name: "a", Line: "A"}, {Name: "b", Chip: "gpiochip0", Line: "1", Safe: true}, {Name: "c", Line: "C", ActiveLow: true},
	}})
	want := []string{"take gpiochip0 0 off", "take gpiochip0 1 on", "take gpiochip1 0 off"}
	if got := f.history(); !slices.Equal(got, want) || f.requests != 2 {
		t.Fatalf("%d requests: %v", f.requests, got)
	}
	if got := n.all(); len(got) != 0 {
		t.Fatalf("notices: %v", got)
	}
	if !out(t, b, "b").Commanded() {
		t.Fatal("the safe state is not known as commanded")
	}
}

// TestSetIsIdempotent: setting what is set makes no edge; the read-back agrees.
func TestSetIsIdempotent(t *testing.T) {
	f := newFake(board("gpiochip0", "A"))
	b, _ := bank(t, f, Config{Outputs: []OutputSpec{{Name: "a", Line: "A"}}})
	a := out(t, b, "a")
	for _, on := range []bool{false, true, true, true, false, false} {
		if err := a.Set(t.Context(), on); err != nil {
			t.Fatal(err)
		}
		if got, err := a.ReadBack(t.Context()); err != nil || got != on {
			t.Fatalf("read back %v, %v", got, err)
		}
	}
	if got := f.history(); !slices.Equal(got, []string{"take gpiochip0 0 off", "set gpiochip0 0 on", "set gpiochip0 0 off"}) {
		t.Fatal(got)
	}
}

// TestChipComesGoesAndComes: absent at start is a condition and no error; Run gets
// it when it comes; a loss is noticed without any Set, told once, and healed to the
// safe level.
func TestChipComesGoesAndComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(board("gpiochip0", "A"))
		b, n := bank(t, f, Config{Outputs: []OutputSpec{{Name: "a", Line: "A"}, {Name: "x", Chip: "gpiochip1", Line: "0"}}})
		ctx, stop := running(t, b)
		x := out(t, b, "x")
		err := x.Set(ctx, true)
		if fault.Of(err) != fault.PortLost || !strings.Contains(err.Error(), "chip gpiochip1 is not there; there are: gpiochip0") {
			t.Fatalf("set without a chip: %v", err)
		}
		if err := out(t, b, "a").Set(ctx, true); err != nil {
			t.Fatal(err)
		}
		f.show(board("gpiochip0", "A"), board("gpiochip1", ""))
		time.Sleep(time.Second)
		synctest.Wait()
		if err := x.Set(ctx, true); err != nil {
			t.Fatal(err)
		}
		f.breakWith(unix.ENODEV)
		f.show()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if err := x.Set(ctx, true); fault.Of(err) != fault.PortLost || x.Commanded() {
			t.Fatalf("set after the loss: %v", err)
		}
		f.breakWith(nil)
		f.show(board("gpiochip0", "A"), board("gpiochip1", ""))
		time.Sleep(time.Second)
		synctest.Wait()
		if f.level("gpiochip1 0") {
			t.Fatal("back from a loss, but not at the safe level")
		}
		if err := x.Set(ctx, true); err != nil {
			t.Fatal(err)
		}
		stop()
		var told []string
		for _, s := range n.all() {
			if strings.Contains(s, "outputs.x") {
				told = append(told, s)
			}
		}
		// After the loss the detail changes once from "is gone" to "is not there".
		want := []string{"pin.chip_lost outputs.x +", "pin.chip_lost outputs.x -", "pin.chip_lost outputs.x +", "pin.chip_lost outputs.x +", "pin.chip_lost outputs.x -"}
		if !slices.Equal(told, want) {
			t.Fatalf("told %v", told)
		}
	})
}

// TestRefusedRequest: another program was quicker between the look and the request,
// or the kernel refuses: a condition with the kernel's reason, healed by Run.
func TestRefusedRequest(t *testing.T) {
	for _, c := range []struct {
		err        error
		code, want string
	}{
		{unix.EBUSY, "pin.busy", "gpiochip0 0 (A) is held by the kernel or another program"},
		{unix.EPERM, "pin.chip_lost", "request gpiochip0 0 (A): operation not permitted"},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(board("gpiochip0", "A"))
			f.refuse = c.err
			b, n := bank(t, f, Config{Outputs: []OutputSpec{{Name: "a", Line: "A"}}})
			if err := out(t, b, "a").Set(t.Context(), true); fault.Of(err) != fault.PortLost || !strings.Contains(err.Error(), c.want) {
				t.Fatal(err)
			}
			ctx, stop := running(t, b)
			synctest.Wait()
			f.mu.Lock()
			f.refuse = nil
			f.mu.Unlock()
			time.Sleep(time.Second)
			synctest.Wait()
			if err := out(t, b, "a").Set(ctx, true); err != nil {
				t.Fatal(err)
			}
			stop()
			if got := n.all(); !slices.Equal(got, []string{c.code + " outputs.a +", c.code + " outputs.a -"}) {
				t.Fatalf("notices %v", got)
			}
		})
	}
}

// TestBusErrorKeepsTheRequest: an expander that answers EIO is not given back, for
// that would let go of its other lines.
func TestBusErrorKeepsTheRequest(t *testing.T) {
	f := newFake(board("gpiochip0", "A"))
	b, _ := bank(t, f, Config{Outputs: []OutputSpec{{Name: "a", Line: "A"}}})
	f.breakWith(unix.EIO)
	a := out(t, b, "a")
	if err := a.Set(t.Context(), true); fault.Of(err) != fault.PortLost || !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	f.breakWith(nil)
	if err := a.Set(t.Context(), true); err != nil || f.requests != 1 {
		t.Fatal(err, f.requests)
	}
}

// TestSafeGoesOnPastFailures: every output gets its safe level though one is absent.
func TestSafeGoesOnPastFailures(t *testing.T) {
	f := newFake(board("gpiochip0", "A", "B", "C"))
	b, _ := bank(t, f, Config{Outputs: []OutputSpec{
		{Name: "a", Line: "A"}, {Name: "lost", Line: "NOWHERE"}, {Name: "b", Line: "B", Safe: true}, {Name: "c", Line: "C"},
	}})
	for name, on := range map[string]bool{"a": true, "b": false, "c": true} {
		if err := out(t, b, name).Set(t.Context(), on); err != nil {
			t.Fatal(err)
		}
	}
	err := b.Safe(t.Context())
	if fault.Of(err) != fault.PortLost || !strings.Contains(err.Error(), "outputs.lost") {
		t.Fatal(err)
	}
	if f.level("gpiochip0 0") || !f.level("gpiochip0 1") || f.level("gpiochip0 2") {
		t.Fatal("not all outputs are safe")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out(t, b, "a").Set(t.Context(), true); fault.Of(err) != fault.PortLost {
		t.Fatalf("set after close: %v", err)
	}
}
