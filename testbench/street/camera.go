package street

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
)

// Camera is an event source on the local network.
type Camera struct {
	ID, Addr, Path, Token string
	client                *http.Client
}

// newCamera finds a free port for the daemon to listen on.
func newCamera(id string) (Camera, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Camera{}, fmt.Errorf("camera: %w", err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return Camera{}, fmt.Errorf("camera: %w", err)
	}
	return Camera{ID: id, Addr: addr, Path: "/" + id, Token: rand.Text(), client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}, nil
}

// Event posts one event as plain JSON and returns the daemon's status; 202 means that it
// is on the daemon's disk. The event is known again by its id.
func (c Camera) Event(ctx context.Context, id, kind string) (int, error) {
	body := fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/%s","type":%q,"data":{"region":"东门","confidence":0.93}}`, id, c.ID, kind)
	return c.Post(ctx, body, "application/cloudevents+json", c.Token)
}

// EventWith posts an event with pictures and clips behind it.
func (c Camera) EventWith(ctx context.Context, id, kind string, alarm bool, media ...[]byte) (int, error) {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	parts := append([][]byte{fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/%s","type":%q,"alarm":%v,"data":{"region":"东门"}}`, id, c.ID, kind, alarm)}, media...)
	for i, data := range parts {
		typ := "image/jpeg"
		if i == 0 {
			typ = "application/cloudevents+json"
		}
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {typ}})
		if err == nil {
			_, err = part.Write(data)
		}
		if err != nil {
			return 0, err
		}
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return c.Post(ctx, body.Bytes(), "multipart/mixed; boundary="+w.Boundary(), c.Token)
}

// Post posts any bytes; 0 with an error means that there was no answer.
func (c Camera) Post(ctx context.Context, body []byte, contentType, token string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.Addr+c.Path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
