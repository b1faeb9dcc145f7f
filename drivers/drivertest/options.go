package drivertest

import (
	"strings"
	"testing"

	"fuqiao/edged/config"
)

// Options is what stands below `options:` of a device in a configuration file, for
// a model's Check and Open. The device is "device-1" in edged.yaml, and the first line
// of text is line 6 of the file.
func Options(t testing.TB, text string) config.Node {
	t.Helper()
	file := "gateway: g\ndevices:\n  device-1:\n    model: m\n    options:\n"
	for l := range strings.Lines(text) {
		file += "      " + l
	}
	f, _ := config.Parse("edged.yaml", []byte(file)) // the file has its own judge; here only the options count
	if f == nil {
		t.Fatalf("no YAML:\n%s", file)
	}
	return f.Devices["device-1"].Options
}
