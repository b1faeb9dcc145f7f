package main

import "testing"

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, "", "0"}, {3, "", "3"}, {0.18571428571428573, "/", "18.57 %"}, {2.45548032e10, "B", "22.87 GiB"}, {14045184, "B", "13.4 MiB"},
		{21, "B", "21 B"}, {1024, "B", "1 KiB"}, {0.000977506, "s", "0.9775 ms"}, {3.147299001, "s", "3.147 s"}, {0, "s", "0 s"}, {86400, "s", "86400 s"},
	} {
		if got := amount(c.v, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}
