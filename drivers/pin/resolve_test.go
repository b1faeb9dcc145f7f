package pin

import (
	"strings"
	"testing"

	"fuqiao/edged/drivers/fault"
)

// TestResolve: how a line may be named (gpioinfo's words) and what each mistake says.
func TestResolve(t *testing.T) {
	box := []chip{board("gpiochip0", "GPIO0", "GPIO1", "WAKE"), board("gpiochip1", "", "GPIO9", "WAKE"), board("gpiochip2", "TWIN", "TWIN")}
	twins := []chip{{name: "gpiochip0", label: "same"}, {name: "gpiochip1", label: "same"}}
	for _, c := range []struct {
		name, chip, line, want string
		class                  fault.Class
		all                    []chip
	}{
		{name: "by name", line: "GPIO9", want: "gpiochip1 1 (GPIO9)"},
		{name: "by name, narrowed", chip: "gpiochip1", line: "WAKE", want: "gpiochip1 2 (WAKE)"},
		{name: "by offset", chip: "gpiochip0", line: "1", want: "gpiochip0 1 (GPIO1)"},
		{name: "by offset, no name", chip: "gpiochip1", line: "0", want: "gpiochip1 0"},
		{name: "by label", chip: "label-gpiochip1", line: "0", want: "gpiochip1 0"},
		{name: "ambiguous", line: "WAKE", class: fault.BadInput, want: "line WAKE is both gpiochip0 2 and gpiochip1 2: name the chip and the offset"},
		{name: "ambiguous on one chip", chip: "gpiochip2", line: "TWIN", class: fault.BadInput, want: "line TWIN is both gpiochip2 0 and gpiochip2 1"},
		{name: "offset alone", line: "17", class: fault.BadInput, want: "line 17 is an offset: name its chip as well"},
		{name: "offset too high", chip: "gpiochip0", line: "3", class: fault.BadInput, want: "line 3: gpiochip0 has the lines 0 to 2"},
		{name: "offset negative", chip: "gpiochip0", line: "-1", class: fault.BadInput, want: "has the lines 0 to 2"},
		{name: "label twice", chip: "same", line: "0", all: twins, class: fault.BadInput, want: "is the label of gpiochip0, gpiochip1: use the name"},
		{name: "no such line", line: "GPIO77", class: fault.PortLost, want: "no line is named GPIO77 on gpiochip0, gpiochip1, gpiochip2"},
		{name: "no such chip", chip: "gpiochip9", line: "0", class: fault.PortLost, want: "chip gpiochip9 is not there; there are: gpiochip0, gpiochip1"},
		{name: "no chips", line: "GPIO1", all: []chip{}, class: fault.PortLost, want: "no GPIO chip is there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := box
			if c.all != nil {
				all = c.all
			}
			at, err := resolve(all, c.chip, c.line)
			if fault.Of(err) != c.class {
				t.Fatalf("class %q of %v", fault.Of(err), err)
			}
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = at.String()
			}
			if !strings.Contains(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestOneLineTwoNames: two keys of the file that mean one line are found when the
// chip is there to tell, and both are named; the first keeps it.
func TestOneLineTwoNames(t *testing.T) {
	f := newFake(board("gpiochip0", "A", "B"))
	b := New(Config{
		Outputs: []OutputSpec{{Name: "amp", Line: "A"}, {Name: "siren", Chip: "gpiochip0", Line: "0"}},
		Inputs:  []InputSpec{{Name: "door", Chip: "label-gpiochip0", Line: "A"}, {Name: "key", Line: "B"}},
	})
	b.sys = f
	err := b.Open(t.Context())
	for _, want := range []string{"outputs.siren: gpiochip0 0 (A) is outputs.amp's already", "inputs.door: gpiochip0 0 (A) is outputs.amp's already"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("want %q in %v", want, err)
		}
	}
	if err := out(t, b, "amp").Set(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := out(t, b, "siren").Set(t.Context(), true); fault.Of(err) != fault.PortLost || !strings.Contains(err.Error(), "outputs.amp's already") {
		t.Fatal(err)
	}
	if _, err := b.Output("none"); fault.Of(err) != fault.BadInput {
		t.Fatal(err)
	}
	if _, err := b.Input("none"); fault.Of(err) != fault.BadInput {
		t.Fatal(err)
	}
}
