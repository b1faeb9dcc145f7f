package platform

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/wire"
)

// Trust is a provisioned set of keys and the trust file that goes with them.
type Trust struct {
	// File is the trust file's path, Bytes its content.
	File  string
	Bytes []byte
	// Roots are two persons' (zhang, wang), both of whom signed the file.
	Roots []*authority.Signer
	// Operator may do everything (person li), Second too (person zhao); Time signs
	// beacons alone.
	Operator, Second, Time *authority.Signer
	// OperatorKey is the operator's private key as a file for edgectl.
	OperatorKey string
}

// NewTrust makes fresh keys and writes trust.json and operator.key into dir. change, if
// not nil, may alter the trust file before it is signed.
func NewTrust(dir string, change func(*authority.Trust)) (*Trust, error) {
	t := &Trust{File: filepath.Join(dir, "trust.json"), OperatorKey: filepath.Join(dir, "operator.key")}
	var roots []authority.Root
	for _, person := range []string{"zhang", "wang"} {
		s, err := newSigner("root-"+person, "")
		if err != nil {
			return nil, err
		}
		t.Roots = append(t.Roots, s)
		roots = append(roots, authority.Root{Kid: s.Kid(), Pub: s.Public(), Person: person})
	}
	var err error
	if t.Operator, err = newSigner("operator", t.OperatorKey); err != nil {
		return nil, err
	}
	if t.Second, err = newSigner("second", ""); err != nil {
		return nil, err
	}
	if t.Time, err = newSigner("clock", ""); err != nil {
		return nil, err
	}
	doc := authority.Trust{Version: 1, Threshold: 2, Roots: roots, Keys: []authority.Key{
		all(t.Operator, "li"), all(t.Second, "zhao"),
		{Kid: t.Time.Kid(), Alg: authority.AlgEd25519, Pub: t.Time.Public(), Person: "platform", Actions: []string{"time"}, Targets: []string{"*"}, MaxPriority: wire.Background},
	}}
	if change != nil {
		change(&doc)
	}
	if t.Bytes, err = authority.SignTrust(doc, t.Roots...); err != nil {
		return nil, err
	}
	if err := os.WriteFile(t.File, t.Bytes, 0o600); err != nil {
		return nil, fmt.Errorf("trust file: %w", err)
	}
	return t, nil
}

// all is a key that may do everything.
func all(s *authority.Signer, person string) authority.Key {
	return authority.Key{
		Kid: s.Kid(), Alg: authority.AlgEd25519, Pub: s.Public(), Person: person,
		Actions: []string{"*"}, Targets: []string{"*"}, MaxPriority: wire.Emergency,
	}
}

// newSigner makes a key; with a file it is kept there.
func newSigner(kid, file string) (*authority.Signer, error) {
	priv, err := authority.NewKey()
	if err != nil {
		return nil, err
	}
	if file != "" {
		if err := authority.WriteKey(file, priv); err != nil {
			return nil, err
		}
	}
	return authority.NewSigner(priv, kid)
}

// valid is how long an order of the platform may be begun, unless it says so itself.
const valid = 30 * time.Second
