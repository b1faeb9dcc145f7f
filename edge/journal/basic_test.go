package journal

import (
	"errors"
	"slices"
	"testing"

	"fuqiao/edged/drivers/fault"
)

func TestRecordsComeBackInOrder(t *testing.T) {
	dir := t.TempDir()
	a := start(t, Options{Dir: dir, Run: "a"})
	for i := range 20 {
		if seq := a.put(Event, rec("a", 500)); seq != Seq(i+1) {
			t.Fatalf("record %d got number %d", i+1, seq)
		}
	}
	a.put(Alarm, `{"x":1}`)
	a.close()
	b := start(t, Options{Dir: dir, Run: "b"})
	b.put(Event, `{"b":1}`)
	got := ids(all(t, b.Journal, Event))
	if len(got) != 21 || got[0] != "a/1" || got[19] != "a/20" || got[20] != "b/1" {
		t.Fatal(got)
	}
	if got := ids(all(t, b.Journal, Alarm)); !slices.Equal(got, []string{"a/1"}) {
		t.Fatal(got)
	}
	bk := readBooks(t, b.Journal)
	want := []Closed{{Run: "a", Class: Event, Last: 20, Why: "clean"}, {Run: "a", Class: Alarm, Last: 1, Why: "clean"}}
	for i := range bk.closed {
		bk.closed[i].MonoMS = 0
	}
	if !slices.Equal(bk.closed, want) || len(bk.gaps) != 0 {
		t.Fatalf("%+v", bk)
	}
	if n := b.NextSeq(); n[Event] != 2 || n[Alarm] != 1 || n[Gap] != 3 {
		t.Fatal(n)
	}
}

func TestAcknowledgedIsNotSentAgain(t *testing.T) {
	dir := t.TempDir()
	a := start(t, Options{Dir: dir, Run: "a"})
	for range 10 {
		a.put(Event, rec("a", 100))
	}
	a.Ack("a", Event, Range{2, 4}, Range{9, 99})
	a.Ack("zz", Event, Range{1, 10})
	a.Ack("a", "nothing", Range{1, 10})
	a.Ack("a", Event, Range{0, 1}, Range{2, 2})
	if got := ids(all(t, a.Journal, Event)); !slices.Equal(got, []string{"a/5", "a/6", "a/7", "a/8"}) {
		t.Fatal(got)
	}
	a.close()
	b := start(t, Options{Dir: dir, Run: "b"})
	if got := ids(all(t, b.Journal, Event)); !slices.Equal(got, []string{"a/5", "a/6", "a/7", "a/8"}) {
		t.Fatal(got)
	}
	b.Ack("a", Event, Range{5, 8})
	if got := all(t, b.Journal, Event); len(got) != 0 {
		t.Fatal(got)
	}
	if s := b.Stats().Classes[Event]; s.Records != 0 || s.Bytes != 0 || s.Oldest != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestRefusedRecords(t *testing.T) {
	a := start(t, Options{FS: newMemFS(), Run: "a"})
	for _, x := range []struct {
		class Class
		data  string
	}{
		{"other", `{"a":1}`}, {Event, ``}, {Event, `{}`}, {Event, `[1]`}, {Event, `{"a":1`}, {Media, ``},
		{Event, rec("big", MaxRecord+100)}, {Media, rec("big", MaxMedia+100)},
	} {
		if _, err := a.Append(t.Context(), x.class, []byte(x.data)); !errors.Is(err, fault.BadInput) {
			t.Errorf("%s %.20s: %v", x.class, x.data, err)
		}
	}
	if n := a.NextSeq(); n[Event] != 1 {
		t.Fatal("a refused record took a number")
	}
	big := rec("big", MaxRecord)
	a.put(Event, big[:len(big)-20]+`"}`)
	a.put(Media, string(make([]byte, MaxMedia)))
}
