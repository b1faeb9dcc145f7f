package drivers_test

import (
	"context"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
)

// fake is a model whose claims are written as they are in its options.
func fake(name, kind string, bauds []int, parity string) drivers.Model {
	return drivers.Model{
		Name: name, Kind: kind,
		Check: func(n config.Node) (drivers.Claims, []config.Problem) {
			var o struct {
				Bus     string   `yaml:"bus"`
				Address int      `yaml:"address" range:"0..247"`
				Outputs []string `yaml:"outputs"`
				Inputs  []string `yaml:"inputs"`
				Listen  string   `yaml:"listen" pattern:"hostport"`
				Path    string   `yaml:"path" pattern:"urlpath"`
			}
			problems := config.Decode(n, &o)
			c := drivers.Claims{Bus: o.Bus, Address: o.Address, Bauds: bauds, Parity: parity, Outputs: o.Outputs, Inputs: o.Inputs}
			if o.Listen != "" {
				c.Listens = []string{o.Listen + o.Path}
			}
			return c, problems
		},
		Open: func(context.Context, config.Node, drivers.Parts) (drivers.Device, error) { return nil, nil },
	}
}

func catalog(t *testing.T) drivers.Catalog {
	t.Helper()
	c, err := drivers.NewCatalog(fake("dome-a", "dome", nil, ""), fake("horn-a", "speaker", []int{4800, 9600}, "none"), fake("cam-a", "camera", nil, ""))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// street is what the cases stand on; each adds its devices and cameras.
const street = `gateway: g
buses:
  b-1: {port: /dev/ttyS1, baud: 2400}
  b-2: {port: /dev/ttyS2, baud: 9600}
  b-3: {port: /dev/ttyS3, baud: 9600, parity: even}
outputs:
  amp: {line: AMP}
  gate: {line: GATE, remote: true}
  lamp: {line: LAMP}
inputs:
  door: {line: DOOR}
`

// TestCheck: each conflict is told once, at the later of the two, with the earlier
// one's line.
func TestCheck(t *testing.T) {
	const four = "devices:\n  a: {model: dome-a, options: {bus: b-1, address: 1}}\n"
	const cams = "cameras:\n  x: {model: cam-a, options: {listen: '10.0.0.2:80', path: /x}}\n"
	for _, c := range []struct{ name, text, want string }{
		{"two domes, two addresses", four + "  b: {model: dome-a, options: {bus: b-1, address: 2}}\n", ""},
		{"two domes on two buses", four + "  b: {model: dome-a, options: {bus: b-2, address: 1}}\n", ""},
		{"one address", four + "  b: {model: dome-a, options: {bus: b-1, address: 1}}\n", "14: devices.b.options.address: address 1 on bus b-1 is used by devices.a already, in line 13"},
		{"the later is blamed whatever its name", "devices:\n  z: {model: dome-a, options: {bus: b-1, address: 1}}\n  a: {model: dome-a, options: {bus: b-1, address: 1}}\n", "14: devices.a.options.address: address 1 on bus b-1 is used by devices.z already, in line 13"},
		{"three on one address", four + "  b: {model: dome-a, options: {bus: b-1, address: 1}}\n  c: {model: dome-a, options: {bus: b-1, address: 1}}\n", "14: devices.b.options.address: address 1 on bus b-1 is used by devices.a already, in line 13\n15: devices.c.options.address: address 1 on bus b-1 is used by devices.a already, in line 13"},
		{"one without address joins", four + "  h: {model: dome-a, options: {bus: b-1}}\n", "14: devices.h.options.bus: model dome-a has no address and needs a bus of its own; b-1 is used by devices.a already, in line 13"},
		{"one joins one without address", "devices:\n  h: {model: horn-a, options: {bus: b-2}}\n  d: {model: dome-a, options: {bus: b-2, address: 3}}\n", "14: devices.d.options.bus: bus b-2 belongs to devices.h alone (line 13), whose model has no address"},
		{"baud", "devices:\n  h: {model: horn-a, options: {bus: b-1}}\n", "13: devices.h.options.bus: bus b-1 runs at 2400 baud; model horn-a can do: 4800, 9600"},
		{"parity", "devices:\n  h: {model: horn-a, options: {bus: b-3}}\n", "13: devices.h.options.bus: bus b-3 has parity even; model horn-a needs parity none"},
		{"no such bus, near", "devices:\n  a: {model: dome-a, options: {bus: b-4, address: 1}}\n", "13: devices.a.options.bus: b-4 is not one of the buses; did you mean b-1?"},
		{"no such bus", "devices:\n  a: {model: dome-a, options: {bus: rs485, address: 1}}\n", "13: devices.a.options.bus: rs485 is not one of the buses; known: b-1, b-2, b-3"},
		{"output of an amplifier", "devices:\n  h: {model: horn-a, options: {bus: b-2}}\n  d: {model: dome-a, options: {outputs: [lamp, amp]}}\namplifiers:\n  p: {output: amp, speakers: [h]}\n", "14: devices.d.options.outputs[1]: output amp is used by amplifiers.p already, in line 16"},
		{"output of two devices", "devices:\n  c: {model: dome-a, options: {outputs: [lamp]}}\n  d: {model: dome-a, options: {outputs: [lamp]}}\n", "14: devices.d.options.outputs[0]: output lamp is used by devices.c already, in line 13"},
		{"remote output", "devices:\n  d: {model: dome-a, options: {outputs: [gate]}}\n", "13: devices.d.options.outputs[0]: output gate is marked remote in line 8; one that a device uses cannot be switched from the platform"},
		{"no such output", "devices:\n  d: {model: dome-a, options: {outputs: [siren]}}\n", "13: devices.d.options.outputs[0]: siren is not one of the outputs; known: amp, gate, lamp"},
		{"input of two devices", "devices:\n  c: {model: dome-a, options: {inputs: [door]}}\n  d: {model: dome-a, options: {inputs: [door]}}\n", "14: devices.d.options.inputs[0]: input door is used by devices.c already, in line 13"},
		{"no such input", "devices:\n  d: {model: dome-a, options: {inputs: [window]}}\n", "13: devices.d.options.inputs[0]: window is not one of the inputs; known: door"},
		{"two cameras, one port", cams + "  y: {model: cam-a, options: {listen: '10.0.0.2:80', path: /y}}\n", ""},
		{"one endpoint", cams + "  y: {model: cam-a, options: {listen: '10.0.0.2:80', path: /x}}\n", "14: cameras.y.options.path: 10.0.0.2:80/x is used by cameras.x already, in line 13"},
		{"every address beside one", cams + "  y: {model: cam-a, options: {listen: '0.0.0.0:80', path: /y}}\n", "14: cameras.y.options.listen: 0.0.0.0:80 cannot be listened on beside 10.0.0.2:80 of cameras.x in line 13: one of them takes every address of this port"},
		{"unknown model, near", "devices:\n  a: {model: dome-b}\n", "13: devices.a.model: dome-b is not a model; did you mean dome-a?"},
		{"unknown model", "devices:\n  a: {model: plasma}\n", "13: devices.a.model: plasma is not a model; known: dome-a, horn-a"},
		{"camera among devices", "devices:\n  a: {model: cam-a}\n", "13: devices.a.model: model cam-a is a camera source and belongs below cameras"},
		{"dome among cameras", "cameras:\n  a: {model: dome-a}\n", "13: cameras.a.model: model dome-a is a dome and belongs below devices"},
		{"dome at an amplifier", four + "amplifiers:\n  p: {output: amp, speakers: [a]}\n", "15: amplifiers.p.speakers[0]: a is a dome; an amplifier takes speakers only"},
		{"a model's own judgement", "devices:\n  a: {model: dome-a, options: {bus: b-1, address: 248, colour: red}}\n", "13: devices.a.options.address: 248 is out of range; allowed: 0 to 247\n13: devices.a.options.colour: unknown key; allowed here: address, bus, inputs, listen, outputs, path"},
		{"bad options hide no conflict", "devices:\n  a: {model: dome-a, options: {bus: b-1, address: 1, colour: red}}\n  b: {model: dome-a, options: {bus: b-1, address: 1}}\n", "13: devices.a.options.colour: unknown key; allowed here: address, bus, inputs, listen, outputs, path\n14: devices.b.options.address: address 1 on bus b-1 is used by devices.a already, in line 13"},
	} {
		f, problems := config.Parse("", []byte(street+c.text))
		if len(problems) != 0 {
			t.Fatalf("%s: %v", c.name, problems)
		}
		_, problems = drivers.Check(f, catalog(t))
		var got []string
		for _, p := range problems {
			got = append(got, strings.TrimPrefix(p.Error(), ":"))
		}
		if strings.Join(got, "\n") != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, strings.Join(got, "\n"), c.want)
		}
	}
}

