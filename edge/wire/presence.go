package wire

import (
	"fmt"
	"time"
)

// Presence is the retained message that says whether a gateway is there, and what
// it knows of itself. The will carries the same run and session with State
// "offline" and nothing that goes stale.
type Presence struct {
	Contract int `json:"contract"`
	// State is "online", or "offline" in the will and after a clean end.
	State string `json:"state"`
	Run   Run    `json:"run"`
	// Session counts the connections of this run from 1.
	Session uint64 `json:"session"`
	Version string `json:"version,omitzero"`
	// Boot is why the daemon started: "power", "restart", "reload", "crash".
	Boot string `json:"boot,omitzero"`
	// Clock is the clock's quality; Nonce is what the next time beacon must carry.
	Clock string `json:"clock,omitzero"`
	Nonce string `json:"nonce,omitzero"`
	// Hashes are SHA-256 in hex: of configuration, trust file and audit head.
	Config string `json:"config_sha256,omitzero"`
	Trust  string `json:"trust_sha256,omitzero"`
	Audit  string `json:"audit_head,omitzero"`
	// Next is the next sequence number of each record class.
	Next map[string]uint64 `json:"next_seq,omitempty"`
	// MonoMS counts from the run's start.
	MonoMS int64 `json:"mono_ms,omitzero"`
}

// The states of a presence.
const (
	Online  = "online"
	Offline = "offline"
)

// Beacon is a signed statement of the time, answering the nonce of one presence.
type Beacon struct {
	Gateway string    `json:"gateway"`
	Run     Run       `json:"run"`
	Nonce   string    `json:"nonce"`
	Time    time.Time `json:"time"`
}

// DecodeBeacon reads the payload of a beacon strictly.
func DecodeBeacon(payload []byte) (Beacon, error) {
	var b Beacon
	if err := Strict(payload, MaxCommand, &b); err != nil {
		return Beacon{}, err
	}
	if !ValidID(b.Gateway) || !ValidRun(string(b.Run)) || !ValidToken(b.Nonce) || b.Time.IsZero() || !utc(b.Time) {
		return Beacon{}, Malformed("a beacon names gateway, run, nonce and a time in UTC")
	}
	return b, nil
}

// InventoryIndex is the retained index of the inventory; it is published after
// its parts. SHA256 is over the parts' bytes, one after the other.
type InventoryIndex struct {
	Version uint64 `json:"version"`
	Parts   int    `json:"parts"`
	SHA256  string `json:"sha256"`
}

// MaxInventoryPart is the size limit of one part in bytes.
const MaxInventoryPart = 32 << 10

// InventoryPart is one part: the first carries the gateway's own facts, each
// carries some of the devices.
type InventoryPart struct {
	Part     int               `json:"part"`
	Contract int               `json:"contract,omitzero"`
	Actions  []Action          `json:"actions,omitempty"`
	Keys     map[string]string `json:"keys,omitempty"`
	Devices  []DeviceInfo      `json:"devices"`
}

// DeviceInfo is what does not change by itself about a device.
type DeviceInfo struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitzero"`
	Address string `json:"address,omitzero"`
	// Kind is dome, speaker, output or camera.
	Kind   string `json:"kind"`
	Driver string `json:"driver"`
	// Powers are the optional abilities: position, preset_store, read_back …
	Powers   []string     `json:"powers,omitempty"`
	Groups   []string     `json:"groups,omitempty"`
	Zones    []string     `json:"zones,omitempty"`
	Grid     string       `json:"grid,omitzero"`
	Location *GeoLocation `json:"location,omitempty"`
	// GB28181 has 20 digits, EBR 23.
	GB28181 string `json:"gb28181,omitzero"`
	EBR     string `json:"ebr,omitzero"`
	Remote  bool   `json:"remote,omitzero"`
}

// GeoLocation is a place in degrees in a named reference system.
type GeoLocation struct {
	CRS string  `json:"crs"`
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

// MaxState is the size limit of a device's state in bytes.
const MaxState = 4 << 10

// DeviceState is what changes about a device, retained, last value only.
type DeviceState struct {
	Device string `json:"device"`
	Run    Run    `json:"run"`
	// State is ready, busy, fault, lost or killed.
	State string `json:"state"`
	// Evidence is the class of the latest sign of life and AgeMS its age.
	Evidence string   `json:"evidence,omitzero"`
	AgeMS    int64    `json:"evidence_age_ms,omitzero"`
	Faults   []string `json:"faults,omitempty"`
	Pose     *Pose    `json:"pose,omitempty"`
	Moving   *bool    `json:"moving,omitempty"`
	// Holder is the role of who holds the grant; RemainingMS what is left of what
	// is being done.
	Holder      string    `json:"holder,omitzero"`
	RemainingMS int64     `json:"remaining_ms,omitzero"`
	Time        time.Time `json:"time,omitzero"`
	MonoMS      int64     `json:"mono_ms"`
}

// The states of a device.
const (
	StateReady  = "ready"
	StateBusy   = "busy"
	StateFault  = "fault"
	StateLost   = "lost"
	StateKilled = "killed"
)

// Ack is what the platform has stored of one run and class: ranges of seq, both
// ends within.
type Ack struct {
	Run    Run         `json:"run"`
	Class  string      `json:"class"`
	Ranges [][2]uint64 `json:"ranges"`
}

// MaxAckRanges bounds one acknowledgement.
const MaxAckRanges = 1024

// DecodeAck reads an acknowledgement. It is unsigned, so unknown fields are ignored
// and the ranges are judged: each from 1 up, first ≤ last.
func DecodeAck(payload []byte) (Ack, error) {
	var a Ack
	if len(payload) > MaxCommand {
		return Ack{}, Malformed("larger than a downward message may be")
	}
	if err := Unmarshal(payload, &a); err != nil {
		return Ack{}, err
	}
	if !ValidRun(string(a.Run)) || !ValidID(a.Class) {
		return Ack{}, Malformed("an ack names run and class")
	}
	if len(a.Ranges) > MaxAckRanges {
		return Ack{}, Malformed(fmt.Sprintf("%d ranges, at most %d are allowed", len(a.Ranges), MaxAckRanges))
	}
	for _, r := range a.Ranges {
		if r[0] == 0 || r[0] > r[1] {
			return Ack{}, Malformed(fmt.Sprintf("range %d–%d", r[0], r[1]))
		}
	}
	return a, nil
}
