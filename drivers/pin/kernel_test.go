package pin_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/drivers/pin"
	"fuqiao/edged/testbench/kernel"
)

// pi is a chip like a small board's, all lines low.
func pi() *kernel.Chip {
	return kernel.NewChip("gpiochip0", "pinctrl-bcm2835", "GPIO0", "GPIO1", "GPIO2", "", "GPIO4", "GPIO5")
}

// twoOutputs are an active-high amplifier by name and an active-low siren by offset.
func twoOutputs() specs {
	return specs{Outputs: []pin.OutputSpec{
		{Name: "amp", Line: "GPIO1"},
		{Name: "siren", Chip: "gpiochip0", Line: "3", ActiveLow: true},
	}}
}

// raise makes the lines what a board with pull-ups would show before anybody
// requests them.
func raise(c *kernel.Chip, offsets ...int) {
	for _, o := range offsets {
		c.Drive(o, true)
	}
}

// TestPromise50_NoBlinkAtStart: the outputs are requested together, with their safe
// level, and the lines that rest there (the siren's relay is active low and pulled
// up) see not one edge; nor at a stop, nor at a kill.
func TestPromise50_NoBlinkAtStart(t *testing.T) {
	c := pi()
	raise(c, 3)
	before := len(c.Edges())
	g := play(t, twoOutputs(), c)
	if l := g.hear("open"); l != "open <nil>" {
		t.Fatal(l)
	}
	reqs := c.Requests()
	if len(reqs) != 1 || !slices.Equal(reqs[0].Offsets, []int{1, 3}) || !slices.Equal(reqs[0].Levels, []bool{false, true}) || reqs[0].Consumer[:6] != "edged@" {
		t.Fatalf("requests: %+v", reqs)
	}
	g.ask("safe", "safe <nil>")
	g.kill()
	if edges := c.Edges()[before:]; len(edges) != 0 {
		t.Fatalf("edges at start and kill: %+v", edges)
	}
}

// TestSetReadBackAndCrash: levels on the wire, active low included; the read-back
// moves nothing; after SIGKILL the line keeps its level, and the next start, which
// is what makes it safe, moves it once.
func TestSetReadBackAndCrash(t *testing.T) {
	c := pi()
	raise(c, 3)
	before := len(c.Edges())
	g := play(t, twoOutputs(), c)
	g.ask("on siren", "on siren <nil>")
	g.ask("on amp", "on amp <nil>")
	g.ask("on amp", "on amp <nil>")
	g.ask("back siren", "back siren true <nil>")
	if c.Level(3) || !c.Level(1) {
		t.Fatalf("siren %v, amp %v", c.Level(3), c.Level(1))
	}
	g.ask("off siren", "off siren <nil>")
	g.ask("back siren", "back siren false <nil>")
	g.kill()
	if !c.Level(1) {
		t.Fatal("the stand-in let go of a line at the owner's death")
	}
	g = play(t, twoOutputs(), c)
	g.hear("open <nil>")
	if c.Level(1) {
		t.Fatal("the amplifier is on after a restart")
	}
	var path []string
	for _, e := range c.Edges()[before:] {
		path = append(path, e.Why+" "+e.Name+map[bool]string{true: " high", false: " low"}[e.Level])
	}
	if want := []string{"set  low", "set GPIO1 high", "set  high", "request GPIO1 low"}; !slices.Equal(path, want) {
		t.Fatalf("edges: %q", path)
	}
}

// TestBusyLine: a line that another program holds is named with its holder; the
// other outputs of the chip work; it is taken over when it is let go.
func TestBusyLine(t *testing.T) {
	c := pi()
	first := play(t, specs{Outputs: []pin.OutputSpec{{Name: "a", Line: "GPIO1"}}}, c)
	first.hear("open <nil>")
	g := play(t, twoOutputs(), c)
	l := g.hear("notice pin.busy outputs.amp true")
	holder, _, _ := c.Owner(1)
	if want := "gpiochip0 1 (GPIO1) is held by " + holder; !strings.Contains(l, want) {
		t.Fatalf("%q does not say %q", l, want)
	}
	g.hear("open <nil>")
	g.ask("on siren", "on siren <nil>")
	if l := g.ask("on amp", "on amp"); !strings.Contains(l, "port lost") {
		t.Fatal(l)
	}
	first.kill()
	g.hear("notice pin.busy outputs.amp false")
	g.ask("on amp", "on amp <nil>")
	if !c.Level(1) {
		t.Fatal("low")
	}
}