// TestClaims: the claims of all devices and cameras with good options come back by id.
func TestClaims(t *testing.T) {
	f, _ := config.Parse("", []byte(street+"devices:\n  a: {model: dome-a, options: {bus: b-1, address: 7}}\n  bad: {model: dome-a, options: {x: 1}}\n  odd: {model: nothing}\n  none: {}\ncameras:\n  x: {model: cam-a, options: {listen: '10.0.0.2:80', path: /x}}\n"))
	claims, _ := drivers.Check(f, catalog(t))
	if got := slices.Sorted(maps.Keys(claims)); !slices.Equal(got, []string{"a", "x"}) {
		t.Fatalf("claims of %v", got)
	}
	if a := claims["a"]; a.Bus != "b-1" || a.Address != 7 {
		t.Errorf("%+v", a)
	}
	if x := claims["x"]; !slices.Equal(x.Listens, []string{"10.0.0.2:80/x"}) {
		t.Errorf("%+v", x)
	}
}

// TestCatalog: a name that stands twice is a mistake of the program.
func TestCatalog(t *testing.T) {
	if _, err := drivers.NewCatalog(fake("a", "dome", nil, ""), fake("a", "camera", nil, "")); err == nil {
		t.Error("taken twice")
	}
}

// TestSentences: the list for the message catalogue is complete.
func TestSentences(t *testing.T) {
	src, err := os.ReadFile("sentences.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t(?:say|word)\w+\s*= (?:config\.Word\()?"(.*)"\)?$`).FindAllSubmatch(src, -1)
	for _, m := range declared {
		if !slices.Contains(drivers.Sentences(), string(m[1])) {
			t.Errorf("not listed: %s", m[1])
		}
	}
	if len(declared) != len(drivers.Sentences()) {
		t.Errorf("%d declared, %d listed", len(declared), len(drivers.Sentences()))
	}
}
