package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Channel is the part of a topic that says what kind of message it carries.
type Channel string

// The channels of the contract, in the order of its table.
const (
	ChanPresence  Channel = "presence"
	ChanInventory Channel = "inventory"
	ChanState     Channel = "state"
	ChanCommand   Channel = "command"
	ChanStop      Channel = "stop"
	ChanSession   Channel = "session"
	ChanAck       Channel = "ack"
	ChanTime      Channel = "time"
	ChanResult    Channel = "result"
	ChanEvent     Channel = "event"
	ChanTelemetry Channel = "telemetry"
	ChanMedia     Channel = "media"
	ChanLoop      Channel = "loop"
)

// Topic is a topic name in its parts: {root}/v1/{gateway}/{channel}[/{leaf}[/{part}]],
// or with group/{group} in the place of the gateway.
type Topic struct {
	Root string
	// Exactly one of Gateway and Group is set. Only command, stop and session
	// exist for a group.
	Gateway, Group string
	Channel        Channel
	// Leaf is the device of state, the session id of session, the number of an
	// inventory part, the SHA-256 of media.
	Leaf string
	// Part is the number of a media part; Manifest topics have none.
	Part string
}

// Owner is the gateway's id, or "group/" and the group's. Ids hold no slash, so
// the two can never be taken for each other.
func (t Topic) Owner() string {
	if t.Group != "" {
		return "group/" + t.Group
	}
	return t.Gateway
}

// String is the topic's name.
func (t Topic) String() string {
	s := t.Root + "/v1/" + t.Owner() + "/" + string(t.Channel)
	if t.Leaf != "" {
		s += "/" + t.Leaf
	}
	if t.Part != "" {
		s += "/" + t.Part
	}
	return s
}

// Topics builds the topic names of one root.
type Topics struct{ Root string }

// Of is a topic of gateway gw that has no leaf, such as presence, result or loop.
func (r Topics) Of(gw string, c Channel) string {
	return Topic{Root: r.Root, Gateway: gw, Channel: c}.String()
}

// OfGroup is a group's command or stop topic.
func (r Topics) OfGroup(group string, c Channel) string {
	return Topic{Root: r.Root, Group: group, Channel: c}.String()
}

// State is the state topic of a device.
func (r Topics) State(gw, device string) string {
	return Topic{Root: r.Root, Gateway: gw, Channel: ChanState, Leaf: device}.String()
}

// InventoryPart is the topic of part n, counted from 1.
func (r Topics) InventoryPart(gw string, n int) string {
	return Topic{Root: r.Root, Gateway: gw, Channel: ChanInventory, Leaf: strconv.Itoa(n)}.String()
}

// Session is the frame topic of session sid.
func (r Topics) Session(gw, sid string) string {
	return Topic{Root: r.Root, Gateway: gw, Channel: ChanSession, Leaf: sid}.String()
}

// Media is the manifest topic of a file; part > 0 is one of its parts.
func (r Topics) Media(gw, sha256 string, part int) string {
	t := Topic{Root: r.Root, Gateway: gw, Channel: ChanMedia, Leaf: sha256}
	if part > 0 {
		t.Part = strconv.Itoa(part)
	}
	return t.String()
}

// Down lists the subscriptions of a gateway and of its groups: orders, stops,
// sessions, acknowledgements, beacons, and its own presence and loop.
func (r Topics) Down(gw string, groups []string) []string {
	subs := []string{
		r.Of(gw, ChanCommand), r.Of(gw, ChanStop), r.Session(gw, "+"), r.Of(gw, ChanAck),
		r.Of(gw, ChanTime), r.Of(gw, ChanPresence), r.Of(gw, ChanLoop),
	}
	for _, g := range groups {
		subs = append(subs, r.OfGroup(g, ChanCommand), r.OfGroup(g, ChanStop),
			Topic{Root: r.Root, Group: g, Channel: ChanSession, Leaf: "+"}.String())
	}
	return subs
}

// Parse takes a topic name apart. It accepts exactly what String builds; the
// error names what is wrong.
func (r Topics) Parse(name string) (Topic, error) {
	rest, ok := strings.CutPrefix(name, r.Root+"/v1/")
	if !ok {
		return Topic{}, fmt.Errorf("topic %q: does not begin with %s/v1/", clip(name), r.Root)
	}
	t := Topic{Root: r.Root}
	parts := strings.Split(rest, "/")
	if parts[0] == "group" && len(parts) > 1 {
		t.Group, parts = parts[1], parts[2:]
	} else {
		t.Gateway, parts = parts[0], parts[1:]
	}
	if id := t.Gateway + t.Group; !ValidID(id) {
		return Topic{}, fmt.Errorf("topic %q: %q is not an id", clip(name), clip(id))
	}
	if len(parts) == 0 {
		return Topic{}, fmt.Errorf("topic %q: no channel", clip(name))
	}
	t.Channel, parts = Channel(parts[0]), parts[1:]
	if len(parts) > 0 {
		t.Leaf, parts = parts[0], parts[1:]
	}
	if len(parts) > 0 {
		t.Part, parts = parts[0], parts[1:]
	}
	// The last test finds empty levels, such as a slash at the end.
	if len(parts) > 0 || !t.wellFormed() || t.String() != name {
		return Topic{}, fmt.Errorf("topic %q: not one of the contract's", clip(name))
	}
	return t, nil
}

// wellFormed judges channel, leaf and part against each other.
func (t Topic) wellFormed() bool {
	if t.Group != "" && t.Channel != ChanCommand && t.Channel != ChanStop && t.Channel != ChanSession {
		return false
	}
	switch t.Channel {
	case ChanPresence, ChanCommand, ChanStop, ChanAck, ChanTime, ChanResult, ChanEvent, ChanTelemetry, ChanLoop:
		return t.Leaf == "" && t.Part == ""
	case ChanInventory:
		return t.Part == "" && (t.Leaf == "" || number(t.Leaf))
	case ChanState:
		return t.Part == "" && ValidID(t.Leaf)
	case ChanSession:
		return t.Part == "" && ValidToken(t.Leaf)
	case ChanMedia:
		return ValidSHA256(t.Leaf) && (t.Part == "" || number(t.Part))
	}
	return false
}

// number tells whether s is a count from 1 without leading zero, at most 6 digits.
func number(s string) bool {
	if s == "" || len(s) > 6 || s[0] == '0' {
		return false
	}
	return digits(s)
}
