package wire

import "strings"

// TargetKind is the kind of one entry of an order's target, or of one address
// under which a device is known.
type TargetKind uint8

// The kinds of target.
const (
	BadTarget   TargetKind = iota
	ByDevice               // horn-03
	ByGroup                // group:market
	ByZone                 // zone:north
	ByGrid                 // grid:3708 (a prefix of the device's grid code)
	ByCode                 // code:37081100001310000012 (GB/T 28181 or emergency broadcast code, whole)
	ByEverybody            // *
)

// ParseTarget takes one entry apart; the second value is what stands behind the
// colon, or the device's id. BadTarget comes back for everything that the
// contract does not know.
func ParseTarget(s string) (TargetKind, string) {
	if s == "*" {
		return ByEverybody, ""
	}
	kind, value, ok := strings.Cut(s, ":")
	if !ok {
		if ValidID(s) {
			return ByDevice, s
		}
		return BadTarget, ""
	}
	switch {
	case kind == "group" && ValidID(value):
		return ByGroup, value
	case kind == "zone" && ValidID(value):
		return ByZone, value
	case kind == "grid" && ValidID(value):
		return ByGrid, value
	case kind == "code" && len(value) <= 23 && digits(value):
		return ByCode, value
	}
	return BadTarget, ""
}

// MatchTarget tells whether target names the device with this id and these addresses:
// what the device is known by besides its id, in the words that a target uses, with its
// whole grid code.
func MatchTarget(target, device string, addresses []string) bool {
	kind, value := ParseTarget(target)
	switch kind {
	case ByEverybody:
		return true
	case ByDevice:
		return value == device
	case ByGrid:
		for _, a := range addresses {
			if strings.HasPrefix(a, target) {
				return true
			}
		}
	case ByGroup, ByZone, ByCode:
		for _, a := range addresses {
			if a == target {
				return true
			}
		}
	}
	return false
}
