package webhook

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"time"

	"fuqiao/edged/drivers"
)

// partsOverhead is what boundaries and the headers of parts may add to a body.
const partsOverhead = 64 << 10

// takeParts reads an event and, while it is being stored, the pictures behind it: they
// are never in memory as a whole.
func (e *endpoint) takeParts(w http.ResponseWriter, r *http.Request, most int64) {
	c := http.NewResponseController(w)
	// An error here means a server without deadlines; the house's has them.
	_ = c.SetReadDeadline(time.Now().Add(e.c.MediaWithin))
	_ = c.SetWriteDeadline(time.Now().Add(e.c.MediaWithin + 2*e.c.StoreWithin))
	r.Body = http.MaxBytesReader(w, r.Body, most)
	p := &parts{e: e, id: r.Header.Get("X-Event-Id"), media: e.c.MaxMedia}
	reader, err := r.MultipartReader()
	if err != nil { // related is mixed with a root (RFC 2387), and the root comes first
		_, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // shapeOf has read it
		reader = multipart.NewReader(r.Body, params["boundary"])
	}
	p.r = reader
	event, no := p.first()
	if no == nil {
		event.Media = p.next
		if no = e.keep(event, e.c.MediaWithin+e.c.StoreWithin); p.wrong != nil {
			no = p.wrong
		}
	}
	if no != nil {
		e.refuse(w, r, no, false)
		return
	}
	// A repeat is not read through by emit, and an answer over unread bytes is lost.
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusAccepted)
}

// parts is a multipart body.
type parts struct {
	e     *endpoint
	r     *multipart.Reader
	id    string   // of the event, where the sender put it into the request's header
	media int64    // bytes of pictures that may still come
	wrong *refusal // what the sender did wrong behind the event
}

// first reads the event.
func (p *parts) first() (drivers.Event, *refusal) {
	part, err := p.r.NextPart()
	if err != nil {
		return drivers.Event{}, p.broken(err)
	}
	h := http.Header(part.Header)
	if h.Get("Content-Type") == "" && part.FormName() != "" { // a form field has none by default
		h.Set("Content-Type", "application/json")
	}
	if p.id != "" && h.Get("X-Event-Id") == "" {
		h.Set("X-Event-Id", p.id)
	}
	s, no := shapeOf(h)
	if no != nil || s == parted {
		return drivers.Event{}, bad("the first part must be the event: application/json or application/cloudevents+json")
	}
	body, err := io.ReadAll(io.LimitReader(part, int64(p.e.c.MaxBytes)+1))
	if err != nil {
		return drivers.Event{}, p.broken(err)
	}
	if len(body) > p.e.c.MaxBytes {
		return drivers.Event{}, p.e.tooLarge()
	}
	event, no := s.event(h, body, p.e.c.AlarmTypes)
	if no == nil && len(event.Data) > p.e.c.MaxBytes {
		no = p.e.tooLarge()
	}
	return event, no
}

// next gives the next picture: drivers.Event.Media.
func (p *parts) next() (drivers.Media, error) {
	part, err := p.r.NextPart()
	if errors.Is(err, io.EOF) {
		return drivers.Media{}, io.EOF
	}
	if err != nil {
		return drivers.Media{}, p.fail(p.broken(err))
	}
	kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
	if family, _, _ := strings.Cut(kind, "/"); err != nil || family != "image" && family != "video" && family != "audio" || len(kind) > maxMIME {
		return drivers.Media{}, p.fail(&refusal{http.StatusUnsupportedMediaType, "behind the event come image/…, video/… and audio/… only"})
	}
	return drivers.Media{MIME: kind, Body: &picture{p, part}}, nil
}

// maxMIME bounds the name of a type (RFC 6838, section 4.2).
const maxMIME = 127

// picture is the content of one part.
type picture struct {
	p    *parts
	part *multipart.Part
}

// Read reads on, within what an event's pictures may come to.
func (m *picture) Read(b []byte) (int, error) {
	n, err := m.part.Read(b)
	if m.p.media -= int64(n); m.p.media < 0 {
		return 0, m.p.fail(m.p.e.tooLarge())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, m.p.fail(m.p.broken(err))
	}
	return n, err
}

// fail remembers what the sender is to be told.
func (p *parts) fail(no *refusal) error {
	p.wrong = no
	return fmt.Errorf("the sender: %s", no.text)
}

// broken is the answer to a body that cannot be read on.
func (p *parts) broken(err error) *refusal {
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return p.e.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{http.StatusRequestTimeout, "the body took too long"}
	case errors.Is(err, io.EOF):
		return bad("a multipart body without an event")
	}
	return bad("the multipart body is broken")
}
