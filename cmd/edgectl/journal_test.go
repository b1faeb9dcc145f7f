package main_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"

	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/street"
)

// TestJournal: beside the living daemon whose uplink is cut, after its kill -9 and on a copy
// of the directory the books say that three events and a picture wait; cat shows them,
// export carries them away whole, verify finds nothing, and then a flipped bit with its
// place; all of it in both languages within 80 columns.
func TestJournal(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1})
	d := desk(t, s, "li")
	must(t, s.Link.Set(proxy.Cut))
	picture := bytes.Repeat([]byte("图"), 9000)
	for _, id := range []string{"one", "two"} {
		if code, err := s.Camera.Event(within(t), id, "motion"); code != 202 || err != nil {
			t.Fatal(code, err)
		}
	}
	if code, err := s.Camera.EventWith(within(t), "three", "motion", false, picture); code != 202 || err != nil {
		t.Fatal(code, err)
	}
	look := func(when string, where ...string) {
		t.Helper()
		r := d.run(t, append([]string{"journal", "status", "--json"}, where...)...)
		r.expect(t, 0)
		var books struct {
			Streams []struct {
				Class                     string
				Last, Done, Told, Waiting uint64
			}
		}
		must(t, json.Unmarshal([]byte(r.out), &books))
		waiting := map[string]uint64{}
		for _, b := range books.Streams {
			waiting[b.Class] += b.Waiting
			if b.Done+b.Told+b.Waiting != b.Last {
				t.Errorf("%s: %+v", when, b)
			}
		}
		if waiting["event"] < 3 || waiting["media"] != 1 { // with the condition of the outage
			t.Errorf("%s: %v", when, waiting)
		}
		for _, lang := range []string{"en", "zh"} {
			r := d.run(t, append([]string{"journal", "status", "--lang", lang}, where...)...)
			r.expect(t, 0)
			for line := range strings.SplitSeq(r.out, "\n") {
				if w := text.StringWidthWithoutEscSequences(line); w > 80 && !strings.Contains(line, s.State) && !strings.Contains(line, "copy") {
					t.Errorf("%s, %s: %d columns: %s", when, lang, w, line)
				}
			}
		}
		r = d.run(t, append([]string{"journal", "cat", "--class", "event"}, where...)...)
		r.expect(t, 0)
		if n := strings.Count(r.out, `\"id\":\"`) + strings.Count(r.out, `"camera_event_id"`); n < 3 {
			t.Errorf("%s: %s", when, r.out)
		}
		d.run(t, append([]string{"journal", "verify"}, where...)...).expect(t, 0)
	}
	look("beside the daemon", s.State)
	look("by the configuration", "--config", s.File)
	must(t, s.Service.Kill9())
	must(t, s.Service.WaitEnded(within(t), 1))
	look("after its end", s.State)
	dir := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join(s.State, "journal"))))
	look("a copy", dir)

	file := filepath.Join(t.TempDir(), "box.tar")
	r := d.run(t, "journal", "export", "--to", file, dir)
	r.expect(t, 0)
	raw, err := os.ReadFile(file)
	must(t, err)
	if sum := sha256.Sum256(raw); !strings.Contains(r.out, hex.EncodeToString(sum[:])) {
		t.Errorf("%s", r.out)
	}
	sum := sha256.Sum256(picture)
	names := map[string]string{}
	for a := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := a.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		data, err := io.ReadAll(a)
		must(t, err)
		names[h.Name] = string(data)
	}
	if names["media/"+hex.EncodeToString(sum[:])] != string(picture) || strings.Count(names["records.jsonl"], `"class":"event"`) < 3 || !strings.Contains(names["MANIFEST.json"], hex.EncodeToString(sum[:])) {
		t.Errorf("%d files: %s", len(names), names["MANIFEST.json"])
	}
	if r := d.run(t, "journal", "export", "--to", file, dir); r.code != 1 {
		t.Errorf("an export over another: %+v", r)
	}

	hurt := ""
	for seg := range 20 {
		path := filepath.Join(dir, "seg-"+"0000"+string(rune('0'+seg/10))+string(rune('0'+seg%10)))
		b, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(b, []byte(`"two"`)) {
			continue
		}
		b[bytes.Index(b, []byte(`"two"`))] ^= 1
		must(t, os.WriteFile(path, b, 0o600))
		hurt = filepath.Base(path)
	}
	r = d.run(t, "journal", "verify", "--lang", "en", dir)
	if r.code != 1 || !strings.Contains(r.out, hurt+":") || !strings.Contains(r.out, "damaged: event ") {
		t.Errorf("a flipped bit in %s: %+v", hurt, r)
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"journal", "status", t.TempDir()}, 1},
		{[]string{"journal", "status", "a", "b"}, 2},
		{[]string{"journal", "cat", "--class", "nonsense", dir}, 2},
		{[]string{"journal", "export", dir}, 2},
		{[]string{"journal", "verify", "--config", "/nowhere.yaml"}, 2},
	} {
		if r := d.run(t, c.args...); r.code != c.code || r.errs == "" {
			t.Errorf("%v: %+v", c.args, r)
		}
	}
}
