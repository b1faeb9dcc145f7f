package authority

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
)

func TestInstallFirst(t *testing.T) {
	cases := []struct {
		name  string
		roots []string
		good  bool
	}{
		{"two persons", []string{"root-li", "root-wang"}, true},
		{"three persons", []string{"root-li", "root-wang", "root-zhao"}, true},
		{"one person", []string{"root-li"}, false},
		{"two roots of one person", []string{"root-li", "root-li-2"}, false},
		{"two persons, one of them twice", []string{"root-li", "root-li-2", "root-zhao"}, true},
		{"a key that is no root", []string{"root-li", "ops-1"}, false},
		{"one good, one stranger more", []string{"root-li", "root-wang", "stranger"}, false},
		{"nobody", nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := trustFile(t, example(t), c.roots...)
			doc, err := CheckTrust(file)
			if (err == nil) != c.good {
				t.Fatalf("%v", err)
			}
			if err != nil && !errors.Is(err, ErrTrust) {
				t.Errorf("error %v is not of the class ErrTrust", err)
			}
			if err == nil && doc.Version != 3 {
				t.Errorf("%+v", doc)
			}
		})
	}
}

// A later file needs the persons of both, and a higher version; else the installed
// one goes on.
func TestInstallNext(t *testing.T) {
	change := func(f func(*Trust)) Trust { d := example(t); d.Version = 4; f(&d); return d }
	replaced := change(func(d *Trust) {
		d.Roots = []Root{root(t, "new-a", "sun"), root(t, "new-b", "wu"), root(t, "root-zhao", "zhao")}
	})
	cases := []struct {
		name string
		doc  Trust
		by   []string
		good bool
	}{
		{"higher version", change(func(*Trust) {}), []string{"root-li", "root-zhao"}, true},
		{"same version", change(func(d *Trust) { d.Version = 3 }), []string{"root-li", "root-zhao"}, false},
		{"lower version", change(func(d *Trust) { d.Version = 2 }), []string{"root-li", "root-zhao"}, false},
		{"new roots, signed by the old alone", replaced, []string{"root-li", "root-wang"}, false},
		{"new roots, signed by the new alone", replaced, []string{"new-a", "new-b"}, false},
		{"new roots, signed by both", replaced, []string{"root-li", "root-wang", "new-a", "new-b"}, true},
		{"new roots, one who stays counts in both", replaced, []string{"root-li", "root-zhao", "new-a"}, true},
		{"lower threshold, signed by one", change(func(d *Trust) { d.Threshold = 1 }), []string{"root-li"}, false},
		{"higher threshold, signed by two", change(func(d *Trust) { d.Threshold = 3 }), []string{"root-li", "root-zhao"}, false},
		{"higher threshold, signed by three", change(func(d *Trust) { d.Threshold = 3 }), []string{"root-li", "root-zhao", "root-wang"}, true},
		{"a root revokes itself and signs", change(func(d *Trust) { d.Revoked = append(d.Revoked, "root-li") }), []string{"root-li", "root-zhao"}, false},
		{"a root is revoked by the others", change(func(d *Trust) { d.Revoked = append(d.Revoked, "root-li") }), []string{"root-wang", "root-zhao"}, true},
		{"a root's id for another key", change(func(d *Trust) { d.Roots[0].Pub = signer(t, "new-a").Public() }), []string{"root-wang", "root-zhao"}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := authority(t)
			before := a.TrustHash()
			err := a.Install(trustFile(t, c.doc, c.by...))
			if (err == nil) != c.good {
				t.Fatalf("%v", err)
			}
			if err != nil && (a.TrustHash() != before || a.TrustVersion() != 3) {
				t.Error("the installed file did not stay")
			}
			if err == nil && (a.TrustHash() == before || a.TrustVersion() != 4) {
				t.Error("the new file does not count")
			}
		})
	}
}

