package uplink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// album are pictures and clips by the name in their record.
type album struct {
	size map[string]int

	mu sync.Mutex
	counts
}

// counts are how often media were opened, closed and done with.
type counts struct{ open, closed, done int }

// now are the counts so far.
func (a *album) now() counts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts
}

func (a *album) count(n *int) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	*n++
	return nil
}

func (a *album) data(name string) []byte { return bytes.Repeat([]byte(name), a.size[name]/len(name)) }

func (a *album) sha(name string) string {
	sum := sha256.Sum256(a.data(name))
	return hex.EncodeToString(sum[:])
}

// media is Config.Media.
func (a *album) media(rec journal.Record, historical bool) (Media, error) {
	name := string(rec.Data)
	_ = a.count(&a.open)
	return Media{SHA256: a.sha(name), Size: int64(len(a.data(name))), Data: bytes.NewReader(a.data(name)),
		Manifest: func(partBytes, parts int) []byte {
			return fmt.Appendf(nil, "%s %d %d %v", name, partBytes, parts, historical)
		},
		Close: func() error { return a.count(&a.closed) },
		Done:  func() error { return a.count(&a.done) },
	}, nil
}

// got is what came of a file: its manifests, how often each part, and the content.
func (s *street) got(sha string) (manifests []string, parts map[string]int, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts = map[string]int{}
	for _, p := range s.seen {
		rest, ours := strings.CutPrefix(p.TopicName, "fuqiao/v1/gw-1/media/"+sha)
		switch {
		case !ours:
		case rest == "":
			manifests = append(manifests, string(p.Payload))
		default:
			if parts[rest]++; parts[rest] == 1 {
				data = append(data, p.Payload...)
			}
		}
	}
	return manifests, parts, data
}

func withAlbum(a *album, ack Ack) func(*Config) {
	return func(c *Config) {
		c.Ack, c.Media = ack, a.media
		c.Feeds = append(c.Feeds, Feed{Class: journal.Media, Channel: wire.ChanMedia})
	}
}

// TestMediaInParts: a manifest and then the parts, one at a time, once each over an
// unbroken session; the record is done with the last part, and the file only then.
func TestMediaInParts(t *testing.T) {
	a := &album{size: map[string]int{"picture": 40_000, "clip": 3_000_000}}
	inBubble(t, withAlbum(a, ByBroker), func(t *testing.T, r *rig) {
		r.j.add(testRun, journal.Media, "picture")
		r.j.add(testRun, journal.Media, "clip")
		time.Sleep(10 * time.Second)
		for name := range a.size {
			manifests, parts, data := r.s.got(a.sha(name))
			if len(manifests) != 1 || !strings.HasPrefix(manifests[0], name+" ") || !bytes.Equal(data, a.data(name)) {
				t.Errorf("%s: manifests %q, %d parts, %d bytes", name, manifests, len(parts), len(data))
			}
			for part, n := range parts {
				if n != 1 {
					t.Errorf("%s: part %s came %d times", name, part, n)
				}
			}
		}
		if r.j.open() != 0 || a.now() != (counts{2, 2, 2}) || r.Stats().Records != 2 {
			t.Errorf("%d records open; %+v; %+v", r.j.open(), a.now(), r.Stats())
		}
	})
}

// TestMediaGoesOn: a clip whose session breaks goes on behind the last part that arrived,
// with the same parts; nothing of it is removed before the last one has arrived.
func TestMediaGoesOn(t *testing.T) {
	a := &album{size: map[string]int{"clip": 2_000_000}}
	slow := func(c *Config) {
		withAlbum(a, ByBroker)(c)
		c.Ceiling = 200_000
	}
	inBubble(t, slow, func(t *testing.T, r *rig) {
		r.j.add(testRun, journal.Media, "clip")
		breaks := 0
		for r.j.open() > 0 && breaks < 1000 {
			time.Sleep(200 * time.Millisecond)
			_, parts, _ := r.s.got(a.sha("clip"))
			if len(parts) > breaks*10 {
				if a.now().done != 0 {
					t.Fatal("removed before its end")
				}
				r.s.cut()
				breaks++
				time.Sleep(3 * time.Second)
			}
		}
		manifests, parts, data := r.s.got(a.sha("clip"))
		again := 0
		for _, n := range parts {
			again += n - 1
		}
		if len(manifests) != 1 || !bytes.Equal(data, a.data("clip")) || breaks < 3 || again > breaks {
			t.Errorf("%d breaks: manifests %q, %d parts, %d of them again, %d bytes", breaks, manifests, len(parts), again, len(data))
		}
		if a.now() != (counts{1, 1, 1}) {
			t.Errorf("%+v", a.now())
		}
	})
}

// TestMediaYields: pictures of the backlog go when it is their turn by age, one part at a
// time, and a live alarm goes between two parts.
func TestMediaYields(t *testing.T) {
	a := &album{size: map[string]int{}}
	s := newRig(&street{}, withAlbum(a, ByBroker))
	for i := range 3 {
		name := fmt.Sprintf("p%d", i)
		a.size[name] = 10_000
		s.j.add(oldRun, journal.Media, name)
	}
	s.j.add(oldRun, journal.Event, `{"n":1}`)
	l := newLink(s.Uplink, nil, Session{})
	s.up(Session{}, false)
	var got []string
	next := func() {
		it, ok := l.pick(pickAll, time.Now())
		switch {
		case !ok:
			got = append(got, "-")
		case it.part != nil:
			got = append(got, fmt.Sprintf("%.2s/%d", it.msg.Payload, it.number))
			l.moved(it.part, it.number)
		default:
			got = append(got, fmt.Sprint(it.rec.Class))
		}
	}
	next() // the manifest of the oldest
	next() // and a part
	s.j.add(testRun, journal.Alarm, `{"n":100}`)
	l.p.grown()
	for range 12 {
		next()
	}
	want := "p0/0 p0/1 alarm p0/2 p0/3 p1/0 p1/1 p1/2 p1/3 p2/0 event p2/1 p2/2 p2/3"
	if strings.Join(got, " ") != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

// TestMediaAcknowledgedByThePlatform: where the platform's word counts, the file stays
// until it has come, and all of it is sent again when it does not.
func TestMediaAcknowledgedByThePlatform(t *testing.T) {
	a := &album{size: map[string]int{"clip": 500_000}}
	inBubble(t, withAlbum(a, ByPlatform), func(t *testing.T, r *rig) {
		r.j.add(testRun, journal.Media, "clip")
		time.Sleep(5 * time.Second)
		if _, _, data := r.s.got(a.sha("clip")); !bytes.Equal(data, a.data("clip")) || a.now().done != 0 || r.j.open() != 1 {
			t.Fatalf("%d bytes, %+v", len(data), a.now())
		}
		time.Sleep(time.Minute)
		if m, parts, _ := r.s.got(a.sha("clip")); len(m) != 2 || parts["/1"] != 2 || a.now().done != 0 {
			t.Fatalf("not sent again: %q %v", m, parts)
		}
		r.s.ack(t, "media", [2]uint64{1, 1})
		time.Sleep(2 * time.Minute)
		if m, _, _ := r.s.got(a.sha("clip")); len(m) != 2 || a.now().done != 1 || r.j.open() != 0 || a.now().open != a.now().closed {
			t.Errorf("%d manifests, %+v, %d open", len(m), a.now(), r.j.open())
		}
	})
}
