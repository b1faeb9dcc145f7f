package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/street"
)

// picture is n random bytes and their hash.
func picture(seed uint64, n int) ([]byte, string) {
	b := make([]byte, n)
	dice := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = dice.Read(b) // never fails
	sum := sha256.Sum256(b)
	return b, hex.EncodeToString(sum[:])
}

// has tells whether the platform has a file whole.
func has(s *street.Street, sha string, want []byte) (whole bool) {
	s.Platform.Look(func(b *platform.Books) {
		f := b.Files[sha]
		whole = f != nil && bytes.Equal(f.Whole(), want)
	})
	return whole
}

// clips lists the files that wait in the daemon's store.
func clips(t *testing.T, s *street.Street) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.State, "media"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestPictures: an event comes with a picture and a clip while there is no broker, and the
// daemon is killed while the clip is on its way. The platform gets the event with the
// hashes of both, and both with exactly those; then nothing of them is left on the box.
func TestPictures(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{})
	small, smallSum := picture(1, 40<<10)
	clip, clipSum := picture(2, 3<<20)
	must(t, s.Link.Set(proxy.Cut))
	if code, err := s.Camera.EventWith(within(t), "p1", "intrusion", true, small, clip); code != 202 || err != nil {
		t.Fatal(code, err)
	}
	if n := clips(t, s); len(n) != 1 || !strings.HasSuffix(n[0], clipSum) {
		t.Errorf("the clip is kept as %q", n)
	}
	s.Link.Shape(1<<20, 5*time.Millisecond) // so that there is time to kill it in between
	must(t, s.Link.Set(proxy.Pass))
	soon(t, "the first part of the clip", func() (begun bool) {
		s.Platform.Look(func(b *platform.Books) { begun = b.Files[clipSum] != nil })
		return begun
	})
	must(t, s.Service.Kill9())
	must(t, s.Service.WaitReady(within(t), 2))
	soon(t, "the picture", func() bool { return has(s, smallSum, small) })
	soon(t, "the clip", func() bool { return has(s, clipSum, clip) })
	soon(t, "the event", func() bool { return came(s, "p1") == 1 })
	var data struct {
		Media []wire.MediaRef `json:"media"`
	}
	must(t, json.Unmarshal(events(s, wire.TypeCamera)[0].Data, &data))
	if m := data.Media; len(m) != 2 || m[0].SHA256 != smallSum || m[1].SHA256 != clipSum || m[1].Size != 3<<20 || m[0].Dropped+m[1].Dropped != "" {
		t.Errorf("the event names %+v", m)
	}
	soon(t, "an empty store", func() bool { return len(clips(t, s)) == 0 })
	balanced(t, s)
}

// TestClipsBeyondTheBudget: clips that there is no room for are given up, the oldest of
// those without an alarm first; each event or manifest says so, and no event is lost.
func TestClipsBeyondTheBudget(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Change: func(c string) string {
		return strings.Replace(c, "state:\n", "state:\n  media_mib: 3\n", 1)
	}})
	must(t, s.Link.Set(proxy.Cut))
	sums := map[string]string{}
	for i, e := range []struct {
		id    string
		alarm bool
		size  int
	}{{"old", false, 1 << 20}, {"alarm", true, 1 << 20}, {"new", false, 1 << 20}, {"newest", false, 1 << 20}, {"huge", true, 3<<20 + 1}} {
		data, sum := picture(uint64(10+i), e.size)
		sums[e.id] = sum
		if code, err := s.Camera.EventWith(within(t), e.id, "line", e.alarm, data); code != 202 || err != nil {
			t.Fatal(e.id, code, err)
		}
	}
	must(t, s.Link.Set(proxy.Pass))
	soon(t, "all manifests", func() (all bool) {
		s.Platform.Look(func(b *platform.Books) {
			all = len(b.Files) == 4
			for _, f := range b.Files {
				all = all && !f.At.IsZero()
			}
		})
		return all
	})
	balanced(t, s)
	s.Platform.Look(func(b *platform.Books) {
		for id, gone := range map[string]string{"old": "quota", "new": "", "newest": "", "alarm": ""} {
			if f := b.Files[sums[id]]; f.Gone != gone || (f.Whole() == nil) != (gone != "") {
				t.Errorf("%s: %+v", id, f.Manifest)
			}
		}
		if b.Files[sums["huge"]] != nil {
			t.Error("what did not fit was announced")
		}
	})
	for _, e := range events(s, wire.TypeCamera) {
		if strings.Contains(string(e.Data), `"id":"huge"`) != strings.Contains(string(e.Data), `"dropped":"quota"`) {
			t.Errorf("%s", e.Data)
		}
	}
}
