package authority

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
)

const gateway = "xiaozhakou-1"

// noon is a time within every test order's life.
func noon() time.Time { return time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC) }

// private makes the same key for the same name in every run.
func private(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func signer(t testing.TB, kid string) *Signer {
	t.Helper()
	s, err := NewSigner(private(kid), kid)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func root(t testing.TB, kid, person string) Root {
	return Root{Kid: kid, Pub: signer(t, kid).Public(), Person: person}
}

func keyOf(t testing.TB, kid, person string, actions, targets []string, top wire.Priority) Key {
	return Key{Kid: kid, Alg: AlgEd25519, Pub: signer(t, kid).Public(), Person: person, Actions: actions, Targets: targets, MaxPriority: top}
}

// example is the trust file of the tests: two of three persons, and keys of all sorts.
func example(t testing.TB) Trust {
	every := []string{"*"}
	return Trust{
		Version: 3, Threshold: 2,
		Roots: []Root{root(t, "root-li", "li"), root(t, "root-wang", "wang"), root(t, "root-zhao", "zhao"), root(t, "root-li-2", "li")},
		Keys: []Key{
			keyOf(t, "ops-1", "wang", every, every, wire.Emergency),
			keyOf(t, "ops-2", "li", every, every, wire.Emergency),
			keyOf(t, "ops-3", "wang", every, every, wire.Urgent),
			keyOf(t, "market", "chen", []string{"speaker.*", "stop", "cancel"}, []string{"group:market", "horn-03"}, wire.Normal),
			keyOf(t, "stick", "sun", []string{"dome.move", "dome.acquire"}, []string{gateway + "/gate-3", "other-box/*", "grid:3708"}, wire.Normal),
			keyOf(t, "clock-1", "platform", []string{"time"}, nil, wire.Background),
			keyOf(t, "gone", "qian", every, every, wire.Emergency),
			{Kid: "future-alg", Alg: "SM2", Pub: "AAAA", Person: "wu", Actions: every, Targets: every, MaxPriority: wire.Normal},
		},
		Revoked: []string{"gone"},
	}
}

func trustFile(t testing.TB, doc Trust, roots ...string) []byte {
	t.Helper()
	var by []*Signer
	for _, r := range roots {
		by = append(by, signer(t, r))
	}
	file, err := SignTrust(doc, by...)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func authority(t testing.TB) *Authority {
	t.Helper()
	a, err := New(Options{
		Gateway: gateway, Groups: func() []string { return []string{"market"} }, Trust: trustFile(t, example(t), "root-li", "root-wang"),
		Now: func() (time.Time, time.Duration, bool) { return noon(), 0, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// say is a good order for one loudspeaker.
func say() wire.Order {
	return wire.Order{
		Contract: 1, ID: "01JD8Z3N6Q0W9V6T5R4S3P2M1K", Seq: 7, Issued: noon(), NotAfter: noon().Add(time.Minute),
		Gateway: gateway, Target: []string{"horn-03"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "请勿占道经营"},
	}
}

func with(o wire.Order, change func(*wire.Order)) wire.Order { change(&o); return o }

func signed(t testing.TB, o wire.Order, kids ...string) []byte {
	t.Helper()
	var b []byte
	var err error
	if len(kids) == 1 {
		b, err = signer(t, kids[0]).SignOrder(o)
	} else {
		var by []*Signer
		for _, k := range kids {
			by = append(by, signer(t, k))
		}
		b, err = SignOrderAll(o, by...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func command() wire.Topic {
	return wire.Topic{Root: "fuqiao", Gateway: gateway, Channel: wire.ChanCommand}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// forge signs any header and payload by hand, as somebody would who does not keep to
// the rules.
func forge(header string, payload []byte, by ed25519.PrivateKey) string {
	in := b64([]byte(header)) + "." + b64(payload)
	return in + "." + b64(ed25519.Sign(by, []byte(in)))
}

// refused checks that nothing came out but a cause to count.
func refused(t *testing.T, o *wire.Order, err error, want Cause) {
	t.Helper()
	var r *Refused
	if o != nil || !errors.As(err, &r) || r.Why != want {
		t.Errorf("order %v, error %v, want refused: %s", o, err, want)
	}
	var no *Rejection
	if errors.As(err, &no) && o != nil {
		t.Error("it would get a result")
	}
}
