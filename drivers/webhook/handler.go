package webhook

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"fuqiao/edged/drivers"
)

// refusal is an answer other than 202.
type refusal struct {
	status int
	text   string
}

// ServeHTTP takes one request: right method, right token, a type that we take, not too
// large, not too many, not too slow, well formed, stored. The order matters: nothing
// of a body is read for somebody without the token.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodOptions {
		w.Header().Set("Allow", "POST, OPTIONS")
		e.refuse(w, r, &refusal{http.StatusMethodNotAllowed, "events are posted"}, false)
		return
	}
	if no := e.authorize(r); no != nil {
		e.refuse(w, r, no, false)
		return
	}
	if r.Method == http.MethodOptions {
		handshake(w, r)
		return
	}
	shape, no := shapeOf(r.Header)
	most := int64(e.c.MaxBytes)
	if shape == parted {
		most += e.c.MaxMedia + partsOverhead
	}
	if no == nil && r.ContentLength > most {
		no = e.tooLarge()
	}
	if no != nil {
		e.refuse(w, r, no, false)
		return
	}
	select {
	case e.places <- struct{}{}:
		defer func() { <-e.places }()
	default:
		e.refuse(w, r, &refusal{http.StatusServiceUnavailable, "too many requests at once"}, false)
		return
	}
	if shape == parted {
		e.takeParts(w, r, most) //nolint:contextcheck // see below
		return
	}
	e.take(w, r, shape) //nolint:contextcheck // a sender that hangs up does not break off what is being stored
}

// take reads, understands and stores one event.
func (e *endpoint) take(w http.ResponseWriter, r *http.Request, s shape) {
	body, no := e.read(w, r)
	if no != nil {
		e.refuse(w, r, no, false)
		return
	}
	event, no := s.event(r.Header, body, e.c.AlarmTypes)
	if no == nil && len(event.Data) > e.c.MaxBytes {
		no = e.tooLarge()
	}
	if no == nil {
		no = e.keep(event, e.c.StoreWithin)
	}
	if no != nil {
		e.refuse(w, r, no, true)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// keep stores an event.
func (e *endpoint) keep(event drivers.Event, within time.Duration) *refusal {
	if err := e.store(event, within); err != nil {
		e.c.Log.Warn("camera event not stored", "error", err)
		return &refusal{http.StatusServiceUnavailable, "not stored, try again"}
	}
	return nil
}

// read reads the body within its time and size.
func (e *endpoint) read(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	// An error here means a server without deadlines; the house's has them, and sets
	// its own again for the next request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.c.ReadWithin))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(e.c.MaxBytes)))
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &over):
		return nil, e.tooLarge()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &refusal{http.StatusRequestTimeout, "the body took too long"}
	}
	return nil, &refusal{http.StatusBadRequest, "the body broke off"}
}

func (e *endpoint) tooLarge() *refusal {
	return &refusal{http.StatusRequestEntityTooLarge, "the event is too large"}
}

// authorize compares the token in constant time. Hashes are compared, so that not
// even the length of the right one can be measured.
func (e *endpoint) authorize(r *http.Request) *refusal {
	want, err := e.c.Token()
	if want = bytes.TrimSpace(want); err == nil && len(want) == 0 {
		err = errors.New("the secret is empty")
	}
	if err != nil {
		e.c.Log.Warn("camera token cannot be read", "error", err)
		e.c.Raise("secret.missing", err.Error())
		return &refusal{http.StatusServiceUnavailable, "not ready"}
	}
	e.c.Clear("secret.missing")
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, right := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256(want)
	same := subtle.ConstantTimeCompare(got[:], right[:]) == 1
	if !same || !strings.EqualFold(scheme, "Bearer") {
		return &refusal{http.StatusUnauthorized, "a bearer token is needed"}
	}
	return nil
}

// What a refused sender may still send for its answer to reach it: a connection that is
// closed over unread bytes is reset, and the reset throws the answer away (RFC 9112,
// section 9.6).
const (
	drainMost   = 256 << 10
	drainWithin = time.Second
)

// refuse answers. Where the body was not read the connection ends with the answer, and
// what is still on its way is thrown away within bounds, so that nobody can make us
// swallow what we do not want.
func (e *endpoint) refuse(w http.ResponseWriter, r *http.Request, no *refusal, bodyRead bool) {
	h := w.Header()
	if !bodyRead {
		h.Set("Connection", "close")
	}
	switch no.status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="camera events"`)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "2")
	}
	e.warn(no, r.RemoteAddr)
	http.Error(w, no.text, no.status)
	if !bodyRead && r.Body != nil {
		c := http.NewResponseController(w)
		// Each of them can fail with the connection, and then there is nobody to answer.
		_ = c.Flush()
		_ = c.SetReadDeadline(time.Now().Add(drainWithin))
		_, _ = io.CopyN(io.Discard, r.Body, drainMost)
	}
}

// handshake answers a sender that asks before it delivers (web hooks 1.0.1, section 4):
// whoever has the token may, as fast as it likes.
func handshake(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Allow", "POST, OPTIONS")
	if origin := r.Header.Get("WebHook-Request-Origin"); origin != "" {
		h.Set("WebHook-Allowed-Origin", origin)
		h.Set("WebHook-Allowed-Rate", "*")
	}
	w.WriteHeader(http.StatusNoContent)
}
