package config

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// parseAll is what Parse says about text, one message a line, with the file's name
// left out.
func parseAll(text string) string {
	_, problems := Parse("", []byte(text))
	var all []string
	for _, p := range problems {
		all = append(all, strings.TrimPrefix(p.Error(), ":"))
	}
	return strings.Join(all, "\n")
}

// TestSyntax: what is no file of ours at all, in plain words, at the line where it
// goes wrong and not where the block around it begins.
func TestSyntax(t *testing.T) {
	const yaml = ": not valid YAML: "
	const indent = "look at the indentation"
	for _, c := range []struct{ text, want string }{
		{"gateway: a: b\n", "1" + yaml + "a colon stands where no key can be; if it belongs to a text, put the text in quotes"},
		{"gateway: g\n root: x\n", "2" + yaml + "a colon stands where no key can be; if it belongs to a text, put the text in quotes"},
		{"gateway: g\nroot fuqiao\n", "2" + yaml + "a key without a colon; write key: value"},
		{"gateway: g\nroot:x\n", "2" + yaml + "a key without a colon; write key: value"},
		{"a: [1,\nb: 2\n", "2" + yaml + "a list in [ ] is not closed, or a comma is missing in it"},
		{"gateway: g\nx: {a: b\ny: c\n", "2" + yaml + "a block in { } is not closed, or a comma is missing in it"},
		{"gateway: g\nuplink:\n  broker: \"abc\n  ca: x\nroot: y\n", "3" + yaml + "a quote is not closed"},
		{"gateway: g\nroot: 'it's'\n", "2" + yaml + "a key is expected here; " + indent + ", and for a quote above that ends too early or not at all"},
		{"gateway: g\n- a\n", "2" + yaml + "a key is expected here; " + indent + ", and for a quote above that ends too early or not at all"},
		{"gateway: g\ndevices:\n  - x\n  y: z\n", "4" + yaml + "a list entry (-) is expected here; " + indent},
		{"gateway: - a\n", "1" + yaml + "a list entry (-) stands where none can be; begin the list on a line of its own"},
		{"gateway: g\nbuses:\n  a:\n    port: \"C:\\dev\"\n", "4" + yaml + "an escape that does not exist; in double quotes write \\\\ for a backslash, or use single quotes"},
		{"gateway: \"\\x\"", "1" + yaml + "an escape that does not exist; in double quotes write \\\\ for a backslash, or use single quotes"},
		{"gateway: g\nroot: @x\n", "2" + yaml + "a value cannot begin with this character; put the text in quotes"},
		{"gateway: g\nroot: %x\n", "2" + yaml + "a value cannot begin with this character; put the text in quotes"},
		{"gateway: g\nroot: *x\n", "2" + yaml + "an alias (*) without its anchor; a text that begins with * needs quotes"},
		{"gateway: g\n%x: 3\n", "2" + yaml + "a line that begins with % needs quotes"},
		{"gateway: g\nroot: | x\n", "2" + yaml + "after | or > the text begins on the next line"},
		{"gateway: g\n...\nfoo\n", "3" + yaml + "something stands beside the block of keys; " + indent},
		{"gateway: g\n---\nroot: x\n", "2: a second document begins here; the file holds exactly one"},
		{"- gateway: g\n", "1: a list is not a block of keys"},
		{"gateway", "1: gateway is not a block of keys"},
		{"", "1: the file is empty; at least gateway is needed"},
		{" \n\t\n", "1: the file is empty; at least gateway is needed"},
		{"# nothing yet\n", "1: the file is empty; at least gateway is needed"},
		{"---\n", "1: gateway: is missing; it has no default"},

		// What comes of a Chinese keyboard.
		{"gateway：g\nroot: x\n", "1: gateway has a full-width colon; write a plain colon and a space"},
		{"gateway：g\n", "1: gateway has a full-width colon; write a plain colon and a space"},
		{"gateway: g\nuplink:\n  telemetry_s: 60\n  broker：x\n  ca: y\n", "4: broker has a full-width colon; write a plain colon and a space"},
		{"gateway: g\nuplink:\n  broker：x\n", "3: uplink: broker has a full-width colon; write a plain colon and a space"},
		{"gateway: g\n　　root: x\n", "2: a full-width space in the indentation; use plain spaces"},
		{"gateway: g\n\u00a0root: x\n", "2: a no-break space in the indentation; use plain spaces"},
		{"gateway: \xce\xd2\xba\xc3\nroot: \xce\xd2\n", "1: byte 0xce is not UTF-8; save the file as UTF-8 (not GBK, not UTF-16)\n2: byte 0xce is not UTF-8; save the file as UTF-8 (not GBK, not UTF-16)"},

		// What comes of other editors.
		{"\ufeffgateway: g", "1: the file begins with a byte order mark; save it as UTF-8 without BOM"},
		{"\xff\xfeg\x00", "1: byte 0xff is not UTF-8; save the file as UTF-8 (not GBK, not UTF-16)"},
		{"gateway: g\n\troot: x\n", "2: a tab in the indentation; use spaces"},
		{"gateway: g\nuplink:\n  \tca: x\n", "3: a tab in the indentation; use spaces"},
		{"gateway: g\n\t# a comment\n", "2: a tab in the indentation; use spaces"},
		{"gateway: g\n\t\n", "2: a tab in the indentation; use spaces"},
		{"gateway: g\nroot:\tx\t# tabs between\n", ""},
		{"gateway: g\rroot: x\r", "1: the character U+000D is not allowed in this file; remove it or write it as an escape in double quotes"},
		{"gateway: g\r\n\r\nroot: X\r\n", "3: root: X is not a valid name; allowed: a to z, 0 to 9 and -, beginning with a letter or digit, at most 63 characters"},
		{"gateway: g\x00", "1: the character U+0000 is not allowed in this file; remove it or write it as an escape in double quotes"},
		{"gateway: g\nroot: \"\x1b[31m\"\n", "2: the character U+001B is not allowed in this file; remove it or write it as an escape in double quotes"},
		{"gateway: g\nroot: a\u0085b\n", "2: the character U+0085 is not allowed in this file; remove it or write it as an escape in double quotes"},
		{"gateway: g\nroot: a\u2028b\n", "2: the character U+2028 is not allowed in this file; remove it or write it as an escape in double quotes"},
		// Text that an editor shows in another order than it is read.
		{"gateway: g\n# \u202e #\n", "2: the character U+202E is not allowed in this file; remove it or write it as an escape in double quotes"},

		// What YAML allows and this file does not.
		{"!!map {gateway: g}", "1: tags (!!map) are not allowed; remove it"},
		{"gateway: &g g\nroot: *g\n", "1: gateway: anchors (&g) are not allowed; write the value out\n2: root: aliases (*g) are not allowed; write the value out"},
		{"gateway: g\n<<: {root: x}\n", "2: merge keys (<<) are not allowed; write the keys out"},
		{"gateway: g\nuplink: {ca: x, ca: y}\n", "2: uplink.ca: this key stands twice; the first is in line 2"},
		{"gateway: g\nx: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "2: x: unknown key; allowed here: amplifiers, authority, buses, cameras, devices, gateway, groups, inputs, kill_switch, limits, local, outputs, quiet_hours, root, rules, schedules, shutdown, state, uplink, zones\n" +
			"2: x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 16 levels"},
		{"{gateway: g}", ""},
		{"\"gateway\": 'g'\n...\n", ""},
	} {
		if got := parseAll(c.text); got != c.want {
			t.Errorf("%q:\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}

// TestHostile: files that are made to hurt are refused within bounds of time and
// memory, and with at most 201 messages.
func TestHostile(t *testing.T) {
	laughs := "gateway: g\na0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		n, m := string(rune('0'+i)), string(rune('1'+i))
		laughs += "a" + m + ": &a" + m + " [" + strings.Repeat("*a"+n+", ", 8) + "*a" + n + "]\n"
	}
	stairs := ""
	for i := range 1000 {
		stairs += strings.Repeat(" ", i) + "a:\n"
	}
	for name, text := range map[string]string{
		"billion laughs":    laughs,
		"1 MiB of [":        strings.Repeat("[", maxBytes),
		"1 MiB of {a:":      strings.Repeat("{a: ", maxBytes/4),
		"1 MiB of -":        strings.Repeat("- ", maxBytes/2),
		"1 MiB of ?":        strings.Repeat("? ", maxBytes/2),
		"1 MiB of a:":       strings.Repeat("a:", maxBytes/2),
		"just too long":     "gateway: g\n#" + strings.Repeat("x", maxBytes),
		"9999 brackets":     strings.Repeat("[", 9999) + strings.Repeat("]", 9999),
		"9000 lists":        strings.Repeat("- ", 9000) + "x",
		"stairs":            stairs,
		"one long value":    "gateway: " + strings.Repeat("x", maxBytes-20),
		"open quote":        "gateway: \"" + strings.Repeat("x ", maxBytes/2-20),
		"many entries":      "gateway: g\ngroups: {a: [" + strings.Repeat("x,", maxValues-100) + "]}",
		"many doubles":      strings.Repeat("aaaaaaaaaaaaaaaaaaaaaaaa: \n", maxValues/2-1),
		"many anchors":      strings.Repeat("- &a x\n", maxValues/2-1),
		"comments only":     strings.Repeat("# x\n", maxValues-1),
		"many escapes":      "gateway: \"" + strings.Repeat(`\u4e00`, maxBytes/6-20) + "\"",
		"many unknown":      strings.Repeat("x", 64) + ": 1\n" + strings.Repeat("? y\n", 20000),
		"broken at the end": strings.Repeat("# x\n", 20000) + "gateway: g\n'",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, problems := Parse("edged.yaml", []byte(text))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if len(problems) == 0 || len(problems) > 201 {
			t.Errorf("%s: %d problems", name, len(problems))
		}
		// The bounds are wide: two slow cores, other tests beside this one.
		if took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if spent := (after.TotalAlloc - before.TotalAlloc) >> 20; spent > 120 {
			t.Errorf("%s: %d MiB allocated", name, spent)
		}
	}
}

// FuzzDecode: no options make Decode panic, or leave a value outside what the tags
// allow.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"bus: b\nvolume: 3\n", "bus: [a]\nfree: [1, 2]\n", "inner: {zero: 1}\nsecret: x\n", "chimes: {a: b}\nquiet: true\nlevel: 9\n", "raw: {x: &a [*a]}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o sample
		problems := Decode(ParseNode(text), &o)
		if len(problems) == 0 && o.Bus == "" {
			t.Fatal("a needed key is empty")
		}
		if o.Volume < 0 || o.Volume > 100 || o.Address < 0 || o.Address > 254 || o.Level != nil && *o.Level > 9 || o.Bus != "" && !isID(o.Bus) {
			t.Fatalf("%+v", o)
		}
	})
}

