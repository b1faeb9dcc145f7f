package uplink

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"fuqiao/edged/edge/journal"
)

// UploadConfig of an Upload.
type UploadConfig struct {
	// URL is where files go: each to URL/gateway/sha256.
	URL, Gateway string
	// TLS is asked before each connection, so that new files count; nil for plain HTTP to
	// loopback.
	TLS func() (*tls.Config, error)
	// Journal and Media are as in Config.
	Journal Journal
	Media   func(rec journal.Record, historical bool) (Media, error)
	// Rate is what the way to the platform is known to carry in bytes per second.
	Rate func() float64
	// Notice raises and clears conditions of the catalogue.
	Notice func(code, detail string, raised bool)
	// Random gives 0 ≤ x < 1; nil is math/rand.
	Random func() float64
	Log    *slog.Logger
}

// Upload sends pictures and clips by HTTPS instead of MQTT, the oldest first, in pieces of
// what the path carries in 250 ms, and goes on where the server says that it has come to:
// every piece is a PUT with Content-Range (RFC 9110, section 14.5), a PUT of
// "bytes */size" without a body asks, and the server answers 308 with "Range: bytes=0-N"
// while it has not all, 200, 201 or 204 when it has. That is the platform's word: the
// record is done with. The header Edged-Manifest carries the manifest, JSON in base64.
type Upload struct {
	c      UploadConfig
	client *http.Client
	sent   func() // tests look in between
}

// condUpload is raised while files cannot be uploaded.
const condUpload = "uplink.upload"

const (
	uploadLook  = 2 * time.Second  // for new files
	uploadAgain = 10 * time.Minute // for those that were refused
	uploadWait  = 30 * time.Second // for one piece and its answer
	stuckMost   = 3                // pieces that bring nothing forward
)

// NewUpload makes one that does nothing until Run.
func NewUpload(c UploadConfig) *Upload {
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return &Upload{c: c, sent: func() {}}
}

// refusedFile is an answer that will be the same the next time.
type refusedFile struct{ status string }

// Error says which.
func (e *refusedFile) Error() string { return "the server answers " + e.status }

