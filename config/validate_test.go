package config

import (
	"strings"
	"testing"
)

// TestValidate: the finer points of what stands between the keys; testbench/badconfig
// has the long table.
func TestValidate(t *testing.T) {
	const speakers = "devices: {s: {model: m}, r: {model: m}}\n"
	for _, c := range []struct{ name, text, want string }{
		// Pins: an offset belongs to its chip, a name may be on any.
		{"one offset on two chips", "outputs: {a: {chip: gpiochip0, line: 1}, b: {chip: gpiochip1, line: 1}}\n", ""},
		{"one name on two chips", "outputs: {a: {chip: gpiochip0, line: X}, b: {chip: gpiochip1, line: X}}\n", ""},
		{"one name, one chip not told", "outputs:\n  a: {chip: gpiochip0, line: X}\n  b: {line: X}\n", "4: outputs.b.line: this pin (X) is used by outputs.a already, in line 3"},
		{"a minus in front", "outputs: {a: {chip: c, line: -1}}\n", "2: outputs.a.line: -1 is not an offset; write it in plain digits: 1"},
		{"a name with digits", "outputs: {a: {line: GPIO17}}\n", ""},
		{"the later is blamed", "inputs:\n  b: {chip: c, line: 1}\noutputs:\n  a: {chip: c, line: 1}\n", "3: inputs.b.line: this pin (c 1) is used by outputs.a already, in line 5"},

		// Amplifiers.
		{"safe on needs no max_on_s", "outputs: {a: {line: X, safe: on}}\n", ""},
		{"two speakers, two amplifiers", "outputs: {a: {line: X}, b: {line: Y}}\namplifiers: {p: {output: a, speakers: [s]}, q: {output: b, speakers: [r]}}\n" + speakers, ""},
		{"shorter than the default of limits", "outputs: {a: {line: X}}\namplifiers:\n  p: {output: a, speakers: [s], max_on_s: 120}\n" + speakers, "4: amplifiers.p.max_on_s: an announcement may take 300 s (limits.max_say_s), but amplifier p is on for at most 120 s, warm-up and tail included; lower the one or raise the other"},
		{"just long enough", "outputs: {a: {line: X}}\nlimits: {max_say_s: 100}\namplifiers: {p: {output: a, speakers: [s], max_on_s: 101, warm_up_ms: 500, tail_ms: 500}}\n" + speakers, ""},
		{"a second too short", "outputs: {a: {line: X}}\nlimits: {max_say_s: 100}\namplifiers: {p: {output: a, speakers: [s], max_on_s: 100, warm_up_ms: 1, tail_ms: 0}}\n" + speakers, "3: limits.max_say_s: an announcement may take 100 s (limits.max_say_s), but amplifier p is on for at most 100 s, warm-up and tail included; lower the one or raise the other"},

		// The broker.
		{"by name to this machine", "uplink: {broker: 'mqtt://localhost:1883'}\n", ""},
		{"IPv6 loopback", "uplink: {broker: 'mqtt://[::1]:1883'}\n", ""},
		{"another 127", "uplink: {broker: 'mqtt://127.1.2.3:1883'}\n", ""},
		{"IPv6, encrypted", "uplink: {broker: 'mqtts://[2001:db8::1]:8883', ca: a, cert: b, key: c}\n", ""},
		{"a path", "uplink: {broker: 'mqtts://h:8883/x', ca: a, cert: b, key: c}\n", "2: uplink.broker: mqtts://h:8883/x is not a broker's address; allowed: mqtts://HOST:PORT, or mqtt://127.0.0.1:PORT"},
		{"port 0", "uplink: {broker: 'mqtts://h:0', ca: a, cert: b, key: c}\n", "2: uplink.broker: mqtts://h:0 is not a broker's address; allowed: mqtts://HOST:PORT, or mqtt://127.0.0.1:PORT"},
		{"a blank in it", "uplink: {broker: 'mqtts://h h:1', ca: a, cert: b, key: c}\n", "2: uplink.broker: mqtts://h h:1 is not a broker's address; allowed: mqtts://HOST:PORT, or mqtt://127.0.0.1:PORT"},
		{"a login that cannot be parsed", "uplink: {broker: 'mqtts://u:p%zz@h:1'}\n", "2: uplink.broker: a broker's address carries no name or password; the client certificate is the identity"},

		// Shares of the journal.
		{"a ceiling of one's own", "state: {journal: {budget_mib: 64, classes: {event: {floor_mib: 20, ceiling_mib: 40}}}}\n", ""},
		{"a floor alone", "state: {journal: {budget_mib: 64, classes: {event: {floor_mib: 57}}}}\n", ""},

		// One mistake, one message: what follows from it is not told.
		{"outputs that cannot be read", "outputs: [a]\namplifiers: {p: {output: a, speakers: [s]}}\n" + speakers, "2: outputs: a list is not a block of keys"},
		{"devices that cannot be read", "devices: 7\noutputs: {a: {line: X}}\namplifiers: {p: {output: a, speakers: [s]}}\ngroups: {g: [s]}\n", "2: devices: 7 is not a block of keys"},
		{"an output that is wrong is there", "outputs: {a: {line: X, max_on_s: 0}}\namplifiers: {p: {output: a, speakers: [s]}}\n" + speakers, "2: outputs.a.max_on_s: 0 is out of range; allowed: 1 to 86400"},
		{"a bus that is no block is there", "buses: {b: 9600}\n", "2: buses.b: 9600 is not a block of keys"},
		{"a location with two mistakes", "devices: {s: {model: m, location: {lat: x, lon: y}}}\n", "2: devices.s.location.lat: x is not a number\n2: devices.s.location.lon: y is not a number"},
		{"a directory that is not absolute", "state: {dir: edged}\n", "2: state.dir: \"edged\" is not an absolute path"},
		{"a directory too long for the socket", "state: {dir: /" + strings.Repeat("x", 100) + "}\n", "2: state.dir: the path of the socket is 112 bytes long; at most 107 are allowed"},
	} {
		if got := parseAll("gateway: g\n" + c.text); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// TestWordsSurvive: words that some YAML readers take for something else stay what
// was written.
func TestWordsSurvive(t *testing.T) {
	f := parse(t, `gateway: 007
devices:
  on: {model: m, grid: 037081100, name: no, codes: {gb28181: 07081100001320000001, ebr: 63708110000000310101001}}
  no: {model: m, grid: 0o17, name: 1e3, address: 2026-11-24}
  y: {model: m, grid: "010", name: .5, address: 12:30}
  "1": {model: m, name: "true", address: 0x10}
outputs:
  off: {chip: gpiochip0, line: 17, safe: on}
groups:
  yes: [on, no, y, 1]
`)
	got := []string{f.Gateway}
	for _, id := range []string{"on", "no", "y", "1"} {
		d := f.Devices[id]
		got = append(got, id, d.Name, d.Grid, d.Address, d.Codes.GB28181, d.Codes.EBR)
	}
	got = append(got, f.Outputs["off"].Safe, f.Outputs["off"].Line, strings.Join(f.Groups["yes"], "+"))
	want := "007 | on | no | 037081100 |  | 07081100001320000001 | 63708110000000310101001 | no | 1e3 | 0o17 | 2026-11-24 |  |  | y | .5 | 010 | 12:30 |  |  | 1 | true |  | 0x10 |  |  | on | 17 | on+no+y+1"
	if strings.Join(got, " | ") != want {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, " | "), want)
	}
}

// TestWrongKeepsDefault: a File with problems can still be used to bring things to
// rest: what is right in it is there, what is wrong has its default.
func TestWrongKeepsDefault(t *testing.T) {
	f, problems := Parse("", []byte("gateway: g\nrooot: x\nuplink: {telemetry_s: 0}\noutputs: {a: {chip: c, line: 1, max_on_s: never}, b: 7}\nbuses: {b: {port: /dev/ttyS1, baud: 9601, gap_ms: 20}}\n"))
	if len(problems) != 5 {
		t.Errorf("%v", problems)
	}
	if a := f.Outputs["a"]; f.Gateway != "g" || f.Uplink.TelemetryS != 300 || a.MaxOnS != 1200 || a.Line != "1" || a.Safe != "off" || f.Buses["b"].GapMS != 20 || f.Buses["b"].Port != "/dev/ttyS1" {
		t.Errorf("%+v", f)
	}
}
