package authority

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"fuqiao/edged/edge/wire"
)

// Trust is the payload of a trust file: who may do what on which boxes. The file is
// a JWS in the general JSON serialization, typ edged-trust+jws, signed by the roots
// of at least Threshold different persons.
type Trust struct {
	// Version only rises.
	Version uint64 `json:"version"`
	// Threshold is how many different persons must sign a trust file.
	Threshold int    `json:"threshold"`
	Roots     []Root `json:"roots"`
	Keys      []Key  `json:"keys"`
	// TwoPerson lists what needs the signatures of two different persons. Absent:
	// DefaultTwoPerson; an empty list: nothing does.
	TwoPerson []TwoPersonRule `json:"two_person,omitzero"`
	// Revoked lists key ids, of roots and keys, that count no longer.
	Revoked []string `json:"revoked,omitempty"`
}

// Root is a key that signs trust files and nothing else; it is always Ed25519.
type Root struct {
	Kid    string `json:"kid"`
	Pub    string `json:"pub"`
	Person string `json:"person"`
}

// Key is a key that signs orders or beacons.
type Key struct {
	Kid string `json:"kid"`
	// Alg is EdDSA. A key of an algorithm that a box's build does not know verifies
	// nothing on that box; the rest of the file holds.
	Alg string `json:"alg"`
	// Pub is base64url without padding.
	Pub string `json:"pub"`
	// Person is who holds it, as an id ([A-Za-z0-9._-]); two-person rules count these.
	Person string `json:"person"`
	// Actions are patterns of rights: an action (speaker.say), all of a kind
	// (speaker.*), * for every action, and the rights that are no action's name:
	// stop, cancel, time. A stop needs stop (or *), not its own name. * does not
	// cover time, which must be written out.
	Actions []string `json:"actions"`
	// Targets are patterns of devices: *, a device id, group:, zone:, grid: with a
	// prefix, code:. Each may be narrowed to one box: GATEWAY/horn-03, GATEWAY/*.
	// An action that is for the box and not for devices needs * or GATEWAY/*.
	Targets []string `json:"targets"`
	// MaxPriority is the highest priority that the key may use.
	MaxPriority wire.Priority `json:"max_priority"`
	// Hours are times of day "07:00-21:00+08:00" in which the key holds, with
	// offset from UTC; absent: always. They do not bind stops.
	Hours []string `json:"hours,omitempty"`
	// Rate bounds the orders of this key; stops are never counted.
	Rate *Rate `json:"rate,omitempty"`
	// NotBefore and NotAfter bound the key's life; absent: unbounded.
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
}

// Rate is a token bucket: PerMinute orders a minute, at most Burst at once (absent:
// PerMinute).
type Rate struct {
	PerMinute int `json:"per_minute"`
	Burst     int `json:"burst,omitzero"`
}

// TwoPersonRule matches an order if all that it names matches.
type TwoPersonRule struct {
	// Actions are patterns as in Key.
	Actions []string `json:"actions"`
	// Priority: only orders of this priority or above; absent: all.
	Priority wire.Priority `json:"priority,omitzero"`
	// Target: only orders that name this target; absent: all.
	Target string `json:"target,omitzero"`
}

// DefaultTwoPerson is what needs two persons where a trust file does not say.
func DefaultTwoPerson() []TwoPersonRule {
	return []TwoPersonRule{
		{Actions: []string{"*"}, Priority: wire.Emergency, Target: "*"},
		{Actions: []string{"config.apply", "update.install", "rule.put", "schedule.put"}},
	}
}

// trust is an installed trust file, ready for use.
type trust struct {
	doc     Trust
	hash    [32]byte // of the payload
	keys    map[string]*key
	roots   map[string]*key
	revoked map[string]bool
	rules   []TwoPersonRule
}

// key is a Key, or a Root, ready for use.
type key struct {
	Key
	pub   ed25519.PublicKey
	hours []window
}

// key finds a key that may sign orders.
func (t *trust) key(kid string) (*key, error) {
	if t.revoked[kid] {
		return nil, refuse(Revoked, fmt.Errorf("key %s", kid))
	}
	k := t.keys[kid]
	if k == nil {
		return nil, refuse(UnknownKey, fmt.Errorf("key %s", kid))
	}
	return k, nil
}
