package authority

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	jose "github.com/go-jose/go-jose/v4"

	"fuqiao/edged/edge/wire"
)

// The typ of each kind of signed message keeps them apart: a signature made for
// one can never be used for another.
const (
	TypeCommand = "edged-cmd+jws"
	TypeTrust   = "edged-trust+jws"
	TypeTime    = "edged-time+jws"
	TypeConfig  = "edged-config+jws"
	TypeAudit   = "edged-audit+jws"
)

// AlgEd25519 is the alg of keys and headers for Ed25519 (RFC 8037 section 3.1).
const AlgEd25519 = string(jose.EdDSA)

const (
	maxSigners = 4   // of an order
	maxHeader  = 512 // characters of a protected header
)

// header is the protected header: these three and nothing else, so that crit, b64,
// jwk, jku and x5* have no way in.
type header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Typ string `json:"typ"`
}

// general is the general JSON serialization (RFC 7515 section 7.2.1). A member
// "header" (unprotected), or the members of the flattened form, are unknown to it.
type general struct {
	Payload    string `json:"payload"`
	Signatures []struct {
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	} `json:"signatures"`
}

// openSigned verifies a JWS, compact or general, of kind typ with at most most
// signatures. Each is verified with its own key, found by its kid; one bad or
// unknown one refuses the whole, and so do two by one key. It returns the payload
// and the keys in the order of the signatures.
func openSigned(data []byte, typ string, most int, find func(kid string) (*key, error)) ([]byte, []*key, error) {
	compacts, err := split(string(data), most)
	if err != nil {
		return nil, nil, refuse(BadEnvelope, err)
	}
	keys := make([]*key, 0, len(compacts))
	seen := map[string]bool{}
	for _, c := range compacts {
		h, err := readHeader(c)
		if err != nil {
			return nil, nil, refuse(BadEnvelope, err)
		}
		if h.Typ != typ {
			return nil, nil, refuse(WrongType, nil)
		}
		k, err := find(h.Kid)
		if err != nil {
			return nil, nil, err
		}
		if h.Alg != k.Alg {
			return nil, nil, refuse(BadEnvelope, errors.New("alg is not the key's"))
		}
		if seen[k.Kid] {
			return nil, nil, refuse(BadEnvelope, errors.New("two signatures by one key"))
		}
		seen[k.Kid] = true
		keys = append(keys, k)
	}
	var payload []byte
	for i, c := range compacts {
		if payload, err = keys[i].verify(c); err != nil {
			return nil, nil, refuse(Forged, err)
		}
	}
	return payload, keys, nil
}

// verify checks one compact JWS under k alone, after RFC 7515 section 5.2 and RFC 8037
// section 3.1. The header has been read by readHeader, strictly; a JOSE library would
// decode it a second time, which costs a slow core as much as the curve does.
func (k *key) verify(compact string) ([]byte, error) {
	if k.Alg != AlgEd25519 {
		return nil, fmt.Errorf("key %s: this build cannot verify %q", k.Kid, k.Alg)
	}
	end := strings.LastIndexByte(compact, '.')
	input := compact[:end] // of the signature: protected header and payload as they came
	sig, err := base64.RawURLEncoding.Strict().DecodeString(compact[end+1:])
	if err != nil {
		return nil, fmt.Errorf("key %s: signature: %w", k.Kid, err)
	}
	if !ed25519.Verify(k.pub, []byte(input), sig) {
		return nil, fmt.Errorf("key %s: the signature is not good", k.Kid)
	}
	_, body, _ := strings.Cut(input, ".")
	payload, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil {
		return nil, fmt.Errorf("key %s: payload: %w", k.Kid, err)
	}
	return payload, nil
}

// split returns each signature of a JWS as a compact JWS of its own. All share the
// payload. A general JWS over one signature is allowed too: trust files are always
// general.
func split(s string, most int) ([]string, error) {
	if s == "" || s[0] != '{' {
		if strings.Count(s, ".") != 2 || !base64URL(s) {
			return nil, errors.New("not a compact JWS")
		}
		return []string{s}, nil
	}
	var g general
	if err := wire.Exact([]byte(s), wire.MaxCommand, &g); err != nil {
		return nil, err
	}
	if len(g.Signatures) < 1 || len(g.Signatures) > most {
		return nil, fmt.Errorf("%d signatures, want 1–%d", len(g.Signatures), most)
	}
	var out []string
	for _, sig := range g.Signatures {
		c := sig.Protected + "." + g.Payload + "." + sig.Signature
		if strings.Count(c, ".") != 2 || !base64URL(c) {
			return nil, errors.New("a member is not base64url")
		}
		out = append(out, c)
	}
	return out, nil
}

// readHeader decodes the protected header of a compact JWS.
func readHeader(compact string) (header, error) {
	var h header
	enc, _, _ := strings.Cut(compact, ".")
	if len(enc) > maxHeader {
		return h, errors.New("the protected header is too long")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(enc)
	if err != nil {
		return h, fmt.Errorf("protected header: %w", err)
	}
	if err := wire.Exact(raw, maxHeader, &h); err != nil {
		return h, fmt.Errorf("protected header: %w", err)
	}
	if h.Alg == "" || h.Typ == "" || !wire.ValidToken(h.Kid) {
		return h, errors.New("protected header: alg, kid and typ are all needed")
	}
	return h, nil
}

// base64URL tells whether s holds only the alphabet of RFC 4648 section 5 and dots;
// the decoders would skip line breaks.
func base64URL(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// decodeKey reads an Ed25519 public key, base64url without padding.
func decodeKey(s string) (ed25519.PublicKey, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || !base64URL(s) || len(b) != ed25519.PublicKeySize {
		return nil, errors.New("is not an Ed25519 key of 32 bytes in base64url without padding")
	}
	return b, nil
}

// EncodeKey writes a public key as trust files and sessions carry it.
func EncodeKey(pub ed25519.PublicKey) string { return base64.RawURLEncoding.EncodeToString(pub) }
