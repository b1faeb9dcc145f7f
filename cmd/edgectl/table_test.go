package main

import (
	"strings"
	"testing"
)

// TestColumnsOnScreen: Chinese words take two places each, so what follows them stands in
// one column all the same.
func TestColumnsOnScreen(t *testing.T) {
	var b strings.Builder
	if err := columns(&b, "设备\tNAME\t当前", [][]any{{"dome-1", "小闸口1号球机", "idle"}, {"d", "x", "talks"}}); err != nil {
		t.Fatal(err)
	}
	want := "设备    NAME           当前\n" +
		"dome-1  小闸口1号球机  idle\n" +
		"d       x              talks\n"
	if b.String() != want {
		t.Errorf("\n%s\nwant\n%s", b.String(), want)
	}
}