// TestChipUnplugged: the chip is missing at start, comes, goes and comes again,
// under the real binary; outputs come back safe. The input is served by periph only
// where its one look found the chip, so here both ways are walked.
func TestChipUnplugged(t *testing.T) {
	board, usb := pi(), kernel.NewChip("gpiochip1", "usb-expander", "RELAY", "KEY")
	usb.Remove()
	g := play(t, specs{
		Outputs: []pin.OutputSpec{{Name: "relay", Line: "RELAY"}},
		Inputs:  []pin.InputSpec{{Name: "key", Chip: "usb-expander", Line: "1"}, {Name: "door", Line: "GPIO4"}},
	}, board, usb)
	g.hear("notice pin.chip_lost outputs.relay true")
	g.hear("open <nil>")
	g.say("watch key")
	g.say("watch door")
	for range 2 {
		usb.Insert()
		g.hearAll("notice pin.chip_lost inputs.key false", "notice pin.chip_lost outputs.relay false")
		g.ask("on relay", "on relay <nil>")
		usb.Drive(1, true)
		g.hear("is key true")
		usb.Drive(1, false)
		g.hear("is key false")
		usb.Remove()
		g.hearAll("notice pin.chip_lost inputs.key true", "notice pin.chip_lost outputs.relay true")
		if l := g.ask("level key", "level key"); !strings.Contains(l, "port lost") {
			t.Fatal(l)
		}
	}
	// The board's own chip goes, which periph opened, and comes.
	board.Remove()
	g.hear("notice pin.chip_lost inputs.door true")
	board.Insert()
	g.hear("notice pin.chip_lost inputs.door false")
	board.Drive(4, true)
	g.hear("is door true")
	if !usb.Level(0) {
		t.Fatal("the relay is off although nobody could switch it")
	}
	usb.Insert()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := usb.WaitLevel(ctx, 0, false); err != nil {
		t.Fatal("the relay came back on: ", err)
	}
}

// TestInputs: levels and edges through periph, pulled up and active low; a second
// life of the bank in the same process has them too.
func TestInputs(t *testing.T) {
	c := pi()
	g := play(t, specs{
		Outputs: []pin.OutputSpec{{Name: "amp", Line: "GPIO1"}},
		Inputs:  []pin.InputSpec{{Name: "key", Line: "GPIO5", ActiveLow: true, Pull: "up", Debounce: 5e6}},
	}, c)
	g.hear("open <nil>")
	for range 2 {
		if holder, _, _ := c.Owner(5); !strings.HasPrefix(holder, "pin.test@") {
			t.Fatalf("the input is held by %q and not by periph", holder)
		}
		g.ask("level key", "level key false <nil>")
		if !c.Level(5) {
			t.Fatal("not pulled up")
		}
		g.ask("watch key", "is key false")
		c.Drive(5, false)
		g.hear("is key true")
		g.ask("level key", "level key true <nil>")
		c.Drive(5, true)
		g.hear("is key false")
		g.ask("close", "close <nil>")
		if _, _, held := c.Owner(5); held {
			t.Fatal("the input is still held after Close")
		}
		g.ask("again", "open <nil>")
	}
	// periph takes the line as it is first and makes an input of it then: the
	// kernel's view must be one of edges, not of an output.
	for _, r := range c.Requests() {
		if len(r.Offsets) == 1 && r.Offsets[0] == 5 && r.Outputs[0] {
			t.Fatalf("the input was requested as an output: %+v", r)
		}
	}
}

// TestTwoNodesForOneChip: periph's look-up would close descriptor 0 on such a box,
// which is where the guest's commands come from. The input works without it.
func TestTwoNodesForOneChip(t *testing.T) {
	c := pi()
	c.Alias("gpiochip4")
	g := play(t, specs{
		Outputs: []pin.OutputSpec{{Name: "amp", Line: "GPIO1"}},
		Inputs:  []pin.InputSpec{{Name: "key", Line: "GPIO5", Pull: "down"}},
	}, c)
	g.hear("open <nil>")
	if holder, _, _ := c.Owner(5); !strings.HasPrefix(holder, "edged@") {
		t.Fatalf("the input is held by %q", holder)
	}
	g.ask("watch key", "is key false")
	c.Drive(5, true)
	g.hear("is key true")
	g.ask("on amp", "on amp <nil>")
	g.ask("close", "close <nil>")
}

// TestPeriphWouldBlink: why outputs are not switched through periph. The same line
// at rest, taken for high by periph's own pin, sees two edges.
func TestPeriphWouldBlink(t *testing.T) {
	c := pi()
	raise(c, 0)
	g := play(t, specs{Inputs: []pin.InputSpec{{Name: "key", Line: "GPIO5"}}}, c)
	g.hear("open <nil>")
	before := len(c.Edges())
	g.ask("periph GPIO0", "periph <nil>")
	if n := len(c.Edges()) - before; n != 2 || !c.Level(0) {
		t.Fatalf("%d edges, level %v: has periph changed?", n, c.Level(0))
	}
}

// TestRegistry: who finds the output's line in periph's registry gets the output
// and can do no harm with it; after Close periph's own pin stands there again.
func TestRegistry(t *testing.T) {
	c := pi()
	raise(c, 2)
	g := play(t, specs{
		Outputs: []pin.OutputSpec{{Name: "amp", Line: "GPIO2", ActiveLow: true}},
		Inputs:  []pin.InputSpec{{Name: "key", Line: "GPIO5"}},
	}, c)
	g.hear("open <nil>")
	before := len(c.Edges())
	if l := g.ask("registry GPIO2", "registry"); l != "registry GPIO2(amp) <nil> Low <nil> High Out/High true <nil> High" {
		t.Fatal(l)
	}
	if n := len(c.Edges()) - before; n != 2 {
		t.Fatalf("%d edges, want low and high", n)
	}
	g.ask("close", "close <nil>")
	g.ask("again", "open <nil>")
	g.ask("registry GPIO2", "registry GPIO2(amp)")
}
