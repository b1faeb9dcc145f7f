package authority

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"fuqiao/edged/edge/wire"
)

// maxTrustSigners: a change of roots needs those of the old and of the new file.
const maxTrustSigners = 16

// ErrTrust is the class of every reason for which a trust file is not taken.
const ErrTrust = trustError("trust file refused")

type trustError string

func (e trustError) Error() string { return string(e) }

func untrusted(format string, a ...any) error {
	return fmt.Errorf("%w: %w", ErrTrust, fmt.Errorf(format, a...))
}

// Install takes a trust file. Where none is installed, it must be signed by its own
// threshold of persons; after that by the threshold of the installed file and of
// the new one, with a higher version. On error the installed file goes on.
func (a *Authority) Install(file []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	next, err := openTrust(file, a.trust.Load())
	if err != nil {
		return err
	}
	a.trust.Store(next)
	return nil
}

// TrustVersion is the version of the installed trust file, 0 for none.
func (a *Authority) TrustVersion() uint64 {
	if t := a.trust.Load(); t != nil {
		return t.doc.Version
	}
	return 0
}

// TrustHash is the SHA-256 of the installed trust file's payload in hex, empty for
// none.
func (a *Authority) TrustHash() string {
	if t := a.trust.Load(); t != nil {
		return hex.EncodeToString(t.hash[:])
	}
	return ""
}

// CheckTrust tells whether file would be taken by a box that has none.
func CheckTrust(file []byte) (Trust, error) {
	t, err := openTrust(file, nil)
	if err != nil {
		return Trust{}, err
	}
	return t.doc, nil
}

// openTrust verifies and decodes a trust file that is to follow old.
func openTrust(file []byte, old *trust) (*trust, error) {
	if len(file) == 0 || len(file) > wire.MaxCommand || file[0] != '{' {
		return nil, untrusted("not a JWS in the general JSON serialization of at most %d bytes", wire.MaxCommand)
	}
	// The roots that must have signed are inside. They are read before they are
	// believed, and the signatures then bind the whole.
	next, err := readTrust(file)
	if err != nil {
		return nil, err
	}
	_, signers, err := openSigned(file, TypeTrust, maxTrustSigners, func(kid string) (*key, error) {
		return findRoot(kid, next, old)
	})
	if err != nil {
		return nil, untrusted("%w", err)
	}
	if old != nil {
		if next.doc.Version <= old.doc.Version {
			return nil, untrusted("version %d is not above the installed %d", next.doc.Version, old.doc.Version)
		}
		if n := old.persons(signers); n < old.doc.Threshold {
			return nil, untrusted("signed by %d persons of the installed file, %d are needed", n, old.doc.Threshold)
		}
	}
	if n := next.persons(signers); n < next.doc.Threshold {
		return nil, untrusted("signed by %d persons of its own, %d are needed", n, next.doc.Threshold)
	}
	return next, nil
}

// findRoot finds the root that signed; one and the same id must not stand for two
// different keys.
func findRoot(kid string, next, old *trust) (*key, error) {
	k := next.roots[kid]
	if old != nil && old.roots[kid] != nil {
		if k != nil && k.Pub != old.roots[kid].Pub {
			return nil, refuse(UnknownKey, fmt.Errorf("root %s stands for two keys", kid))
		}
		k = old.roots[kid]
	}
	if k == nil {
		return nil, refuse(UnknownKey, fmt.Errorf("root %s", kid))
	}
	return k, nil
}

// persons counts the different persons of t among the signers.
func (t *trust) persons(signers []*key) int {
	who := map[string]bool{}
	for _, s := range signers {
		if r := t.roots[s.Kid]; r != nil && !t.revoked[s.Kid] {
			who[r.Person] = true
		}
	}
	return len(who)
}

// readTrust decodes the payload without verifying it.
func readTrust(file []byte) (*trust, error) {
	compacts, err := split(string(file), maxTrustSigners)
	if err != nil {
		return nil, untrusted("%w", err)
	}
	payload, err := peekPayload(compacts[0])
	if err != nil {
		return nil, untrusted("%w", err)
	}
	var doc Trust
	if err := wire.Strict(payload, wire.MaxCommand, &doc); err != nil {
		return nil, untrusted("%w", err)
	}
	t, err := compile(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrust, err)
	}
	t.hash = sha256.Sum256(payload)
	return t, nil
}

// compile judges a trust file's content and makes it ready for use.
func compile(doc Trust) (*trust, error) {
	t := &trust{doc: doc, keys: map[string]*key{}, roots: map[string]*key{}, revoked: map[string]bool{}, rules: doc.TwoPerson}
	if doc.TwoPerson == nil {
		t.rules = DefaultTwoPerson()
	}
	if doc.Version == 0 {
		return nil, errors.New("version: starts at 1")
	}
	for _, kid := range doc.Revoked {
		t.revoked[kid] = true
	}
	ids, pubs := map[string]bool{}, map[string]bool{}
	unique := func(where, kid, pub string) error {
		if ids[kid] || pubs[pub] {
			return fmt.Errorf("%s: id or key stands there twice; one key is for one use", where)
		}
		ids[kid], pubs[pub] = true, true
		return nil
	}
	for i, r := range doc.Roots {
		where := fmt.Sprintf("roots[%d] %s", i, r.Kid)
		k, err := ready(Key{Kid: r.Kid, Alg: AlgEd25519, Pub: r.Pub, Person: r.Person, MaxPriority: wire.Normal})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if err := unique(where, r.Kid, r.Pub); err != nil {
			return nil, err
		}
		t.roots[r.Kid] = k
	}
	for i, k := range doc.Keys {
		where := fmt.Sprintf("keys[%d] %s", i, k.Kid)
		use, err := ready(k)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if err := unique(where, k.Kid, k.Pub); err != nil {
			return nil, err
		}
		t.keys[k.Kid] = use
	}
	for i, r := range t.rules {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("two_person[%d]: %w", i, err)
		}
	}
	return t, t.reachable()
}

// reachable tells whether the threshold can be met at all: a file that nobody could
// ever follow would lock the box out.
func (t *trust) reachable() error {
	who := map[string]bool{}
	for kid, r := range t.roots {
		if !t.revoked[kid] {
			who[r.Person] = true
		}
	}
	if t.doc.Threshold < 1 || t.doc.Threshold > len(who) {
		return fmt.Errorf("threshold: %d is not in 1–%d, the number of persons with a root", t.doc.Threshold, len(who))
	}
	return nil
}
