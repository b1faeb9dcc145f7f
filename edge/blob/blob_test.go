package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"fuqiao/edged/drivers/fault"
)

func open(t *testing.T, dir string, budget int64) *Store {
	t.Helper()
	s, err := Open(Options{Dir: dir, Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, importance int, data string) Ref {
	t.Helper()
	r, err := s.Put(t.Context(), importance, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, s *Store, name string) string {
	t.Helper()
	f, err := s.Open(name)
	if errors.Is(err, ErrGone) {
		return "gone"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestKeepsWhole: what was put is found again, also by the next life, with its hash, until
// it is removed.
func TestKeepsWhole(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	s := open(t, dir, 1<<20)
	data := strings.Repeat("东门", 50_000)
	ref := put(t, s, 3, data)
	sum := sha256.Sum256([]byte(data))
	if ref.SHA256 != hex.EncodeToString(sum[:]) || ref.Size != int64(len(data)) {
		t.Fatalf("%+v", ref)
	}
	again := open(t, dir, 1<<20)
	if read(t, again, ref.Name) != data || again.Stats() != (Stats{Files: 1, Bytes: int64(len(data))}) {
		t.Fatalf("%+v", again.Stats())
	}
	other := put(t, again, 3, "x")
	if other.Name == ref.Name {
		t.Fatal("a name is used twice")
	}
	for range 2 {
		if err := again.Remove(ref.Name); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, again, ref.Name) != "gone" || again.Stats() != (Stats{Files: 1, Bytes: 1}) {
		t.Fatalf("%+v", again.Stats())
	}
}

// TestOldestOfTheLeastImportantGoes: the budget is kept by giving up what matters least,
// the oldest first, and never for something that matters less.
func TestOldestOfTheLeastImportantGoes(t *testing.T) {
	s := open(t, t.TempDir(), 100)
	part := strings.Repeat("x", 30)
	alarm := put(t, s, 5, part)
	first, second := put(t, s, 1, part), put(t, s, 1, part)
	third := put(t, s, 1, part)
	if read(t, s, first.Name) != "gone" || read(t, s, second.Name) == "gone" || read(t, s, alarm.Name) == "gone" {
		t.Fatal("not the oldest of the least important")
	}
	put(t, s, 5, strings.Repeat("y", 65))
	if read(t, s, second.Name) != "gone" || read(t, s, third.Name) != "gone" || read(t, s, alarm.Name) == "gone" || s.Stats().Dropped != 3 {
		t.Fatalf("%+v", s.Stats())
	}
	if _, err := s.Put(t.Context(), 1, strings.NewReader(part)); !errors.Is(err, ErrRoom) {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Files != 2 || got.Bytes != 95 {
		t.Fatalf("what found no room is counted: %+v", got)
	}
	if _, err := s.Put(t.Context(), 9, strings.NewReader(strings.Repeat("z", 101))); !errors.Is(err, ErrRoom) || read(t, s, alarm.Name) == "gone" || s.Stats().Bytes != 95 {
		t.Fatalf("something was given up for what found no room: %v, %+v", err, s.Stats())
	}
}

// TestHalfIsNothing: a sender that breaks off, a file that is too large, an end of the
// call, and a life that ended in the middle leave nothing behind.
func TestHalfIsNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, MaxSize*2)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want error
	}{
		"breaks off": {t.Context(), io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"too large":  {t.Context(), bytes.NewReader(make([]byte, MaxSize+1)), ErrSize},
		"ended":      {ended, strings.NewReader("abc"), context.Canceled},
	} {
		if _, err := s.Put(c.ctx, 1, c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "part-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("not ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "notes.txt" || s.Stats() != (Stats{}) {
		t.Fatal(left, err, s.Stats())
	}
	for _, name := range []string{"../etc/passwd", "notes.txt", "", "b-1-" + strings.Repeat("0", 82)} {
		if _, err := s.Open(name); !errors.Is(err, fault.BadInput) {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Remove(name); !errors.Is(err, fault.BadInput) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Put(t.Context(), 10, strings.NewReader("x")); !errors.Is(err, fault.BadInput) {
		t.Error(err)
	}
}

// TestMostFits: exactly MaxSize is taken.
func TestMostFits(t *testing.T) {
	s := open(t, t.TempDir(), MaxSize)
	if r, err := s.Put(t.Context(), 0, bytes.NewReader(make([]byte, MaxSize))); err != nil || r.Size != MaxSize {
		t.Fatal(r, err)
	}
}