// Run uploads until ctx ends. It returns nil.
func (u *Upload) Run(ctx context.Context) error {
	defer u.disconnect()
	var after journal.ID
	passed := time.Now()
	good := time.Now()
	for ctx.Err() == nil {
		recs, err := u.c.Journal.Next(journal.Media, after, 1, journal.MaxMedia)
		pause := uploadLook
		switch {
		case err != nil:
			u.c.Log.Error("media not readable", "error", err)
		case len(recs) == 0:
			if time.Since(passed) > uploadAgain { // what was refused has its next chance
				after, passed = journal.ID{}, time.Now()
			}
		default:
			pause = 0
			err := u.file(ctx, recs[0])
			var no *refusedFile
			switch {
			case err == nil:
				good, after = time.Now(), recs[0].ID
				u.c.Notice(condUpload, "", false)
			case errors.As(err, &no):
				after = recs[0].ID
				u.fail(ctx, recs[0], err)
			default:
				u.fail(ctx, recs[0], err)
				u.disconnect()
				pause = wait(0, time.Since(good), u.c.Random)
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// fail says why a file stays.
func (u *Upload) fail(ctx context.Context, rec journal.Record, err error) {
	if ctx.Err() != nil {
		return
	}
	u.c.Notice(condUpload, err.Error(), true)
	u.c.Log.Warn("file not uploaded", "run", rec.ID.Run, "seq", rec.ID.Seq, "error", err)
}

func (u *Upload) disconnect() {
	if u.client != nil {
		u.client.CloseIdleConnections()
		u.client = nil
	}
}

// connect makes a client with the certificates as they are now.
func (u *Upload) connect() error {
	if u.client != nil {
		return nil
	}
	t := &http.Transport{
		DialContext:     (&net.Dialer{Timeout: uploadWait}).DialContext, // and no proxy
		MaxConnsPerHost: 1, DisableCompression: true, ResponseHeaderTimeout: uploadWait, IdleConnTimeout: time.Minute,
	}
	if u.c.TLS != nil {
		cfg, err := u.c.TLS()
		if err != nil {
			return err
		}
		t.TLSClientConfig = cfg
	}
	u.client = &http.Client{Transport: t, Timeout: uploadWait, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // 308 is an answer here
	}}
	return nil
}

// file uploads one file and ends it.
func (u *Upload) file(ctx context.Context, rec journal.Record) (err error) {
	m, err := u.c.Media(rec, false)
	if err != nil {
		return &refusedFile{err.Error()}
	}
	if m.Close != nil {
		defer func() { err = errors.Join(err, m.Close()) }()
	}
	if err := u.connect(); err != nil {
		return err
	}
	if m.Size > 0 {
		err = u.pieces(ctx, m)
	} else { // given up meanwhile: the manifest says so
		_, _, err = u.put(ctx, m, 0, 0)
	}
	if err != nil {
		return err
	}
	u.c.Journal.Ack(rec.ID.Run, journal.Media, journal.Range{First: rec.ID.Seq, Last: rec.ID.Seq})
	if m.Done != nil {
		if err := m.Done(); err != nil {
			u.c.Log.Warn("a file that has arrived cannot be removed", "error", err)
		}
	}
	return nil
}

// pieces sends what the server has not got yet.
func (u *Upload) pieces(ctx context.Context, m Media) error {
	r := rate{best: [2]float64{u.c.Rate()}}
	piece := int64(partSize(&r))
	at, done := int64(0), false
	var err error
	if m.Size > piece { // it may have begun in an earlier life
		if at, done, err = u.put(ctx, m, 0, 0); err != nil {
			return err
		}
	}
	for stuck := 0; !done; {
		next, all, err := u.put(ctx, m, at, min(piece, m.Size-at))
		if err != nil {
			return err
		}
		if u.sent(); all {
			return nil
		}
		if next <= at {
			if stuck++; stuck == stuckMost {
				return fmt.Errorf("the server does not get beyond byte %d of %d", at, m.Size)
			}
		}
		at = next
	}
	return nil
}

// put sends n bytes at an offset, or with n = 0 asks; it returns how far the server has
// come, and whether it has all.
func (u *Upload) put(ctx context.Context, m Media, at, n int64) (have int64, all bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.c.URL+"/"+u.c.Gateway+"/"+m.SHA256, io.NewSectionReader(m.Data, at, n))
	if err != nil {
		return 0, false, err
	}
	req.ContentLength = n
	span := "*"
	if n > 0 {
		span = fmt.Sprintf("%d-%d", at, at+n-1)
	} else {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Range", fmt.Sprintf("bytes %s/%d", span, m.Size))
	req.Header.Set("Content-Type", m.MIME)
	req.Header.Set("Edged-Manifest", base64.StdEncoding.EncodeToString(m.Manifest(0, 0)))
	res, err := u.client.Do(req)
	if err != nil {
		return 0, false, err
	}
	_, readErr := io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10))
	if err := errors.Join(readErr, res.Body.Close()); err != nil {
		return 0, false, err
	}
	switch s := res.StatusCode; {
	case s == http.StatusOK || s == http.StatusCreated || s == http.StatusNoContent:
		if n > 0 && at+n < m.Size {
			return 0, false, fmt.Errorf("the server answers %s to %d of %d bytes", res.Status, at+n, m.Size)
		}
		return m.Size, true, nil
	case s == http.StatusPermanentRedirect:
		return reached(res.Header.Get("Range"), m.Size)
	case s >= 400 && s < 500 && s != http.StatusRequestTimeout && s != http.StatusConflict && s != http.StatusRequestedRangeNotSatisfiable && s != http.StatusTooManyRequests && s != http.StatusUnauthorized && s != http.StatusForbidden:
		return 0, false, &refusedFile{res.Status}
	default:
		return 0, false, fmt.Errorf("the server answers %s", res.Status)
	}
}

// reached reads "bytes=0-N"; without it the server has nothing.
func reached(header string, size int64) (have int64, all bool, err error) {
	if header == "" {
		return 0, false, nil
	}
	var last int64
	if _, err := fmt.Sscanf(header, "bytes=0-%d", &last); err != nil || last < 0 || last >= size {
		return 0, false, fmt.Errorf("the server answers with the range %q of %d bytes", header, size)
	}
	return last + 1, false, nil
}
