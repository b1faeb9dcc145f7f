package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"fuqiao/edged/edge/wire"
)

// File is a picture or clip as it has come in so far.
type File struct {
	wire.Manifest
	// At is when it became whole, zero before.
	At    time.Time
	parts map[int][]byte
	data  []byte
}

// Whole is the content once all of it has come and its hash is right, else nil.
func (f *File) Whole() []byte { return f.data }

// file takes a manifest or a part.
func (b *Books) file(sha, part string, payload []byte, at time.Time) error {
	if part == "" {
		var m wire.Manifest
		if err := wire.Unmarshal(payload, &m); err != nil {
			return err
		}
		if m.Run == "" || m.Seq == 0 || m.MIME == "" || m.Gone == "" && (m.PartBytes < 1 || m.Parts < 1 || int64(m.Parts-1)*int64(m.PartBytes) >= m.Size || int64(m.Parts)*int64(m.PartBytes) < m.Size) {
			return fmt.Errorf("manifest %+v", m)
		}
		f := b.Files[sha]
		switch {
		case f == nil || f.PartBytes != m.PartBytes:
			f = &File{Manifest: m, parts: map[int][]byte{}}
		default: // again, perhaps as another record with the same content
			f.Manifest = m
		}
		b.Files[sha] = f
		return b.assemble(sha, f, at)
	}
	n, err := strconv.Atoi(part)
	f := b.Files[sha]
	if err != nil || f == nil || n < 1 || n > f.Parts {
		return fmt.Errorf("part %q without a manifest that has it", part)
	}
	if want := min(int64(f.PartBytes), f.Size-int64(n-1)*int64(f.PartBytes)); int64(len(payload)) != want {
		return fmt.Errorf("part %d of %d bytes instead of %d", n, len(payload), want)
	}
	f.parts[n] = payload
	return b.assemble(sha, f, at)
}

// assemble looks whether a file is whole, and enters its record.
func (b *Books) assemble(sha string, f *File, at time.Time) error {
	if len(f.parts) < f.Parts && f.Gone == "" {
		return nil
	}
	var data []byte
	for n := 1; n <= f.Parts; n++ {
		data = append(data, f.parts[n]...)
	}
	if sum := sha256.Sum256(data); f.Gone == "" && hex.EncodeToString(sum[:]) != sha {
		return fmt.Errorf("the parts do not have the hash of their topic")
	}
	if f.At.IsZero() {
		f.At, f.data = at, data
	}
	s := b.stream(f.Run, "media")
	s.Seen[f.Seq]++
	s.Last = max(s.Last, f.Seq)
	return s.phantom(f.Run, "media")
}