// One id for two keys could let a new file's holder speak for an old root.
func TestRootIDStandsForOneKey(t *testing.T) {
	a := authority(t)
	doc := example(t)
	doc.Version = 4
	doc.Roots[0] = Root{Kid: "root-li", Pub: signer(t, "thief").Public(), Person: "li"}
	payload, err := wire.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	thief, err := NewSigner(private("thief"), "root-li")
	if err != nil {
		t.Fatal(err)
	}
	file, err := SignAll(TypeTrust, payload, thief, signer(t, "root-zhao"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Install(file); err == nil {
		t.Error("taken")
	}
}

// A revocation counts at once, also for what is waiting.
func TestRevocation(t *testing.T) {
	a := authority(t)
	o, err := a.Verify(command(), signed(t, say(), "ops-1"), false)
	if err != nil {
		t.Fatal(err)
	}
	doc := example(t)
	doc.Version++
	doc.Revoked = append(doc.Revoked, "ops-1")
	if err := a.Install(trustFile(t, doc, "root-li", "root-wang")); err != nil {
		t.Fatal(err)
	}
	var no *Rejection
	if err := a.Recheck(o); !errors.As(err, &no) || no.Reason != wire.KeyRevoked {
		t.Errorf("recheck: %v", err)
	}
	if a.Allows(o, "horn-03", nil) {
		t.Error("still allowed")
	}
	got, err := a.Verify(command(), signed(t, say(), "ops-1"), false)
	refused(t, got, err, Revoked)
}

// What is wrong in a trust file is said with its place.
func TestTrustContent(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Trust)
		says   string
	}{
		{"version 0", func(d *Trust) { d.Version = 0 }, "version"},
		{"threshold 0", func(d *Trust) { d.Threshold = 0 }, "threshold"},
		{"threshold above the persons", func(d *Trust) { d.Threshold = 4 }, "threshold"},
		{"threshold above the persons left", func(d *Trust) { d.Threshold = 3; d.Revoked = []string{"root-zhao"} }, "threshold"},
		{"no roots", func(d *Trust) { d.Roots = nil }, "threshold"},
		{"kid twice", func(d *Trust) { d.Keys[1].Kid = "ops-1" }, "keys[1] ops-1"},
		{"key twice", func(d *Trust) { d.Keys[1].Pub = d.Keys[0].Pub }, "keys[1] ops-2"},
		{"a root's key for orders", func(d *Trust) { d.Keys[0].Pub = d.Roots[0].Pub }, "keys[0] ops-1"},
		{"a root's id for orders", func(d *Trust) { d.Keys[0].Kid = "root-li" }, "keys[0] root-li"},
		{"kid with a colon", func(d *Trust) { d.Keys[0].Kid = "a:b" }, "kid and person"},
		{"no person", func(d *Trust) { d.Keys[0].Person = "" }, "kid and person"},
		{"short key", func(d *Trust) { d.Keys[0].Pub = "AAAA" }, "pub"},
		{"padded key", func(d *Trust) { d.Keys[0].Pub += "=" }, "pub"},
		{"no alg", func(d *Trust) { d.Keys[0].Alg = "" }, "alg"},
		{"no priority", func(d *Trust) { d.Keys[0].MaxPriority = "" }, "max_priority"},
		{"bad action", func(d *Trust) { d.Keys[0].Actions = []string{"speaker."} }, "actions"},
		{"bad action star", func(d *Trust) { d.Keys[0].Actions = []string{"sp*"} }, "actions"},
		{"bad target", func(d *Trust) { d.Keys[0].Targets = []string{"all"} }, "targets"},
		{"bad target behind a gateway", func(d *Trust) { d.Keys[0].Targets = []string{"gw-1/Horn"} }, "targets"},
		{"bad gateway of a target", func(d *Trust) { d.Keys[0].Targets = []string{"GW/*"} }, "targets"},
		{"bad hours", func(d *Trust) { d.Keys[0].Hours = []string{"7-21"} }, "hours"},
		{"bad rate", func(d *Trust) { d.Keys[0].Rate = &Rate{} }, "rate"},
		{"rule without actions", func(d *Trust) { d.TwoPerson = []TwoPersonRule{{}} }, "two_person[0]"},
		{"rule with a bad pattern", func(d *Trust) { d.TwoPerson = []TwoPersonRule{{Actions: []string{"*.*"}}} }, "two_person[0]"},
		{"rule with a bad priority", func(d *Trust) { d.TwoPerson = []TwoPersonRule{{Actions: []string{"*"}, Priority: "high"}} }, "two_person[0]"},
		{"rule with a bad target", func(d *Trust) { d.TwoPerson = []TwoPersonRule{{Actions: []string{"*"}, Target: "all"}} }, "two_person[0]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := example(t)
			c.change(&doc)
			_, err := SignTrust(doc, signer(t, "root-li"), signer(t, "root-wang"))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q in it", err, c.says)
			}
		})
	}
}

