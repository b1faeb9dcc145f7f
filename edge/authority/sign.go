package authority

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"fuqiao/edged/edge/wire"
)

// Signer signs with one key: edgectl and the platform's stand-in use it. It is safe
// for concurrent use.
type Signer struct {
	kid  string
	pub  ed25519.PublicKey
	sign map[string]jose.Signer // by typ

	mu  sync.Mutex
	seq uint64
}

// NewSigner makes a Signer of the key with this id.
func NewSigner(priv ed25519.PrivateKey, kid string) (*Signer, error) {
	if len(priv) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("signer %s: private key of %d bytes, want %d", kid, len(priv), ed25519.PrivateKeySize)
	}
	if !wire.ValidToken(kid) {
		return nil, fmt.Errorf("signer: %q is not a key id", kid)
	}
	s := &Signer{kid: kid, pub: priv.Public().(ed25519.PublicKey), sign: map[string]jose.Signer{}}
	for _, typ := range []string{TypeCommand, TypeTrust, TypeTime, TypeConfig, TypeAudit} {
		opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", kid)
		js, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: priv}, opts)
		if err != nil {
			return nil, fmt.Errorf("signer %s: %w", kid, err)
		}
		s.sign[typ] = js
	}
	return s, nil
}

// Kid is the key's id.
func (s *Signer) Kid() string { return s.kid }

// Public is the public half as trust files carry it.
func (s *Signer) Public() string { return EncodeKey(s.pub) }

// Next gives the next seq: Unix microseconds, and always above the one before, so
// that a signer that lost its memory continues above.
func (s *Signer) Next(now time.Time) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = max(s.seq+1, uint64(max(0, now.UnixMicro())))
	return s.seq
}

// Stamp fills in what every new order needs and o does not have yet: contract
// version, seq, issued, and not_after = issued + valid.
func (s *Signer) Stamp(o *wire.Order, now time.Time, valid time.Duration) {
	o.Contract = wire.Contract
	if o.Seq == 0 {
		o.Seq = s.Next(now)
	}
	if o.Issued.IsZero() {
		o.Issued = now.UTC().Truncate(time.Millisecond)
	}
	if o.NotAfter.IsZero() {
		o.NotAfter = o.Issued.Add(valid)
	}
}

// SignOrder writes o's payload and signs it, compact.
func (s *Signer) SignOrder(o wire.Order) ([]byte, error) {
	payload, err := wire.EncodeOrder(&o)
	if err != nil {
		return nil, err
	}
	return s.Sign(TypeCommand, payload)
}

// SignBeacon signs a time beacon.
func (s *Signer) SignBeacon(b wire.Beacon) ([]byte, error) {
	payload, err := wire.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("beacon: %w", err)
	}
	return s.Sign(TypeTime, payload)
}

// Sign signs any payload as the kind typ, compact.
func (s *Signer) Sign(typ string, payload []byte) ([]byte, error) {
	js := s.sign[typ]
	if js == nil {
		return nil, fmt.Errorf("signer %s: %q is not a kind of message", s.kid, typ)
	}
	obj, err := js.Sign(payload)
	if err != nil {
		return nil, fmt.Errorf("signer %s: %w", s.kid, err)
	}
	out, err := obj.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("signer %s: %w", s.kid, err)
	}
	return []byte(out), nil
}

// SignAll signs a payload by several signers, general JSON serialization.
func SignAll(typ string, payload []byte, signers ...*Signer) ([]byte, error) {
	g := general{Payload: base64.RawURLEncoding.EncodeToString(payload)}
	for _, s := range signers {
		c, err := s.Sign(typ, payload)
		if err != nil {
			return nil, err
		}
		parts := strings.Split(string(c), ".")
		g.Signatures = append(g.Signatures, struct {
			Protected string `json:"protected"`
			Signature string `json:"signature"`
		}{parts[0], parts[2]})
	}
	return wire.Marshal(g)
}

// SignTrust writes a trust file, signed by the roots given. It refuses content that
// no box would take; whether the signatures suffice is CheckTrust's to say.
func SignTrust(t Trust, roots ...*Signer) ([]byte, error) {
	if _, err := compile(t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrust, err)
	}
	payload, err := wire.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("trust file: %w", err)
	}
	return SignAll(TypeTrust, payload, roots...)
}

// SignOrderAll signs an order by several persons' keys.
func SignOrderAll(o wire.Order, signers ...*Signer) ([]byte, error) {
	payload, err := wire.EncodeOrder(&o)
	if err != nil {
		return nil, err
	}
	return SignAll(TypeCommand, payload, signers...)
}

// peekPayload decodes the payload of a compact JWS without verifying it.
func peekPayload(compact string) ([]byte, error) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return payload, nil
}
