package config

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func update() bool { return slices.Contains(flag.Args(), "update") }

// golden compares with a file of testdata; `go test . -args update` writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if update() {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; if that is meant: go test ./config -args update", path)
	}
}

func example(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("edged.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// parse wants a good file.
func parse(t *testing.T, text string) *File {
	t.Helper()
	f, problems := Parse("edged.yaml", []byte(text))
	if len(problems) != 0 {
		t.Fatalf("%v", problems)
	}
	return f
}

// shown is a key that the example shows with its default, commented out.
func shown() *regexp.Regexp { return regexp.MustCompile(`(?m)^( *)#([a-z_]+:)`) }

// TestExampleIsDefault: the shipped example differs from Default only in the street
// that it describes, and every default that it shows is the real one.
func TestExampleIsDefault(t *testing.T) {
	text := example(t)
	f := parse(t, text)
	street := []string{"gateway", "uplink.broker", "uplink.ca", "uplink.cert", "uplink.key", "buses.", "outputs.", "inputs.", "amplifiers.", "devices.", "groups.", "zones.", "cameras.", "local.groups"}
	for _, path := range Diff(f, Default()) {
		if !slices.ContainsFunc(street, func(s string) bool { return path == s || strings.HasSuffix(s, ".") && strings.HasPrefix(path, s) }) {
			t.Errorf("%s is not the default and not a part of the street", path)
		}
	}
	revealed := shown().ReplaceAllString(text, "$1$2")
	if n := len(shown().FindAllString(text, -1)); n < 20 {
		t.Errorf("only %d defaults are shown", n)
	}
	if d := Diff(f, parse(t, revealed)); len(d) != 0 {
		t.Errorf("shown as default, but is not: %v", d)
	}
}

// TestExampleShowsAll: each key of the grammar stands in the example, set or shown.
func TestExampleShowsAll(t *testing.T) {
	revealed := parse(t, shown().ReplaceAllString(example(t), "$1$2"))
	var missing []string
	var walk func(typ reflect.Type, pattern string)
	walk = func(typ reflect.Type, pattern string) {
		for _, f := range fields(typ) {
			at, ft := pattern+regexp.QuoteMeta(f.name), typ.Field(f.index).Type
			if ft == reflect.TypeFor[Unenforced]() {
				continue
			}
			if !hasPath(revealed, at) {
				missing = append(missing, at)
			}
			switch {
			case ft == reflect.TypeFor[Node](), at == "state\\.journal\\.classes", at == "state.journal.classes":
			case ft.Kind() == reflect.Struct:
				walk(ft, at+`\.`)
			case ft.Kind() == reflect.Map && ft.Elem().Kind() == reflect.Struct:
				walk(ft.Elem(), at+`\.[^.]+\.`)
			}
		}
	}
	walk(reflect.TypeFor[File](), "")
	// Cameras have the keys of devices.
	missing = slices.DeleteFunc(missing, func(s string) bool { return strings.HasPrefix(s, "cameras") })
	// The code of emergency broadcasting and the location's system stand at one device.
	if len(missing) != 0 {
		t.Errorf("the example does not show %q", missing)
	}
}

func hasPath(f *File, pattern string) bool {
	re := regexp.MustCompile("^" + pattern + "$")
	for path := range f.lines {
		if re.MatchString(path) {
			return true
		}
	}
	return false
}

// TestDefaults: every default tag is a value that the decoder would take.
func TestDefaults(t *testing.T) {
	var walk func(typ reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Map, reflect.Slice, reflect.Pointer:
			walk(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		for _, f := range fields(typ) {
			walk(typ.Field(f.index).Type)
			if !f.preset {
				continue
			}
			preset := reflect.New(typ).Elem()
			fill(preset.Field(f.index), f.initial)
			var d decoder
			read := reflect.New(typ.Field(f.index).Type).Elem()
			d.value(ParseNode("x: "+f.initial).At("x"), read, f.limits)
			if len(d.problems) != 0 || !reflect.DeepEqual(read.Interface(), preset.Field(f.index).Interface()) {
				t.Errorf("%s.%s: %v, %v, %v", typ, f.name, preset.Field(f.index), read, d.problems)
			}
			if f.need {
				t.Errorf("%s.%s is needed and has a default", typ, f.name)
			}
		}
	}
	walk(reflect.TypeFor[File]())
	if d := Default(); d.Root != "fuqiao" || d.Uplink.ReconnectCapMS != 5000 || d.Uplink.TelemetryS != 300 || d.Shutdown.Mode != "stop" || d.State.Dir != "/var/lib/edged" {
		t.Errorf("%+v", d)
	}
	f := parse(t, "gateway: g\noutputs: {o: {line: RELAY}}\ndevices: {s: {model: m}}\namplifiers: {a: {output: o, speakers: [s]}}\n")
	if o := f.Outputs["o"]; o.Safe != "off" || o.MaxOnS != 1200 || o.Remote {
		t.Errorf("an output's defaults: %+v", o)
	}
	if a := f.Amplifiers["a"]; a.WarmUpMS != 300 || a.TailMS != 300 || a.MaxOnS != 600 || a.MinOffS != 2 {
		t.Errorf("an amplifier's defaults: %+v", a)
	}
	if f.Devices["s"].Location != (Location{}) || f.Devices["s"].Options.Path() != "devices.s.options" || f.Devices["s"].Options.Line() != 3 {
		t.Errorf("a device without location and options: %+v", f.Devices["s"])
	}
}

// TestWhere: every value's line can be found later, and a device's options know theirs.
func TestWhere(t *testing.T) {
	f := parse(t, "gateway: g\nbuses:\n  b-1:\n    port: /dev/ttyS1\n    baud: 9600\ndevices:\n  horn-1:\n    model: m\n    options:\n      bus: b-1\n      list:\n      - 1\n      - 2\ngroups:\n  market: [horn-1]\n")
	for path, line := range map[string]int{
		"gateway": 1, "buses": 2, "buses.b-1": 3, "buses.b-1.baud": 5, "buses.b-1.parity": 3, "devices.horn-1.options.bus": 10,
		"devices.horn-1.options.list[1]": 13, "devices.horn-1.options.nowhere.at.all": 9, "groups.market[0]": 15, "outputs.o.line": 1, "": 1,
	} {
		if got := f.Where(path); got != line {
			t.Errorf("%s: line %d, want %d", path, got, line)
		}
	}
	if n := f.Devices["horn-1"].Options.At("bus"); n.Line() != 10 || n.Path() != "devices.horn-1.options.bus" {
		t.Errorf("%s line %d", n.Path(), n.Line())
	}
	if Default().Where("gateway") != 0 {
		t.Error("a File that was not parsed knows lines")
	}
}

// TestDiff: what differs in meaning, and nothing that differs only in notation.
func TestDiff(t *testing.T) {
	base := "gateway: g\nroot: r\nbuses: {b: {port: /dev/ttyS1, baud: 9600}}\ndevices:\n  d: {model: m, options: {bus: b, address: 3, deep: {x: [1, 2]}}}\ngroups: {a: [d]}\n"
	for _, c := range []struct {
		old, new string
		want     []string
	}{
		{"", "", nil},
		{"root: r", "root: r # the same", nil},
		{"{bus: b, address: 3,", "{address: 3, bus: 'b',", nil},
		{"baud: 9600", "baud: 9600, gap_ms: 10", nil},
		{"groups: {a: [d]}\n", "groups:\n  a:\n  - d\n", nil},
		{"baud: 9600", "baud: 19200", []string{"buses.b.baud"}},
		{"address: 3", "address: 4", []string{"devices.d.options"}},
		{"address: 3", "address: '3'", []string{"devices.d.options"}},
		{"x: [1, 2]", "x: [2, 1]", []string{"devices.d.options"}},
		{"x: [1, 2]", "x: [1, 2], y: 1", []string{"devices.d.options"}},
		{"groups: {a: [d]}\n", "groups: {b: [d]}\nlocal: {groups: [tech]}\n", []string{"groups.a", "groups.b", "local.groups"}},
		{"groups: {a: [d]}\n", "", []string{"groups.a"}},
		{"options: {bus: b, address: 3, deep: {x: [1, 2]}}", "name: x", []string{"devices.d.name", "devices.d.options"}},
	} {
		a, b := parse(t, base), parse(t, strings.Replace(base, c.old, c.new, 1))
		for _, got := range [][]string{Diff(a, b), Diff(b, a)} {
			if !slices.Equal(got, c.want) {
				t.Errorf("%q → %q: %v, want %v", c.old, c.new, got, c.want)
			}
		}
	}
}

// TestSchema: the JSON Schema is the golden one, and names every key and limit of
// the grammar.
func TestSchema(t *testing.T) {
	s := Schema()
	golden(t, "edged.schema.json", s)
	var top struct {
		Required   []string
		Properties map[string]json.RawMessage
	}
	if err := json.Unmarshal(s, &top); err != nil {
		t.Fatal(err)
	}
	if len(top.Properties) != len(fields(reflect.TypeFor[File]())) || !slices.Equal(top.Required, []string{"gateway"}) {
		t.Errorf("%d keys, required %v", len(top.Properties), top.Required)
	}
}

// TestLoad: a good file, and everything else that a path can lead to.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("good.yaml"), []byte("gateway: g\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("big.yaml"), make([]byte, 3<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"good.yaml": "",
		"none.yaml": ": cannot be read: there is no such file",
		"pipe":      ": cannot be read: it is not a regular file",
		".":         ": cannot be read: it is not a regular file",
		"big.yaml":  ": the file has more than 1048576 bytes; a configuration is far smaller: is this the right file?",
	} {
		f, problems := Load(path(name))
		switch {
		case want == "" && (f == nil || len(problems) != 0):
			t.Errorf("%s: %v", name, problems)
		case want != "" && (f != nil || len(problems) != 1 || problems[0].Error() != path(name)+want):
			t.Errorf("%s: %v, want %s", name, problems, want)
		}
	}
	if f, problems := Load("/dev/zero"); f != nil || len(problems) != 1 || problems[0].Error() != "/dev/zero: cannot be read: it is not a regular file" {
		t.Errorf("/dev/zero: %v", problems)
	}
}

// TestSentences: the list of sentences is complete, and each has verbs that take a
// string.
func TestSentences(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^\t(?:say|word|yaml)\w+\s*= (?:Word\()?"(.*)"\)?$`)
	listed := Sentences()
	n := 0
	for _, file := range []string{"sentences.go", "yamlwords.go"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllSubmatch(src, -1) {
			n++
			if !slices.Contains(listed, strings.ReplaceAll(string(m[1]), `\\\\`, `\\`)) {
				t.Errorf("not listed: %s", m[1])
			}
		}
	}
	if n != len(listed) {
		t.Errorf("%d declared, %d listed", n, len(listed))
	}
	for _, s := range listed {
		if rest := strings.NewReplacer("%s", "", "%%", "", "begins with % needs", "").Replace(s); strings.Contains(rest, "%") {
			t.Errorf("%q has a verb that is not %%s", s)
		}
	}
}
