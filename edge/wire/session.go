package wire

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// FrameKind is what a session frame asks for.
type FrameKind byte

// The kinds of frame. Hold renews the lease and changes nothing.
const (
	FrameHold FrameKind = 1 // no body
	FrameMove FrameKind = 2 // 6 bytes: pan, tilt, zoom
	FrameStop FrameKind = 3 // no body; ends the session
	FrameRTP  FrameKind = 4 // an RTP packet, 12–1400 bytes (RFC 3550 section 5.1)
)

const (
	frameVersion = 1
	frameHead    = 1 + 8 + 1 // version, counter (big endian), kind
	maxFrameBody = 1400
	moveBody     = 6
	// MaxFrame is the size of the largest frame in bytes.
	MaxFrame = frameHead + maxFrameBody + ed25519.SignatureSize
	// sessionLabel keeps a session's signatures apart from all others.
	sessionLabel = "edged-session-1"
	maxOwner     = len("group/") + 63
	maxToken     = 64
	speedUnit    = math.MaxInt16 // 1/32767 of the dome's fastest
)

// FrameError is why a frame counts as bad.
type FrameError string

// The ways in which a frame can be bad.
const (
	FrameMisshapen FrameError = "misshapen"       // length, version, kind or body
	FrameForged    FrameError = "wrong signature" // not by the session's key, or for another session
)

// Error is the text.
func (e FrameError) Error() string { return "session frame: " + string(e) }

// Frame is one verified session frame.
type Frame struct {
	Counter uint64
	Kind    FrameKind
	// Body is what the kind says; it lies within the bytes given to OpenFrame.
	Body []byte
}

// Speeds are the body of a move frame, each −1…1 of the dome's fastest.
type Speeds struct{ Pan, Tilt, Zoom float64 }

// Move reads the body of a FrameMove: three 16-bit two's complement numbers, big
// endian, in units of 1/32767. −32768 would be beyond −1 and is refused.
func (f Frame) Move() (Speeds, error) {
	if f.Kind != FrameMove || !f.wellFormed() {
		return Speeds{}, FrameMisshapen
	}
	at := func(i int) float64 { return float64(int16(binary.BigEndian.Uint16(f.Body[i:]))) / speedUnit }
	return Speeds{Pan: at(0), Tilt: at(2), Zoom: at(4)}, nil
}

// wellFormed judges the body by its kind.
func (f Frame) wellFormed() bool {
	switch f.Kind {
	case FrameHold, FrameStop:
		return len(f.Body) == 0
	case FrameMove:
		if len(f.Body) != moveBody {
			return false
		}
		for i := 0; i < moveBody; i += 2 {
			if binary.BigEndian.Uint16(f.Body[i:]) == 1<<15 {
				return false
			}
		}
		return true
	case FrameRTP:
		return len(f.Body) >= 12 && len(f.Body) <= maxFrameBody
	}
	return false
}

// FrameCounter reads the counter without verifying anything: whoever keeps the
// highest one can drop a repeated frame before the signature costs time. It is 0,
// which no frame carries, where b is no frame.
func FrameCounter(b []byte) uint64 {
	if len(b) < frameHead+ed25519.SignatureSize || len(b) > MaxFrame || b[0] != frameVersion {
		return 0
	}
	return binary.BigEndian.Uint64(b[1:])
}

// OpenFrame checks shape and signature of a frame of session sid of owner
// (Topic.Owner) under the session's own key, and returns it; a FrameError says what
// is wrong. The counter must then be compared with the highest one so far. The
// signature is over
//
//	"edged-session-1" ‖ len(owner) ‖ owner ‖ len(sid) ‖ sid ‖ counter ‖ kind ‖ body
//
// where owner is the gateway's id, or "group/" and the group's, as in the topic;
// lengths are one byte; counter is 8 bytes, big endian. Owner and sid carry their
// length and all behind them but the body is of fixed length, so no two different
// frames give the same bytes. Nothing is allocated.
func OpenFrame(b []byte, owner, sid string, pub ed25519.PublicKey) (Frame, error) {
	counter := FrameCounter(b)
	if counter == 0 || len(owner) > maxOwner || len(sid) > maxToken {
		return Frame{}, FrameMisshapen
	}
	cut := len(b) - ed25519.SignatureSize
	f := Frame{Counter: counter, Kind: FrameKind(b[9]), Body: b[frameHead:cut]}
	if !f.wellFormed() {
		return Frame{}, FrameMisshapen
	}
	var room [len(sessionLabel) + 2 + maxOwner + maxToken + MaxFrame]byte
	signed := append(framePrefix(room[:0], owner, sid), b[1:cut]...)
	if len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, signed, b[cut:]) {
		return Frame{}, FrameForged
	}
	return f, nil
}

// FrameSealer signs the frames of one session; it counts them itself from 1. It is
// not safe for concurrent use.
type FrameSealer struct {
	key    ed25519.PrivateKey
	buf    []byte
	prefix int
	last   uint64
}

// NewFrameSealer makes a sealer for session sid of owner (Topic.Owner).
func NewFrameSealer(owner, sid string, key ed25519.PrivateKey) (*FrameSealer, error) {
	if !ValidID(strings.TrimPrefix(owner, "group/")) || !ValidToken(sid) {
		return nil, fmt.Errorf("session %q of %q: not valid ids", clip(sid), clip(owner))
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("session %s: private key of %d bytes, want %d", sid, len(key), ed25519.PrivateKeySize)
	}
	buf := framePrefix(nil, owner, sid)
	return &FrameSealer{key: key, buf: buf, prefix: len(buf)}, nil
}

// Hold makes a frame that renews the lease.
func (s *FrameSealer) Hold() []byte { return s.seal(FrameHold, nil) }

// Stop makes a frame that ends the session.
func (s *FrameSealer) Stop() []byte { return s.seal(FrameStop, nil) }

// Move makes a frame with speeds −1…1; what lies beyond is cut to that.
func (s *FrameSealer) Move(pan, tilt, zoom float64) []byte {
	var body [moveBody]byte
	for i, v := range []float64{pan, tilt, zoom} {
		v = max(-1, min(1, v))
		binary.BigEndian.PutUint16(body[2*i:], uint16(int16(math.Round(v*speedUnit))))
	}
	return s.seal(FrameMove, body[:])
}

// RTP makes a frame around an RTP packet of 12–1400 bytes.
func (s *FrameSealer) RTP(packet []byte) ([]byte, error) {
	if len(packet) < 12 || len(packet) > maxFrameBody {
		return nil, fmt.Errorf("rtp packet of %d bytes, want 12–%d: %w", len(packet), maxFrameBody, FrameMisshapen)
	}
	return s.seal(FrameRTP, packet), nil
}

func (s *FrameSealer) seal(kind FrameKind, body []byte) []byte {
	s.last++
	s.buf = binary.BigEndian.AppendUint64(s.buf[:s.prefix], s.last)
	s.buf = append(append(s.buf, byte(kind)), body...)
	out := append(make([]byte, 0, MaxFrame-maxFrameBody+len(body)), frameVersion)
	out = append(out, s.buf[s.prefix:]...)
	return append(out, ed25519.Sign(s.key, s.buf)...)
}

// framePrefix appends the part of the signed bytes that is the same for all frames
// of a session.
func framePrefix(b []byte, owner, sid string) []byte {
	b = append(b, sessionLabel...)
	b = append(append(b, byte(len(owner))), owner...)
	return append(append(b, byte(len(sid))), sid...)
}
