package bench

import "testing"

func TestAppendRates(t *testing.T) {
	for _, w := range []int{1, 64} {
		a, b, err := appendRates(t.Context(), t.TempDir(), w, 3200/w/max(1, 32/w))
		t.Log(w, a, b, a/b, err)
	}
}
