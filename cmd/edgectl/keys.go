package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/wire"
)

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

// publicKey is the content of FILE.pub: what may be passed around.
type publicKey struct {
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	Pub string `json:"pub"`
}

func (t *tool) keys() *cobra.Command {
	c := &cobra.Command{Use: "keys", Args: t.oneOf, RunE: help, Short: t.p.Say("keys that sign orders, beacons and trust files")}
	var kid string
	fresh := &cobra.Command{
		Use:     "new FILE",
		Short:   t.p.Say("make a key: FILE is the secret, FILE.pub may be passed around"),
		Example: "  edgectl keys new zhang.key\n  edgectl keys new --kid ops-2026 ops.key",
		Args:    t.exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := authority.NewKey()
			if err != nil {
				return err
			}
			k := publicKey{Kid: kid, Alg: authority.AlgEd25519, Pub: authority.EncodeKey(public(key))}
			if k.Kid == "" {
				k.Kid = authority.KidOf(public(key))
			}
			if !wire.ValidToken(k.Kid) {
				return usage(t.p.Sprintf("%q is no key id; letters, digits, . _ - only", k.Kid))
			}
			if err := authority.WriteKey(args[0], key); err != nil {
				return err
			}
			raw, err := json.Marshal(k)
			if err != nil {
				return err
			}
			if err := renameio.WriteFile(args[0]+".pub", append(raw, '\n'), 0o644); err != nil {
				return err
			}
			if t.json {
				return t.value(k)
			}
			t.say("key %s: secret in %s (mode 0600, keep it), public half in %s.pub", k.Kid, args[0], args[0])
			return nil
		},
	}
	fresh.Flags().StringVar(&kid, "kid", "", t.p.Say("id of the key (default: made from the key)"))
	c.AddCommand(fresh)
	return c
}

func (t *tool) trust() *cobra.Command {
	c := &cobra.Command{Use: "trust", Args: t.oneOf, RunE: help, Short: t.p.Say("trust files: who may do what")}
	var roots, operators, times []string
	var out string
	var version uint64
	var threshold int
	fresh := &cobra.Command{
		Use:   "new",
		Short: t.p.Say("write and sign a trust file"),
		Long:  t.p.Say("Writes a trust file: roots sign it, operators may speak, move and stop\neverywhere up to urgent, clocks may sign time beacons. Each is PERSON=FILE;\nroots are secret key files, all others may be FILE.pub."),
		Example: "  edgectl keys new root.key && edgectl keys new op.key && edgectl keys new time.key\n" +
			"  edgectl trust new --root zhang=root.key --operator li=op.key.pub \\\n" +
			"    --clock platform=time.key.pub --out trust.jws",
		Args: t.exactly(0),
		RunE: func(*cobra.Command, []string) error {
			tr := authority.Trust{Version: version, Threshold: threshold}
			signers, err := t.addRoots(&tr, roots)
			if err != nil {
				return err
			}
			if err := t.addKeys(&tr, operators, []string{"speaker.*", "dome.*", "output.set", "command.cancel", "stop"}); err != nil {
				return err
			}
			if err := t.addKeys(&tr, times, []string{"time"}); err != nil {
				return err
			}
			file, err := authority.SignTrust(tr, signers...)
			if err != nil {
				return err
			}
			if _, err := authority.CheckTrust(file); err != nil {
				return err
			}
			if err := renameio.WriteFile(out, file, 0o600); err != nil {
				return err
			}
			if t.json {
				return t.value(tr)
			}
			t.say("%s: version %d, %d roots (threshold %d), %d keys", out, tr.Version, len(tr.Roots), tr.Threshold, len(tr.Keys))
			return nil
		},
	}
	f := fresh.Flags()
	f.StringSliceVar(&roots, "root", nil, t.p.Say("PERSON=FILE of a root's secret key"))
	f.StringSliceVar(&operators, "operator", nil, t.p.Say("PERSON=FILE of an operator's key"))
	f.StringSliceVar(&times, "clock", nil, t.p.Say("PERSON=FILE of a key that signs time beacons"))
	f.StringVar(&out, "out", "trust.jws", t.p.Say("file to write"))
	f.Uint64Var(&version, "version", 1, t.p.Say("version of the file; it only rises"))
	f.IntVar(&threshold, "threshold", 1, t.p.Say("how many persons must sign"))
	c.AddCommand(fresh)
	return c
}

// addRoots reads the roots' secret keys.
func (t *tool) addRoots(tr *authority.Trust, pairs []string) ([]*authority.Signer, error) {
	var out []*authority.Signer
	for _, p := range pairs {
		person, file, ok := strings.Cut(p, "=")
		if !ok {
			return nil, usage(t.p.Sprintf("%q: write PERSON=FILE", p))
		}
		key, err := authority.ReadKey(file)
		if err != nil {
			return nil, err
		}
		s, err := authority.NewSigner(key, authority.KidOf(public(key)))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
		tr.Roots = append(tr.Roots, authority.Root{Kid: s.Kid(), Pub: s.Public(), Person: person})
	}
	return out, nil
}

// addKeys lists keys with the given rights everywhere.
func (t *tool) addKeys(tr *authority.Trust, pairs, actions []string) error {
	for _, p := range pairs {
		person, file, ok := strings.Cut(p, "=")
		if !ok {
			return usage(t.p.Sprintf("%q: write PERSON=FILE", p))
		}
		k, err := readPublic(file)
		if err != nil {
			return err
		}
		tr.Keys = append(tr.Keys, authority.Key{
			Kid: k.Kid, Alg: k.Alg, Pub: k.Pub, Person: person, Actions: actions, Targets: []string{"*"}, MaxPriority: wire.Urgent,
		})
	}
	return nil
}

// readPublic reads FILE.pub, or the public half of a secret key file.
func readPublic(file string) (publicKey, error) {
	if key, err := authority.ReadKey(file); err == nil {
		return publicKey{Kid: authority.KidOf(public(key)), Alg: authority.AlgEd25519, Pub: authority.EncodeKey(public(key))}, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return publicKey{}, err
	}
	var k publicKey
	if err := json.Unmarshal(raw, &k); err != nil || k.Kid == "" {
		return publicKey{}, fmt.Errorf("%s is neither a secret key nor a FILE.pub of edgectl keys new", file)
	}
	if k.Alg != authority.AlgEd25519 {
		return publicKey{}, fmt.Errorf("%s: alg is %q; this version knows %s", file, k.Alg, authority.AlgEd25519)
	}
	return k, nil
}