// The form of the file: general serialization, exact fields, its own typ.
func TestTrustForm(t *testing.T) {
	payload, err := wire.Marshal(example(t))
	if err != nil {
		t.Fatal(err)
	}
	li, wang := signer(t, "root-li"), signer(t, "root-wang")
	all := func(typ, content string) []byte {
		b, err := SignAll(typ, []byte(content), li, wang)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	compact, err := li.Sign(TypeTrust, payload)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]byte{
		"typ of an order": all(TypeCommand, string(payload)),
		"unknown field":   all(TypeTrust, strings.Replace(string(payload), `"threshold"`, `"owner":"li","threshold"`, 1)),
		"duplicate field": all(TypeTrust, strings.Replace(string(payload), `"threshold"`, `"version":9,"threshold"`, 1)),
		"cased field":     all(TypeTrust, strings.Replace(string(payload), `"threshold"`, `"Threshold"`, 1)),
		"no JSON":         all(TypeTrust, "x"),
		"compact":         compact,
		"empty":           nil,
		"too large":       append([]byte("{"), make([]byte, wire.MaxCommand)...),
		"no base64":       []byte(`{"payload":"*","signatures":[{"protected":"","signature":""}]}`),
	}
	for name, file := range cases {
		if _, err := CheckTrust(file); !errors.Is(err, ErrTrust) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := CheckTrust(all(TypeTrust, string(payload))); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestGoldenTrust(t *testing.T) {
	file := trustFile(t, example(t), "root-li", "root-wang")
	path := "testdata/trust.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, append(file, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(want)) != string(file) {
		t.Errorf("the trust file's form has changed:\n%s", file)
	}
}

func TestSigner(t *testing.T) {
	s := signer(t, "ops-1")
	now := time.UnixMicro(1795507200000000)
	if a, b, c := s.Next(now), s.Next(now), s.Next(now.Add(-time.Hour)); a != 1795507200000000 || b != a+1 || c != b+1 {
		t.Errorf("seqs %d %d %d", a, b, c)
	}
	var o wire.Order
	s.Stamp(&o, now, time.Minute)
	if o.Contract != 1 || o.Seq != 1795507200000003 || !o.Issued.Equal(now) || o.NotAfter.Sub(o.Issued) != time.Minute {
		t.Errorf("%+v", o)
	}
	if _, err := s.Sign("edged-other+jws", nil); err == nil {
		t.Error("an unknown kind was signed")
	}
	if _, err := NewSigner(nil, "a"); err == nil {
		t.Error("no key")
	}
	if _, err := NewSigner(private("a"), "a b"); err == nil {
		t.Error("a bad id")
	}
}

func TestKeyFile(t *testing.T) {
	priv, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ops-1.pem")
	if err := WriteKey(path, priv); err != nil {
		t.Fatal(err)
	}
	if err := WriteKey(path, priv); err == nil {
		t.Error("an existing key was overwritten")
	}
	back, err := ReadKey(path)
	if err != nil || !back.Equal(priv) {
		t.Fatalf("%v", err)
	}
	if kid := KidOf(priv.Public().(ed25519.PublicKey)); !wire.ValidToken(kid) {
		t.Errorf("kid %q", kid)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	for name, text := range map[string]string{
		"empty": "", "no PEM": "hello", "a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"rubbish": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "large": strings.Repeat("a", 20<<10),
	} {
		p := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKey(p); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := ReadKey(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file: taken")
	}
}
