package webhook_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/webhook"
)

// body makes a multipart body with the boundary x; each part is its headers and content.
func body(parts ...[2]string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--x\r\n" + p[0] + "\r\n\r\n" + p[1] + "\r\n")
	}
	return b.String() + "--x--\r\n"
}

const (
	jsonPart = "Content-Type: application/json"
	jpegPart = "Content-Type: image/jpeg\r\nContent-Disposition: form-data; name=\"p\"; filename=\"p.jpg\""
)

// withMedia is a bench whose emit reads pictures through and notes them.
func withMedia(t *testing.T, most int64) (*bench, func() []string) {
	b := newBench(t, func(c *webhook.Config) { c.MaxMedia, c.MediaWithin = most, 5*time.Second })
	var seen []string
	b.keep = func(_ context.Context, e drivers.Event) error {
		for e.Media != nil {
			m, err := e.Media()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			data, err := io.ReadAll(m.Body)
			if err != nil {
				return err
			}
			b.set(func() { seen = append(seen, m.MIME+" "+string(data)) })
		}
		return nil
	}
	return b.watch(), func() []string { b.mu.Lock(); defer b.mu.Unlock(); return seen }
}

// TestPictures: an event with pictures behind it, in the three kinds of multipart, with
// its id in the request's header, in a part's, or in the CloudEvent.
func TestPictures(t *testing.T) {
	jpeg := "\xff\xd8\xff\xe0" + rand.Text()
	for _, c := range []struct {
		kind, body string
		headers    []string
		id         string
		want       []string
	}{
		{"form-data", body([2]string{"Content-Disposition: form-data; name=\"event\"", `{"type":"motion"}`}, [2]string{jpegPart, jpeg}), []string{"X-Event-Id", "e-7"}, "e-7", []string{"image/jpeg " + jpeg}},
		{"mixed", body([2]string{"Content-Type: application/cloudevents+json", event}, [2]string{"Content-Type: video/mp4", "clip"}, [2]string{jpegPart, ""}), nil, "/analytics/box-2 4711", []string{"video/mp4 clip", "image/jpeg "}},
		{"related", body([2]string{jsonPart + "\r\nX-Event-Id: e-8", `{"type":"motion"}`}), nil, "e-8", nil},
	} {
		b, seen := withMedia(t, 1<<20)
		status, _, text := b.send("POST", c.body, append([]string{"Content-Type", "multipart/" + c.kind + "; boundary=x"}, c.headers...)...)
		if status != http.StatusAccepted || len(b.got()) != 1 || b.got()[0].ID != c.id {
			t.Errorf("%s: %d %s %+v", c.kind, status, text, b.got())
			continue
		}
		if got := seen(); strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %q", c.kind, got)
		}
	}
}

// TestBadParts: what is wrong with a multipart body makes no event, and the sender is told
// whose fault it is.
func TestBadParts(t *testing.T) {
	ok := [2]string{jsonPart, `{"type":"motion"}`}
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"no part", "--x--\r\n", 400},
		{"not multipart", "hello", 400},
		{"a picture first", body([2]string{jpegPart, "j"}, ok), 400},
		{"parts in parts", body([2]string{"Content-Type: multipart/mixed; boundary=y", "--y--"}), 400},
		{"no event", body([2]string{jsonPart, "[1]"}), 400},
		{"an event that is too large", body([2]string{jsonPart, `{"a":"` + strings.Repeat("x", 32<<10) + `"}`}), 413},
		{"a program behind it", body(ok, [2]string{"Content-Type: application/x-sh", "rm"}), 415},
		{"no type behind it", body(ok, [2]string{"Content-Disposition: form-data; name=\"p\"", "j"}), 415},
		{"more than is taken", body(ok, [2]string{jpegPart, strings.Repeat("j", 600_000)}, [2]string{jpegPart, strings.Repeat("j", 600_000)}), 413},
		{"far more", body(ok, [2]string{jpegPart, strings.Repeat("j", 4<<20)}), 413},
		{"broken off in a picture", strings.TrimSuffix(body(ok, [2]string{jpegPart, "jjjj"}), "\r\n--x--\r\n"), 400},
	} {
		b, _ := withMedia(t, 1<<20)
		status, _, text := b.send("POST", c.body, "Content-Type", "multipart/form-data; boundary=x")
		if status != c.status || text == "" || len(b.got()) != 0 {
			t.Errorf("%s: %d %s, %d events", c.name, status, text, len(b.got()))
		}
	}
	b, _ := withMedia(t, 1<<20)
	if status, _, _ := b.send("POST", body(ok), "Content-Type", "multipart/form-data"); status != 415 {
		t.Errorf("without a boundary: %d", status)
	}
}

// TestPicturesNotStored: a disk that does not take a picture is not the sender's fault.
func TestPicturesNotStored(t *testing.T) {
	b, _ := withMedia(t, 1<<20)
	b.set(func() { b.keep = func(context.Context, drivers.Event) error { return errors.New("no disk") } })
	status, h, _ := b.send("POST", body([2]string{jsonPart, `{"type":"motion"}`}, [2]string{jpegPart, strings.Repeat("j", 500_000)}), "Content-Type", "multipart/form-data; boundary=x")
	if status != 503 || h.Get("Retry-After") == "" {
		t.Errorf("%d %v", status, h)
	}
}

// TestRepeatWithPictures: an emit that knows the event already reads no picture, and the
// sender gets its answer all the same.
func TestRepeatWithPictures(t *testing.T) {
	b, _ := withMedia(t, 4<<20)
	b.set(func() { b.keep = nil })
	for range 3 {
		if status, _, text := b.send("POST", body([2]string{jsonPart, `{"type":"motion"}`}, [2]string{jpegPart, strings.Repeat("j", 3<<20)}), "Content-Type", "multipart/form-data; boundary=x"); status != 202 {
			t.Errorf("%d %s", status, text)
		}
	}
}
