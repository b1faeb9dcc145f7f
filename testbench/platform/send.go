package platform

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/wire"
)

// Sent is an order that went out.
type Sent struct {
	At      time.Time
	Order   wire.Order
	Topic   string
	Payload []byte
}

// token is an id that nobody has used.
func token(prefix string) string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return prefix + hex.EncodeToString(b[:])
}

// Sign completes an order (id, gateway, seq, times) and signs it as the operator.
func (p *Platform) Sign(o wire.Order) (wire.Order, []byte, error) {
	return p.SignBy(o, p.signer())
}

// SignBy is Sign by other keys; several make the general serialization.
func (p *Platform) SignBy(o wire.Order, by ...*authority.Signer) (wire.Order, []byte, error) {
	if len(by) == 0 {
		return o, nil, errors.New("an order needs a signer")
	}
	if o.ID == "" {
		o.ID = token("tb")
	}
	if o.Gateway == "" && o.Group == "" {
		o.Gateway = p.o.Gateway
	}
	by[0].Stamp(&o, p.o.Now(), valid)
	if len(by) == 1 {
		payload, err := by[0].SignOrder(o)
		return o, payload, err
	}
	payload, err := authority.SignOrderAll(o, by...)
	return o, payload, err
}

// topicOf is where an order belongs.
func (p *Platform) topicOf(o wire.Order) string {
	c := wire.ChanCommand
	if o.Action.Stop() {
		c = wire.ChanStop
	}
	if o.Group != "" {
		return p.topics.OfGroup(o.Group, c)
	}
	return p.topics.Of(o.Gateway, c)
}

// Send signs an order and publishes it, a stop at QoS 0 and then at QoS 1; it returns the
// order's id when the broker has it.
func (p *Platform) Send(ctx context.Context, o wire.Order) (string, error) {
	o, payload, err := p.Sign(o)
	if err != nil {
		return "", err
	}
	return o.ID, p.Deliver(ctx, o, payload)
}

// Deliver publishes an order that was signed before, and enters it into the books.
func (p *Platform) Deliver(ctx context.Context, o wire.Order, payload []byte) error {
	topic := p.topicOf(o)
	p.mu.Lock()
	p.books.Sent = append(p.books.Sent, Sent{At: time.Now(), Order: o, Topic: topic, Payload: payload})
	p.mu.Unlock()
	if o.Action.Stop() {
		// That it may be lost is why there is a second one.
		if err := p.Publish(ctx, topic, payload, 0, false); ctx.Err() != nil {
			return err
		}
	}
	return p.Publish(ctx, topic, payload, 1, false)
}

// Stop stops targets (none: everything) with all.stop.
func (p *Platform) Stop(ctx context.Context, targets ...string) (string, error) {
	if len(targets) == 0 {
		targets = []string{"*"}
	}
	return p.Send(ctx, wire.Order{Action: wire.AllStop, Target: targets})
}

// Replay publishes the bytes of an order once more.
func (p *Platform) Replay(ctx context.Context, id string, retained bool) error {
	var s Sent
	found := false
	p.Look(func(b *Books) {
		if i := slices.IndexFunc(b.Sent, func(s Sent) bool { return s.Order.ID == id }); i >= 0 {
			s, found = b.Sent[i], true
		}
	})
	if !found {
		return fmt.Errorf("replay: order %s was never sent", id)
	}
	return p.Publish(ctx, s.Topic, s.Payload, 1, retained)
}

// Forgery is a way to sign what one has no right to.
type Forgery string

// The forgeries.
const (
	// BadSignature has one bit of the signature wrong.
	BadSignature Forgery = "bad signature"
	// OtherKey is signed by a key of the forger under the operator's name.
	OtherKey Forgery = "other key"
	// UnknownKey is signed by a key of the forger under a name of its own.
	UnknownKey Forgery = "unknown key"
	// Altered carries the signature of another order of the operator.
	Altered Forgery = "altered"
)

// Forge publishes an order that must not be believed, and returns its id.
func (p *Platform) Forge(ctx context.Context, o wire.Order, how Forgery) (string, error) {
	o, payload, err := p.forge(o, how)
	if err != nil {
		return "", fmt.Errorf("forge: %w", err)
	}
	return o.ID, p.Deliver(ctx, o, payload)
}

func (p *Platform) forge(o wire.Order, how Forgery) (wire.Order, []byte, error) {
	signer := p.signer()
	kid := signer.Kid()
	switch how {
	case UnknownKey:
		kid = "stranger"
		fallthrough
	case OtherKey:
		thief, err := newSigner(kid, "")
		if err != nil {
			return o, nil, err
		}
		return p.SignBy(o, thief)
	}
	o, payload, err := p.Sign(o)
	if err != nil {
		return o, nil, err
	}
	dot := bytes.LastIndexByte(payload, '.')
	switch how {
	case BadSignature:
		at := dot + 1 + len(payload[dot+1:])/2
		if payload[at] == 'A' {
			payload[at] = 'B'
		} else {
			payload[at] = 'A'
		}
	case Altered:
		harmless := o
		harmless.ID, harmless.Seq, harmless.Action, harmless.Args, harmless.Target = token("tb"), 0, wire.AllStop, nil, []string{"*"}
		_, other, err := p.Sign(harmless)
		if err != nil {
			return o, nil, err
		}
		payload = append(payload[:dot], other[bytes.LastIndexByte(other, '.'):]...)
	default:
		return o, nil, fmt.Errorf("%q is not a forgery", how)
	}
	return o, payload, nil
}

// Results are the steps of an order so far, repeats included.
func (p *Platform) Results(id string) []Seen[Result] {
	var out []Seen[Result]
	p.Look(func(b *Books) { out = b.results(id) })
	return out
}

func (b *Books) results(id string) []Seen[Result] {
	var out []Seen[Result]
	for _, i := range b.byOrder[id] {
		out = append(out, b.Results[i])
	}
	return out
}

// Await waits for the terminal result of an order on a device ("" takes any).
func (p *Platform) Await(ctx context.Context, id, device string) (wire.Result, error) {
	return p.AwaitStep(ctx, id, device, func(r wire.Result) bool { return r.Status.Terminal() && !r.Repeat })
}

// AwaitStep waits for a step of an order for which match is true.
func (p *Platform) AwaitStep(ctx context.Context, id, device string, match func(wire.Result) bool) (wire.Result, error) {
	var found wire.Result
	err := p.Until(ctx, func(b *Books) bool {
		for _, r := range b.results(id) {
			if (device == "" || r.What.Device == device) && match(r.What.Result) {
				found = r.What.Result
				return true
			}
		}
		return false
	})
	if err != nil {
		var steps []string
		for _, r := range p.Results(id) {
			steps = append(steps, fmt.Sprintf("%s:%s(%s)", r.What.Device, r.What.Status, r.What.Reason))
		}
		return wire.Result{}, fmt.Errorf("order %s on %q: %w; steps so far %v", id, device, err, steps)
	}
	return found, nil
}
