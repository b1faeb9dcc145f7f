package wire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Contract is the version of the contract that this package speaks.
const Contract = 1

// Bounds of an order.
const (
	MaxTargets  = 64             // entries of target
	MaxValidity = 24 * time.Hour // not_after − issued
)

// orderPayload is an order as it stands in the signed payload.
type orderPayload struct {
	Order
	Args Raw `json:"args,omitzero"`
}

// face is what a refusal needs to name the order that it refuses. Members that it
// does not list are skipped, those that it lists raw may hold anything.
type face struct {
	ID          string `json:"id"`
	Seq         uint64 `json:"seq"`
	Gateway     string `json:"gateway"`
	Group       string `json:"group"`
	Action      Raw    `json:"action"`
	Correlation Raw    `json:"correlation"`
}

// EncodeOrder writes an order's payload, the bytes that are signed.
func EncodeOrder(o *Order) ([]byte, error) {
	p := orderPayload{Order: *o}
	if o.Args != nil {
		args, err := Marshal(o.Args)
		if err != nil {
			return nil, fmt.Errorf("order %s: arguments: %w", o.ID, err)
		}
		if string(args) != "{}" {
			p.Args = args
		}
	}
	return Marshal(&p)
}

// DecodeOrder reads a payload whose signature has been verified. Three outcomes:
//
//   - order, nil: everything is as the contract says; Args holds the action's
//     struct (a Raw where the action is not offered).
//   - order, *Fault: the order can be named (id, seq, gateway or group) but must
//     not be done; of its other fields only Hash is sure.
//   - nil, Malformed: nothing in it can be trusted to name an order.
//
// Kid, Kids, Person and Reach are the caller's to fill in.
func DecodeOrder(payload []byte) (*Order, error) {
	if err := shape(payload, MaxCommand, MaxDepth); err != nil {
		return nil, err
	}
	var p orderPayload
	err := noNull(payload)
	if err == nil {
		err = strict(payload, &p)
	}
	hash := sha256.Sum256(payload)
	var f *Fault
	switch {
	case err == nil:
	case errors.As(err, &f):
		o, bad := readFace(payload)
		if bad != nil {
			return nil, bad
		}
		o.Hash = hash
		return o, f
	default:
		return nil, err
	}
	o := &p.Order
	o.Hash = hash
	if err := o.named(); err != nil {
		return nil, err
	}
	return o, o.finish(p.Args)
}

// readFace reads only what names the order.
func readFace(payload []byte) (*Order, error) {
	var f face
	if err := json.Unmarshal(payload, &f); err != nil {
		return nil, Malformed(clip(err.Error()))
	}
	o := &Order{ID: f.ID, Seq: f.Seq, Gateway: f.Gateway, Group: f.Group}
	var word string
	if json.Unmarshal(f.Action, &word) == nil {
		o.Action = Action(clip(word))
	}
	word = ""
	if json.Unmarshal(f.Correlation, &word) == nil && ValidToken(word) {
		o.Correlation = word
	}
	return o, o.named()
}

// named tells whether the order can be spoken of: id, seq and one address.
func (o *Order) named() error {
	switch {
	case !ValidToken(o.ID):
		return Malformed("no order id")
	case o.Seq == 0:
		return Malformed("no seq")
	case (o.Gateway == "") == (o.Group == ""):
		return Malformed("not exactly one of gateway and group")
	case !ValidID(o.Gateway + o.Group):
		return Malformed("the gateway or group is not an id")
	}
	return nil
}

// finish judges what is left, fills in defaults and decodes the arguments.
func (o *Order) finish(args Raw) error {
	if o.Priority == "" {
		o.Priority = Normal
	}
	if o.Class == "" {
		o.Class = Actual
	}
	if err := o.judgeHead(); err != nil {
		return err
	}
	info, ok := Info(o.Action)
	if !ok {
		return &Fault{Reason: Unsupported, Field: "/action", Detail: fmt.Sprintf("%q is not an action of the contract", clip(string(o.Action)))}
	}
	if err := o.judgeTarget(info); err != nil {
		return err
	}
	if len(args) == 0 {
		args = Raw("{}")
	}
	if args.Kind() != '{' {
		return &Fault{Reason: BadArgs, Field: "/args", Detail: "is not an object"}
	}
	if !info.Offered || info.Args == nil {
		o.Args = args
		return nil
	}
	a := info.Args()
	if err := strict(args, a); err != nil {
		var f *Fault
		if errors.As(err, &f) {
			f.Field = "/args" + f.Field
		}
		return err
	}
	o.Args = a
	return a.Validate()
}

// judgeHead judges version, times and words.
func (o *Order) judgeHead() error {
	fault := func(r Reason, field, format string, a ...any) error {
		return &Fault{Reason: r, Field: "/" + field, Detail: fmt.Sprintf(format, a...)}
	}
	switch {
	case o.Contract != Contract:
		return fault(Unsupported, "contract", "version %d; this box speaks %d", o.Contract, Contract)
	case o.Issued.IsZero() || o.NotAfter.IsZero():
		return fault(BadArgs, "not_after", "issued and not_after are both needed")
	case !utc(o.Issued) || !utc(o.NotAfter) || !utc(o.NotBefore):
		return fault(BadArgs, "issued", "times are in UTC and end in Z")
	case !o.NotAfter.After(o.Issued):
		return fault(BadArgs, "not_after", "is not after issued")
	case o.NotAfter.Sub(o.Issued) > MaxValidity:
		return fault(BadArgs, "not_after", "is more than 24 h after issued")
	case !o.NotBefore.IsZero() && o.NotBefore.After(o.NotAfter):
		return fault(BadArgs, "not_before", "is after not_after")
	case o.Exact && o.NotBefore.IsZero():
		return fault(BadArgs, "exact", "needs not_before")
	case o.Priority.Rank() < 0:
		return fault(BadArgs, "priority", "%q is not emergency, urgent, normal or background", clip(string(o.Priority)))
	case o.Class != Actual && o.Class != Exercise && o.Class != Test:
		return fault(BadArgs, "class", "%q is not actual, exercise or test", clip(string(o.Class)))
	}
	for _, w := range [][2]string{{"announcement", o.Announcement}, {"correlation", o.Correlation}, {"supersedes", o.Supersedes}} {
		if w[1] != "" && !ValidToken(w[1]) {
			return fault(BadArgs, w[0], "%q is not an id", clip(w[1]))
		}
	}
	return nil
}

// judgeTarget judges the list of targets; all.stop without one means everything.
func (o *Order) judgeTarget(info ActionInfo) error {
	fault := func(format string, a ...any) error {
		return &Fault{Reason: BadArgs, Field: "/target", Detail: fmt.Sprintf(format, a...)}
	}
	if o.Action == AllStop && len(o.Target) == 0 {
		o.Target = []string{"*"}
	}
	if info.Devices && len(o.Target) == 0 {
		return fault("%s needs a target", o.Action)
	}
	if len(o.Target) > MaxTargets {
		return fault("%d entries, at most %d are allowed", len(o.Target), MaxTargets)
	}
	for _, t := range o.Target {
		if kind, _ := ParseTarget(t); kind == BadTarget {
			return fault("%q is not a device, group:, zone:, grid:, code: or *", clip(t))
		}
	}
	return nil
}

// utc tells whether t was written in UTC.
func utc(t time.Time) bool {
	_, offset := t.Zone()
	return offset == 0
}
