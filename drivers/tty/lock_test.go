package tty

import "testing"

func TestFlockOwner(t *testing.T) {
	// The layout is proc_locks(5)'s; the numbers are made up.
	const table = `1: POSIX  ADVISORY  WRITE 311 00:18:1130 0 EOF
2: FLOCK  ADVISORY  WRITE 4711 00:18:5 0 EOF
2: -> FLOCK  ADVISORY  WRITE 4712 00:18:5 0 EOF
3: POSIX  ADVISORY  WRITE 99 00:18:6 0 EOF
broken line
`
	for _, c := range []struct {
		dev, inode uint64
		want       string
	}{
		{0x18, 5, "4711"},
		{0x18, 6, ""}, // a lock of another kind
		{0x18, 51, ""},
		{0x19, 5, ""},
	} {
		if got := flockOwner(table, c.dev, c.inode); got != c.want {
			t.Errorf("device %x inode %d: %q, want %q", c.dev, c.inode, got, c.want)
		}
	}
}
