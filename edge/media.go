package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/blob"
	"fuqiao/edged/edge/intake"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink"
	"fuqiao/edged/edge/wire"
)

// maxPicture is the largest picture that is a record of the journal; what is larger is
// a file.
const maxPicture = 256 << 10

// The importance of files: what belongs to an alarm is given up last.
const (
	ofEvent = 3
	ofAlarm = 6
)

// mediaHead is the first line of a record of class media; the content is behind it, or
// in the file Blob.
type mediaHead struct {
	Event  string `json:"event"`
	SHA256 string `json:"sha256"`
	MIME   string `json:"mime"`
	Size   int64  `json:"size"`
	Blob   string `json:"blob,omitzero"`
}

// keepMedia keeps a picture or clip: in the journal, or as a file and a record that
// names it. What there is no room for is not kept, and the event says so.
func (g *Gateway) keepMedia(ctx context.Context, e intake.Stamped, m drivers.Media) (wire.MediaRef, error) {
	ref := wire.MediaRef{MIME: m.MIME}
	first, err := io.ReadAll(io.LimitReader(m.Body, maxPicture+1))
	if err != nil {
		return ref, err
	}
	head := mediaHead{Event: e.Act, MIME: m.MIME, Size: int64(len(first))}
	if len(first) <= maxPicture {
		sum := sha256.Sum256(first)
		head.SHA256 = hex.EncodeToString(sum[:])
	} else {
		body := &faulty{r: m.Body}
		importance := ofEvent
		if e.Alarm {
			importance = ofAlarm
		}
		kept, err := g.blobs.Put(ctx, importance, io.MultiReader(bytes.NewReader(first), body))
		if body.err != nil {
			return ref, body.err
		}
		if err != nil {
			g.log.Warn("clip not kept", "camera", e.Camera, "act", e.Act, "error", err)
			_, lost := io.Copy(io.Discard, body) // the sender is to get its answer
			ref.Dropped = whyDropped(err)
			return ref, lost
		}
		head.SHA256, head.Size, head.Blob = kept.SHA256, kept.Size, kept.Name
		first = nil
	}
	line, err := json.Marshal(head)
	if err == nil {
		_, err = g.journal.Append(ctx, journal.Media, append(append(line, '\n'), first...))
	}
	if err != nil && !errors.Is(err, journal.ErrVolatile) {
		g.log.Warn("picture not kept", "camera", e.Camera, "act", e.Act, "error", err)
		ref.Dropped = "storage"
		if head.Blob != "" {
			return ref, g.blobs.Remove(head.Blob)
		}
		return ref, nil
	}
	ref.SHA256, ref.Size = head.SHA256, head.Size
	return ref, nil
}

// whyDropped is the reason of the contract.
func whyDropped(err error) string {
	switch {
	case errors.Is(err, blob.ErrSize):
		return "size"
	case errors.Is(err, blob.ErrRoom):
		return "quota"
	}
	return "storage"
}

// faulty remembers the error of a reader, which is not that of the disk.
type faulty struct {
	r   io.Reader
	err error
}

func (f *faulty) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// openMedia makes a record of class media ready to be sent.
func (g *Gateway) openMedia(rec journal.Record, historical bool) (uplink.Media, error) {
	line, data, found := bytes.Cut(rec.Data, []byte{'\n'})
	var head mediaHead
	if err := json.Unmarshal(line, &head); err != nil || !found {
		return uplink.Media{}, fmt.Errorf("media record %d of run %s: no head: %w", rec.ID.Seq, rec.ID.Run, err)
	}
	manifest := wire.Manifest{Event: head.Event, Run: rec.ID.Run, Seq: uint64(rec.ID.Seq), MIME: head.MIME, Size: head.Size, Historical: historical}
	m := uplink.Media{SHA256: head.SHA256, MIME: head.MIME, Size: head.Size, Data: bytes.NewReader(data)}
	if head.Blob != "" {
		f, err := g.blobs.Open(head.Blob)
		switch {
		case errors.Is(err, blob.ErrGone):
			manifest.Gone, m.Size = "quota", 0
		case err != nil:
			return uplink.Media{}, err
		default:
			m.Data, m.Close = f, f.Close
			m.Done = func() error { return g.blobs.Remove(head.Blob) }
		}
	}
	m.Manifest = func(partBytes, parts int) []byte {
		manifest.PartBytes, manifest.Parts = partBytes, parts
		return g.encode(manifest)
	}
	return m, nil
}
