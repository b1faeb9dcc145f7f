// Package wire is what passes between a gateway and the platform: topics, orders,
// results, events, telemetry, presence, inventory and state, each as a Go type
// with a strict decoder. It is shared by both ends; the contract's text is
// docs/contract.md.
package wire

import (
	"time"
)

// Action is what an order asks for.
type Action string

// The actions of the contract. Those that no driver of this version offers answer
// rejected: unsupported.
const (
	SpeakerSay       Action = "speaker.say"
	SpeakerPlay      Action = "speaker.play"
	SpeakerLive      Action = "speaker.live"
	SpeakerCAP       Action = "speaker.cap"
	SpeakerCountdown Action = "speaker.countdown"
	SpeakerStop      Action = "speaker.stop"
	SpeakerVolume    Action = "speaker.volume"
	SpeakerTest      Action = "speaker.test"
	DomeAcquire      Action = "dome.acquire"
	DomeRelease      Action = "dome.release"
	DomeMove         Action = "dome.move"
	DomeStop         Action = "dome.stop"
	DomeGoto         Action = "dome.goto"
	DomePreset       Action = "dome.preset"
	DomeTour         Action = "dome.tour"
	DomeAux          Action = "dome.aux"
	DomeCalibrate    Action = "dome.calibrate"
	DomeLimits       Action = "dome.limits"
	AllStop          Action = "all.stop"
	CommandCancel    Action = "command.cancel"
	OutputSet        Action = "output.set"
	AssetPut         Action = "asset.put"
	AssetDelete      Action = "asset.delete"
	SchedulePut      Action = "schedule.put"
	ScheduleDelete   Action = "schedule.delete"
	RulePut          Action = "rule.put"
	RuleDelete       Action = "rule.delete"
	MediaFetch       Action = "media.fetch"
	ConfigApply      Action = "config.apply"
	ConfigConfirm    Action = "config.confirm"
	ConfigRollback   Action = "config.rollback"
	DeviceMaint      Action = "device.maintenance"
	DiagRun          Action = "diag.run"
	LogFetch         Action = "log.fetch"
	KeysPut          Action = "keys.put"
	SecretPut        Action = "secret.put"
	UpdateInstall    Action = "update.install"
	GatewayRestart   Action = "gateway.restart"
)

// Kind says what stands between an order and its act: once orders one durable
// write, state orders none.
type Kind uint8

// The two kinds.
const (
	Once Kind = iota
	State
)

// Priority of an order, highest first by value.
type Priority string

// The priorities.
const (
	Emergency  Priority = "emergency"
	Urgent     Priority = "urgent"
	Normal     Priority = "normal"
	Background Priority = "background"
)

// Rank is 0 for background … 3 for emergency, −1 for an unknown word.
func (p Priority) Rank() int {
	switch p {
	case Background:
		return 0
	case Normal:
		return 1
	case Urgent:
		return 2
	case Emergency:
		return 3
	}
	return -1
}

// Class in the words of CAP 1.2.
type Class string

// The classes.
const (
	Actual   Class = "actual"
	Exercise Class = "exercise"
	Test     Class = "test"
)

// Order is a verified command: what the signed payload says, plus who signed it.
// Only edge/authority makes one from bytes.
type Order struct {
	Contract  int       `json:"contract"`
	ID        string    `json:"id"`
	Seq       uint64    `json:"seq"`
	Issued    time.Time `json:"issued"`
	NotAfter  time.Time `json:"not_after"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Exact     bool      `json:"exact,omitzero"`
	// Exactly one of Gateway and Group is set.
	Gateway      string   `json:"gateway,omitzero"`
	Group        string   `json:"group,omitzero"`
	Target       []string `json:"target,omitzero"`
	Action       Action   `json:"action"`
	Priority     Priority `json:"priority,omitzero"`
	Class        Class    `json:"class,omitzero"`
	Announcement string   `json:"announcement,omitzero"`
	Correlation  string   `json:"correlation,omitzero"`
	Supersedes   string   `json:"supersedes,omitzero"`
	DryRun       bool     `json:"dry_run,omitzero"`
	// Args is the action's own struct (SayArgs, MoveArgs …), decoded and judged.
	Args any `json:"-"`

	// Kid is the key that signed, Hash the SHA-256 of the payload.
	Kid  string   `json:"-"`
	Hash [32]byte `json:"-"`
	// Kids are all keys that signed, sorted; Kid is the first of them. The order
	// takes a place in the replay window of each.
	Kids []string `json:"-"`
	// Person is who holds Kid.
	Person string `json:"-"`
	// Reach is the highest priority that the key may use: a stop reaches no act
	// above it.
	Reach Priority `json:"-"`
}

// Act is the order's act id: cmd:kid:id.
func (o *Order) Act() string { return "cmd:" + o.Kid + ":" + o.ID }

// SayArgs are the arguments of speaker.say.
type SayArgs struct {
	Text   string `json:"text"`
	Voice  Voice  `json:"voice,omitzero"`
	Repeat int    `json:"repeat,omitzero"`
	Chime  string `json:"chime,omitzero"`
}

// Voice is how a text is said. Volume is 0–100; absent takes the speaker's own.
type Voice struct {
	Volume *int `json:"volume,omitempty"`
}

// VolumeArgs are the arguments of speaker.volume.
type VolumeArgs struct {
	Volume int `json:"volume"`
}

// MoveArgs are the arguments of dome.move: speeds −1…1, lease 600–5000 ms (0 = 1000).
type MoveArgs struct {
	Pan     float64 `json:"pan,omitzero"`
	Tilt    float64 `json:"tilt,omitzero"`
	Zoom    float64 `json:"zoom,omitzero"`
	LeaseMS int     `json:"lease_ms,omitzero"`
}

// GotoArgs are the arguments of dome.goto: one of the four. This version takes a
// preset; Validate refuses the others as unsupported.
type GotoArgs struct {
	Preset int    `json:"preset,omitzero"`
	Pose   *Pose  `json:"pose,omitzero"`
	Point  *Point `json:"point,omitzero"`
	Place  *Place `json:"place,omitzero"`
}

// Pose is where a dome looks: pan 0–360° clockwise from the dome's own zero, tilt
// −90° down … +90° up, zoom 0–1 of the lens range.
type Pose struct {
	Pan  float64 `json:"pan"`
	Tilt float64 `json:"tilt"`
	Zoom float64 `json:"zoom,omitzero"`
}

// Point is a point of the panorama picture, 0–1 of its width and height.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Place is a point on the ground in degrees, in the named reference system.
type Place struct {
	CRS string  `json:"crs"`
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// PresetArgs are the arguments of dome.preset: Do is "set" or "clear".
type PresetArgs struct {
	Preset int    `json:"preset"`
	Do     string `json:"do"`
}

// SessionArgs are what dome.acquire and speaker.live carry.
type SessionArgs struct {
	Session SessionSpec `json:"session"`
}

// SessionSpec opens a session: Pub is an Ed25519 public key made for it
// (base64url without padding), LeaseMS ≥ 600 over MQTT, MaxMS ≤ 600000.
type SessionSpec struct {
	ID      string `json:"id"`
	Pub     string `json:"pub"`
	LeaseMS int    `json:"lease_ms,omitzero"`
	MaxMS   int    `json:"max_ms,omitzero"`
}

// OutputArgs are the arguments of output.set.
type OutputArgs struct {
	On bool `json:"on"`
}

// CancelArgs are the arguments of command.cancel: the id of the order to cancel.
type CancelArgs struct {
	ID string `json:"id"`
}
