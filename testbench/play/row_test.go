package play_test

import (
	"strings"
	"testing"

	"fuqiao/edged/testbench/play"
)

func TestRows(t *testing.T) {
	rows := []play.Row{
		play.Beside("append-1", 1234.5, 1500, "records/s", "≥ 0.5 × limit", true),
		play.Most("size", 16.25, 16, "MiB"),
	}
	var b strings.Builder
	if err := play.Table(&b, rows); err != nil {
		t.Fatal(err)
	}
	want := "name      value  unit       limit  ratio  bar            holds\n" +
		"append-1  1234   records/s  1500   0.823  ≥ 0.5 × limit  yes\n" +
		"size      16.2   MiB        -      -      ≤ 16.0         NO\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	if err := play.Lines(&b, rows); err != nil {
		t.Fatal(err)
	}
	want = `{"name":"append-1","value":1234.5,"unit":"records/s","limit":1500,"ratio":0.823,"bar":"≥ 0.5 × limit","holds":true}` + "\n" +
		`{"name":"size","value":16.25,"unit":"MiB","bar":"≤ 16.0","holds":false}` + "\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
