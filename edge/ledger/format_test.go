package ledger

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The file of version 1 is read as it was written when that version was made: an
// order open on one device and closed on another, a state order, a settled one.
func TestReadsVersion1(t *testing.T) {
	const path = "testdata/ledger-v1"
	g := geometry{segments: 6, size: 3 << 10}
	first := order("op-1", 1)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		d := newMem()
		r := startWith(t, Options{FS: d, Run: "0123456789abcdef", geometry: g})
		r.intent(first, "horn-1", "horn-2")
		r.close(first, "horn-2")
		r.fresh(order("op-1", 2))
		r.Seq(order("op-1", 2))
		r.intent(order("op-2", 3), "horn-1")
		r.close(order("op-2", 3), "horn-1")
		r.sync()
		r.Journalled(order("op-2", 3), "horn-1")
		r.sync()
		r.halt()
		if err := os.WriteFile(path, d.files[fileName].data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := newMem()
	d.files[fileName] = &memFile{d: d, name: fileName, data: data}
	if p, err := reread(Options{FS: d, geometry: g}); err != nil || p.damaged() != 0 {
		t.Fatalf("damaged %d, %v", p.damaged(), err)
	}
	l, err := Open(context.Background(), Options{FS: d, geometry: g})
	if err != nil {
		t.Fatal(err)
	}
	got := l.Recover()
	if len(got) != 2 || got[0].Device != "horn-1" || got[0].Terminal != nil || !bytes.Equal(got[1].Terminal, terminal(first, "horn-2")) {
		t.Errorf("recovered %+v", got)
	}
	for _, o := range []struct {
		kid string
		n   uint64
	}{{"op-1", 1}, {"op-1", 2}, {"op-2", 3}} {
		if v, _ := l.Admit(order(o.kid, o.n), true); v != Repeat {
			t.Errorf("%s %d is %v", o.kid, o.n, v)
		}
	}
	if _, stored := l.Admit(order("op-2", 3), true); !bytes.Equal(stored, terminal(order("op-2", 3), "horn-1")) {
		t.Errorf("stored result %q", stored)
	}
}

// A directory that cannot be there does not keep the ledger from working in RAM, and
// once it can, the file is made.
func TestRealDirectoryComesLate(t *testing.T) {
	block := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(block, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(context.Background(), Options{Dir: filepath.Join(block, "ledger")})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := l.Admit(order("op-1", 1), true); v != Fresh {
		t.Error(v)
	}
	if err := l.mend(); err == nil {
		t.Error("mended on a file in the place of a directory")
	}
	if err := os.Remove(block); err != nil {
		t.Fatal(err)
	}
	if err := l.mend(); err != nil {
		t.Fatal(err)
	}
	r := turn(t, l)
	r.intent(order("op-1", 2), "horn-1")
	r.halt()
	if err := l.Shut(); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(filepath.Join(block, "ledger", fileName))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 12<<20 {
		t.Errorf("%v %v", info, err)
	}
}
