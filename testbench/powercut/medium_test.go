package powercut

import (
	"bytes"
	"errors"
	"syscall"
	"testing"
)

func fill(b byte) []byte { return bytes.Repeat([]byte{b}, sector) }

// TestCutTearsWhatIsNotFlushed: what was flushed is there; of what came later every sector
// is as it was flushed or one of the versions since, each of them sometimes; nothing else.
func TestCutTearsWhatIsNotFlushed(t *testing.T) {
	seen := map[[2]byte]int{}
	for seed := range uint64(400) {
		m := newMedium(make([]byte, 4*sector), 0, seed)
		must(t, m.writeAt(append(fill(1), fill(1)...), 0))
		must(t, m.flush())
		must(t, m.writeAt(append(fill(2), fill(2)...), 0))
		must(t, m.writeAt(fill(3), sector))
		image := m.cut()
		for at := range 4 {
			s := image[at*sector : (at+1)*sector]
			if !bytes.Equal(s, fill(s[0])) {
				t.Fatalf("sector %d is torn within itself", at)
			}
		}
		if image[2*sector] != 0 || image[3*sector] != 0 {
			t.Fatal("what was not written has changed")
		}
		seen[[2]byte{image[0], image[sector]}]++
		if err := m.writeAt(fill(9), 0); !errors.Is(err, syscall.EIO) {
			t.Fatalf("a medium without power takes a write: %v", err)
		}
		if err := m.flush(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("and a flush: %v", err)
		}
	}
	for _, first := range []byte{1, 2} {
		for _, second := range []byte{1, 2, 3} {
			if seen[[2]byte{first, second}] == 0 {
				t.Errorf("never seen: %d and %d of %v", first, second, seen)
			}
		}
	}
	if len(seen) != 6 {
		t.Errorf("%v", seen)
	}
}

// TestALyingMedium drops the part of flushes that it is asked to drop, and counts them.
func TestALyingMedium(t *testing.T) {
	m := newMedium(make([]byte, 2*sector), 1, 1)
	must(t, m.writeAt(fill(1), 0))
	must(t, m.flush())
	if c := m.seen(); c.Dropped != 1 || c.Flushes != 0 || len(m.written) != 1 {
		t.Errorf("%+v", c)
	}
	for _, bad := range []struct{ off, n int64 }{{1, sector}, {0, 100}, {2 * sector, sector}} {
		if err := m.writeAt(make([]byte, bad.n), bad.off); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
