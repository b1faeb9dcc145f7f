package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Args is an action's argument struct. Validate judges what the contract fixes;
// what depends on the box (its limits, the dome's number of presets) is judged
// where it is carried out. It returns a *Fault.
type Args interface{ Validate() error }

// Fault is why a payload that verified is not carried out: a reason of the
// contract, the field (JSON pointer, RFC 6901) and English text for a maintainer.
type Fault struct {
	Reason Reason
	Field  string
	Detail string
}

// Error names reason, field and detail.
func (f *Fault) Error() string {
	s := string(f.Reason)
	if f.Field != "" {
		s += " " + clip(f.Field)
	}
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	return s
}

// bad is a Fault of reason bad_args at a field of the arguments.
func bad(field, format string, a ...any) error {
	return &Fault{Reason: BadArgs, Field: strings.TrimSuffix("/args/"+field, "/"), Detail: fmt.Sprintf(format, a...)}
}

// Bounds of the contract.
const (
	MaxTextRunes = 4000   // one announcement, in characters; the box's own limit is lower
	MaxRepeat    = 100    // repetitions of one announcement
	MinLeaseMS   = 200    // on the local socket; 600 over MQTT
	MaxLeaseMS   = 5000   // dome.move and sessions
	MaxSessionMS = 600000 // max_ms
	MaxPreset    = 65535  // no protocol has more; the dome's own number is lower
)

// NoArgs are the arguments of an action that has none: absent or {}.
type NoArgs struct {
	_ struct{} `json:"-"`
}

// Validate accepts.
func (NoArgs) Validate() error { return nil }

// ReleaseArgs are the arguments of dome.release: the session to end, or none for
// whatever this key holds there.
type ReleaseArgs struct {
	Session string `json:"session,omitzero"`
}

// FetchArgs are the arguments of media.fetch: the file, and the first part to send
// (counted from 1, absent = 1).
type FetchArgs struct {
	SHA256   string `json:"sha256"`
	FromPart int    `json:"from_part,omitzero"`
}

// Validate judges text, volume, repetitions and chime.
func (a *SayArgs) Validate() error {
	if strings.TrimSpace(a.Text) == "" {
		return bad("text", "is empty")
	}
	if n := utf8.RuneCountInString(a.Text); n > MaxTextRunes {
		return bad("text", "has %d characters, at most %d are allowed", n, MaxTextRunes)
	}
	for _, r := range a.Text {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f {
			return bad("text", "holds the control character U+%04X", r)
		}
	}
	if v := a.Voice.Volume; v != nil && (*v < 0 || *v > 100) {
		return bad("voice/volume", "%d is not in 0–100", *v)
	}
	if a.Repeat < 0 || a.Repeat > MaxRepeat {
		return bad("repeat", "%d is not in 1–%d", a.Repeat, MaxRepeat)
	}
	if a.Chime != "" && !ValidID(a.Chime) {
		return bad("chime", "%q is not a chime's name", clip(a.Chime))
	}
	return nil
}

// Validate judges the volume.
func (a *VolumeArgs) Validate() error {
	if a.Volume < 0 || a.Volume > 100 {
		return bad("volume", "%d is not in 0–100", a.Volume)
	}
	return nil
}

// Validate judges speeds and lease. A move with no speed at all is refused: what
// ends a motion is dome.stop, which nothing can hold up.
func (a *MoveArgs) Validate() error {
	speeds := []struct {
		name string
		v    float64
	}{{"pan", a.Pan}, {"tilt", a.Tilt}, {"zoom", a.Zoom}}
	for _, s := range speeds {
		if !(s.v >= -1 && s.v <= 1) {
			return bad(s.name, "%v is not in −1…1", s.v)
		}
	}
	if a.Pan == 0 && a.Tilt == 0 && a.Zoom == 0 {
		return bad("", "no speed is given; dome.stop ends a motion")
	}
	if a.LeaseMS != 0 && (a.LeaseMS < 600 || a.LeaseMS > MaxLeaseMS) {
		return bad("lease_ms", "%d is not in 600–%d", a.LeaseMS, MaxLeaseMS)
	}
	return nil
}

// Validate judges the preset.
func (a *GotoArgs) Validate() error {
	if a.Pose != nil || a.Point != nil || a.Place != nil {
		return &Fault{Reason: Unsupported, Field: "/args", Detail: "this version goes to presets only"}
	}
	return preset(a.Preset)
}

// Validate judges preset and verb.
func (a *PresetArgs) Validate() error {
	if a.Do != "set" && a.Do != "clear" {
		return bad("do", "%q is neither set nor clear", clip(a.Do))
	}
	return preset(a.Preset)
}

func preset(n int) error {
	if n < 1 || n > MaxPreset {
		return bad("preset", "%d is not in 1–%d", n, MaxPreset)
	}
	return nil
}

// Validate judges the session's id, key and times. The least lease depends on the
// way that frames take and is judged where the session is opened.
func (a *SessionArgs) Validate() error {
	s := a.Session
	if !ValidToken(s.ID) {
		return bad("session/id", "%q is not a session id", clip(s.ID))
	}
	if _, err := s.Key(); err != nil {
		return bad("session/pub", "is not an Ed25519 key of 32 bytes in base64url without padding")
	}
	if s.LeaseMS != 0 && (s.LeaseMS < MinLeaseMS || s.LeaseMS > MaxLeaseMS) {
		return bad("session/lease_ms", "%d is not in %d–%d", s.LeaseMS, MinLeaseMS, MaxLeaseMS)
	}
	if s.MaxMS < 0 || s.MaxMS > MaxSessionMS {
		return bad("session/max_ms", "%d is not in 1–%d", s.MaxMS, MaxSessionMS)
	}
	return nil
}

// Key is the session's public key.
func (s SessionSpec) Key() (ed25519.PublicKey, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s.Pub)
	if err != nil {
		return nil, fmt.Errorf("session key: %w", err)
	}
	if len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("session key: %d bytes, want %d", len(b), ed25519.PublicKeySize)
	}
	return b, nil
}

// Validate judges the session id.
func (a *ReleaseArgs) Validate() error {
	if a.Session != "" && !ValidToken(a.Session) {
		return bad("session", "%q is not a session id", clip(a.Session))
	}
	return nil
}

// Validate accepts: on and off are both right.
func (a *OutputArgs) Validate() error { return nil }

// Validate judges the order id.
func (a *CancelArgs) Validate() error {
	if !ValidToken(a.ID) {
		return bad("id", "%q is not an order id", clip(a.ID))
	}
	return nil
}

// Validate judges hash and part.
func (a *FetchArgs) Validate() error {
	if !ValidSHA256(a.SHA256) {
		return bad("sha256", "is not 64 lower-case hex digits")
	}
	if a.FromPart < 0 {
		return bad("from_part", "%d is less than 1", a.FromPart)
	}
	return nil
}