// FuzzParse: no text makes Parse panic, or say something without a line in the
// file, with a broken verb, or on more than one line.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"gateway: g\n", "gateway: g\nuplink: {broker: 'mqtts://h:8883', ca: a, cert: b, key: c}\n",
		"gateway: g\nbuses:\n  rs485-1: {port: /dev/ttyS1, baud: 9600}\ndevices:\n  a:\n    model: x\n    options: {bus: rs485-1, secret: x}\n",
		"gateway: g\noutputs: {o: {chip: c, line: 1}}\namplifiers: {a: {output: o, speakers: [s]}}\ngroups: {all: [x]}\n",
		"a: &a [*a]\n", "? [x]\n: y\n<<: z\n", "a: !!int b\n---\n...\n", "a: |\n  x\n y: 0x1\n", "\ufeffa", "a\x00", "a: 'b", "a：b\n", "gateway: 007\nroot: ~\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, problems := Parse("f", data)
		if file == nil && len(problems) == 0 {
			t.Fatal("neither a file nor a problem")
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, p := range problems {
			text := p.Error()
			if p.Line < 0 || p.Line > lines || !strings.Contains(string(data), "%") && strings.Contains(text, "%!") || strings.ContainsAny(text, "\n\r\x00") {
				t.Fatalf("%d lines, %q", lines, text)
			}
		}
		if file != nil {
			if d := Diff(file, file); len(d) != 0 {
				t.Fatalf("a file differs from itself at %v", d)
			}
		}
	})
}
