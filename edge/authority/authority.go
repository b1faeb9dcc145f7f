// Package authority says who may do what. Bytes from the broker go in, and a
// wire.Order comes out only if every signature on it is by a key that the installed
// trust file lists, if it is addressed to this box, and if those keys have the
// right. Nothing here asks the network.
package authority

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/edge/wire"
)

// Options of an Authority.
type Options struct {
	// Gateway is this box's id.
	Gateway string
	// Groups lists the groups that one of its devices is in; nil means none.
	Groups func() []string
	// Trust is the installed trust file, nil where there is none yet.
	Trust []byte
	// Now is the wall time, how far it may be off, and whether it may be acted on.
	Now func() (t time.Time, err time.Duration, known bool)
}

// Authority verifies what arrives. It is safe for concurrent use.
type Authority struct {
	o     Options
	trust atomic.Pointer[trust]
	mu    sync.Mutex // serialises Install, guards rates
	rates map[string]*bucket
}

// New makes an Authority. Without a trust file it refuses everything; a trust file
// that does not hold is an error.
func New(o Options) (*Authority, error) {
	if !wire.ValidID(o.Gateway) {
		return nil, fmt.Errorf("authority: %q is not a gateway id", o.Gateway)
	}
	if o.Groups == nil {
		o.Groups = func() []string { return nil }
	}
	if o.Now == nil {
		o.Now = func() (time.Time, time.Duration, bool) { return time.Time{}, 0, false }
	}
	a := &Authority{o: o, rates: map[string]*bucket{}}
	if o.Trust != nil {
		if err := a.Install(o.Trust); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Rejection is why an order that verified and is addressed here must not be done.
// It gets a result.
type Rejection = wire.Fault

// Cause says why something was turned away without a result; the counters of
// gateway.refused are kept by it.
type Cause string

// The causes.
const (
	NoTrust     Cause = "no_trust"     // no trust file is installed
	TooLarge    Cause = "too_large"    // over 64 KiB
	Retained    Cause = "retained"     // the broker kept it
	WrongBox    Cause = "wrong_box"    // topic or payload names another gateway or group
	WrongTopic  Cause = "wrong_topic"  // not a command or stop topic, or no stop on the stop topic
	BadEnvelope Cause = "bad_envelope" // no JWS of the form that the contract allows
	WrongType   Cause = "wrong_type"   // typ of another kind of message
	UnknownKey  Cause = "unknown_key"  // the trust file lists no such key
	Revoked     Cause = "revoked"      // the trust file revokes the key
	Forged      Cause = "forged"       // a signature does not match
	Undecodable Cause = "undecodable"  // signed, but not an order
	NoScope     Cause = "no_scope"     // the key may not sign time beacons
)

// Refused is the error for everything that is counted and gets no result, so that
// nobody can raise a result under a real order's id.
type Refused struct {
	Why Cause
	Err error // more, for the log; may be nil
}

// Error names the cause.
func (r *Refused) Error() string {
	if r.Err == nil {
		return "refused: " + string(r.Why)
	}
	return "refused: " + string(r.Why) + ": " + r.Err.Error()
}

// Unwrap gives what lies behind.
func (r *Refused) Unwrap() error { return r.Err }

// Why is the cause within err as a word, for counting; "" where err is no Refused.
func Why(err error) string {
	var r *Refused
	if errors.As(err, &r) {
		return string(r.Why)
	}
	return ""
}

func refuse(why Cause, err error) error { return &Refused{Why: why, Err: err} }

// Verify judges a message of a command or stop topic. Three outcomes:
//
//   - order, nil: it may be done, as far as keys decide; each resolved device still
//     has to pass Allows, and the time Timely.
//   - order, *Rejection: it verified and is addressed here but is not to be done.
//   - nil, *Refused: all else. It is counted and nobody is answered.
//
// Size and shape are checked before any signature, and no signature is checked for
// a key that is not listed.
func (a *Authority) Verify(topic wire.Topic, payload []byte, retained bool) (*wire.Order, error) {
	if err := a.admit(topic, payload, retained); err != nil {
		return nil, err
	}
	t := a.trust.Load()
	if t == nil {
		return nil, refuse(NoTrust, nil)
	}
	body, signers, err := openSigned(payload, TypeCommand, maxSigners, t.key)
	if err != nil {
		return nil, err
	}
	o, err := wire.DecodeOrder(body)
	var fault *wire.Fault
	if err != nil && !errors.As(err, &fault) {
		return nil, refuse(Undecodable, err)
	}
	if o.Gateway != topic.Gateway || o.Group != topic.Group {
		return nil, refuse(WrongBox, nil)
	}
	if topic.Channel == wire.ChanStop && !o.Action.Stop() {
		return nil, refuse(WrongTopic, nil)
	}
	sign(o, signers)
	if fault != nil {
		return o, fault
	}
	if err := a.may(t, o, signers); err != nil {
		return o, err
	}
	return o, nil
}

// admit is what can be said from the outside.
func (a *Authority) admit(topic wire.Topic, payload []byte, retained bool) error {
	switch {
	case retained:
		return refuse(Retained, nil)
	case topic.Channel != wire.ChanCommand && topic.Channel != wire.ChanStop:
		return refuse(WrongTopic, nil)
	case len(payload) > wire.MaxCommand:
		return refuse(TooLarge, nil)
	case topic.Group != "" && slices.Contains(a.o.Groups(), topic.Group):
		return nil
	case topic.Group != "" || topic.Gateway != a.o.Gateway:
		return refuse(WrongBox, nil)
	}
	return nil
}

// sign notes who signed, whatever the order of signatures in the envelope: that
// order is not itself signed.
func sign(o *wire.Order, signers []*key) {
	slices.SortFunc(signers, func(x, y *key) int { return cmpString(x.Kid, y.Kid) })
	o.Kid, o.Person, o.Reach = signers[0].Kid, signers[0].Person, signers[0].MaxPriority
	for _, k := range signers {
		o.Kids = append(o.Kids, k.Kid)
		if k.MaxPriority.Rank() < o.Reach.Rank() {
			o.Reach = k.MaxPriority
		}
	}
}

// VerifyBeacon judges a time beacon: signed by a key with the scope time, for this
// gateway. Run and nonce are the clock's to compare.
func (a *Authority) VerifyBeacon(payload []byte) (wire.Beacon, error) {
	if len(payload) > wire.MaxCommand {
		return wire.Beacon{}, refuse(TooLarge, nil)
	}
	t := a.trust.Load()
	if t == nil {
		return wire.Beacon{}, refuse(NoTrust, nil)
	}
	body, signers, err := openSigned(payload, TypeTime, 1, t.key)
	if err != nil {
		return wire.Beacon{}, err
	}
	if !signers[0].scope(wire.ScopeTime) {
		return wire.Beacon{}, refuse(NoScope, nil)
	}
	b, err := wire.DecodeBeacon(body)
	if err != nil {
		return wire.Beacon{}, refuse(Undecodable, err)
	}
	if b.Gateway != a.o.Gateway {
		return wire.Beacon{}, refuse(WrongBox, nil)
	}
	return b, nil
}
