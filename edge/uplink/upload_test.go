package uplink

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/edge/journal"
)

// shop is a server that takes uploads in pieces.
type shop struct {
	mu     sync.Mutex
	files  map[string][]byte
	whole  map[string]bool
	asked  int
	pieces []int
	// answer may answer instead; it is called with mu held.
	answer func(w http.ResponseWriter, r *http.Request, n int) bool
	n      int
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if err != nil || s.answer != nil && s.answer(w, r, s.n) {
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	var first, last, size int
	if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes */%d", &size); err == nil {
		s.asked++
	} else if _, err := fmt.Sscanf(r.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &size); err != nil || last-first+1 != len(body) || first != len(s.files[name]) {
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	s.files[name] = append(s.files[name], body...)
	if len(body) > 0 {
		s.pieces = append(s.pieces, len(body))
	}
	switch have := len(s.files[name]); {
	case have >= size:
		s.whole[name] = true
		w.WriteHeader(http.StatusCreated)
	default:
		if have > 0 {
			w.Header().Set("Range", fmt.Sprintf("bytes=0-%d", have-1))
		}
		w.WriteHeader(http.StatusPermanentRedirect)
	}
}

func (s *shop) state(name string) (data []byte, whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.files[name]), s.whole[name]
}

// upload runs an Upload against a shop until the test ends, or until end is called.
func upload(t *testing.T, s *shop, a *album, j *shelf, change func(*Upload)) (n *notices, end func()) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	n = &notices{}
	u := NewUpload(UploadConfig{URL: server.URL + "/files", Gateway: "gw-1", Journal: j, Media: a.media, Notice: n.note,
		Rate: func() float64 { return 200_000 }, Random: func() float64 { return 0 }, Log: slog.New(slog.DiscardHandler)})
	if change != nil {
		change(u)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = u.Run(ctx) }()
	end = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(end)
	return n, end
}

// until waits for what happens soon.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not seen: %s", what)
		case <-tick.C:
		}
	}
}

func newShop() *shop { return &shop{files: map[string][]byte{}, whole: map[string]bool{}} }

// TestUpload: a picture goes with one request, a clip in pieces of what the path carries in
// 250 ms; with the last one the record and the file are done with.
func TestUpload(t *testing.T) {
	a := &album{size: map[string]int{"picture": 40_000, "clip": 1_000_000}}
	s, j := newShop(), newShelf(testRun)
	s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		manifest, err := base64.StdEncoding.DecodeString(r.Header.Get("Edged-Manifest"))
		if err != nil || r.Method != http.MethodPut || !strings.HasPrefix(r.URL.Path, "/files/gw-1/") || len(manifest) == 0 {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		return false
	}
	j.add(testRun, journal.Media, "picture")
	j.add(testRun, journal.Media, "clip")
	upload(t, s, a, j, nil)
	until(t, "all", func() bool { return j.open() == 0 })
	for name := range a.size {
		if data, whole := s.state(a.sha(name)); !whole || !bytes.Equal(data, a.data(name)) {
			t.Errorf("%s: %d bytes", name, len(data))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked != 1 || s.pieces[0] != 39_998 || s.pieces[1] > 50_000 || s.pieces[1] < 45_000 || len(s.pieces) < 20 {
		t.Errorf("asked %d times, pieces %v", s.asked, s.pieces)
	}
	until(t, "the ends", func() bool { return a.now() == (counts{2, 2, 2}) })
}

// TestUploadGoesOn: connections that break in a piece, a server that answers 500 and a new
// life of ours go on behind what the server has; nothing is sent twice but what it did not
// have.
func TestUploadGoesOn(t *testing.T) {
	a := &album{size: map[string]int{"clip": 1_000_000}}
	s, j := newShop(), newShelf(testRun)
	s.answer = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch n {
		case 4, 5:
			w.WriteHeader(http.StatusInternalServerError)
		case 8:
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	}
	j.add(testRun, journal.Media, "clip")
	var sent int
	half := make(chan struct{})
	n, end := upload(t, s, a, j, func(u *Upload) {
		u.sent = func() {
			if sent++; sent == 10 {
				close(half)
			}
		}
	})
	<-half
	end()
	data, whole := s.state(a.sha("clip"))
	if whole || len(data) == 0 || j.open() != 1 || a.now().done != 0 {
		t.Fatalf("%d bytes, %v, %+v", len(data), whole, a.now())
	}
	if _, raised := n.get(condUpload); !raised {
		t.Error("the failures were not told")
	}
	n, _ = upload(t, s, a, j, nil)
	until(t, "the rest", func() bool { return j.open() == 0 })
	if data, whole := s.state(a.sha("clip")); !whole || !bytes.Equal(data, a.data("clip")) {
		t.Errorf("%d bytes", len(data))
	}
	if _, raised := n.get(condUpload); raised {
		t.Error("still raised")
	}
}

// TestUploadRefused: a file that the server does not want holds no other up, and stays.
func TestUploadRefused(t *testing.T) {
	a := &album{size: map[string]int{"bad": 1000, "good": 2000}}
	s, j := newShop(), newShelf(testRun)
	s.answer = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		if strings.HasSuffix(r.URL.Path, a.sha("bad")) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return true
		}
		return false
	}
	j.add(testRun, journal.Media, "bad")
	j.add(testRun, journal.Media, "good")
	upload(t, s, a, j, nil)
	until(t, "the good one", func() bool { _, whole := s.state(a.sha("good")); return whole })
	until(t, "its end", func() bool { return j.open() == 1 })
}

// TestUploadStuck: a server that never gets further is given a rest, and one that says that
// it has all when it cannot have is not believed.
func TestUploadStuck(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"never further": func(w http.ResponseWriter) { w.WriteHeader(http.StatusPermanentRedirect) },
		"too far": func(w http.ResponseWriter) {
			w.Header().Set("Range", "bytes=0-5000000")
			w.WriteHeader(http.StatusPermanentRedirect)
		},
		"nonsense": func(w http.ResponseWriter) {
			w.Header().Set("Range", "lines=1-2")
			w.WriteHeader(http.StatusPermanentRedirect)
		},
	} {
		a := &album{size: map[string]int{"clip": 200_000}}
		s, j := newShop(), newShelf(testRun)
		s.answer = func(w http.ResponseWriter, _ *http.Request, _ int) bool { answer(w); return true }
		j.add(testRun, journal.Media, "clip")
		n, end := upload(t, s, a, j, nil)
		until(t, name, func() bool { _, raised := n.get(condUpload); return raised })
		end()
		if j.open() != 1 || a.now().done != 0 {
			t.Errorf("%s: done with", name)
		}
	}
}
