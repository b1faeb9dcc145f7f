package authority

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

func TestGoodOrder(t *testing.T) {
	a := authority(t)
	o, err := a.Verify(command(), signed(t, say(), "ops-1"), false)
	if err != nil {
		t.Fatal(err)
	}
	if o.Kid != "ops-1" || o.Person != "wang" || o.Reach != wire.Emergency || o.Act() != "cmd:ops-1:01JD8Z3N6Q0W9V6T5R4S3P2M1K" {
		t.Errorf("%+v", o)
	}
	if s, ok := o.Args.(*wire.SayArgs); !ok || s.Text != "请勿占道经营" {
		t.Errorf("args %#v", o.Args)
	}
}

// TestPromise18_Retained: what the broker kept is refused, on every channel, and gets
// no result.
func TestPromise18_Retained(t *testing.T) {
	a := authority(t)
	good := signed(t, say(), "ops-1")
	o, err := a.Verify(command(), good, true)
	refused(t, o, err, Retained)
	stop := with(say(), func(o *wire.Order) { o.Action, o.Args = wire.AllStop, nil })
	o, err = a.Verify(wire.Topic{Gateway: gateway, Channel: wire.ChanStop}, signed(t, stop, "ops-1"), true)
	refused(t, o, err, Retained)
	o, err = a.Verify(wire.Topic{Group: "market", Channel: wire.ChanCommand}, good, true)
	refused(t, o, err, Retained)
	if _, err := a.Verify(command(), good, false); err != nil {
		t.Errorf("the same, not retained: %v", err)
	}
}

// TestPromise19_Forged: everything that is not a whole and good envelope by a listed
// key is refused without a result, and says which way it was wrong.
func TestPromise19_Forged(t *testing.T) {
	a := authority(t)
	o := say()
	payload, err := wire.EncodeOrder(&o)
	if err != nil {
		t.Fatal(err)
	}
	ops, market := private("ops-1"), private("market")
	head := `{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws"}`
	good := forge(head, payload, ops)
	if _, err := a.Verify(command(), []byte(good), false); err != nil {
		t.Fatalf("the forger's own good one: %v", err)
	}
	part := strings.Split(good, ".")
	hmacked := func() string {
		in := b64([]byte(`{"alg":"HS256","kid":"ops-1","typ":"edged-cmd+jws"}`)) + "." + b64(payload)
		m := hmac.New(sha256.New, ops.Public().(ed25519.PublicKey))
		m.Write([]byte(in))
		return in + "." + b64(m.Sum(nil))
	}
	header := func(h string) string { return forge(h, payload, ops) }
	extra := func(member string) string {
		return header(`{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws",` + member + `}`)
	}
	sig := func(p []string) string { return fmt.Sprintf(`{"protected":%q,"signature":%q}`, p[0], p[2]) }
	general := func(sigs ...string) string {
		return fmt.Sprintf(`{"payload":%q,"signatures":[%s]}`, part[1], strings.Join(sigs, ","))
	}
	second := strings.Split(forge(`{"alg":"EdDSA","kid":"ops-2","typ":"edged-cmd+jws"}`, payload, private("ops-2")), ".")
	badSecond := []string{second[0], second[1], part[2]}
	tampered := strings.Replace(string(payload), "horn-03", "horn-04", 1)

	cases := []struct {
		name, msg string
		want      Cause
	}{
		{"empty", "", BadEnvelope},
		{"not a JWS", "hello", BadEnvelope},
		{"the bare payload", string(payload), BadEnvelope},
		{"alg none, no signature", b64([]byte(`{"alg":"none","kid":"ops-1","typ":"edged-cmd+jws"}`)) + "." + part[1] + ".", BadEnvelope},
		{"alg none, signed", header(`{"alg":"none","kid":"ops-1","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"HMAC with the public key", hmacked(), BadEnvelope},
		{"alg of another name", header(`{"alg":"Ed25519","kid":"ops-1","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"alg of another case", header(`{"alg":"eddsa","kid":"ops-1","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"key of an alg that this build lacks", header(`{"alg":"SM2","kid":"future-alg","typ":"edged-cmd+jws"}`), Forged},
		{"kid of another's key", forge(`{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws"}`, payload, market), Forged},
		{"unknown kid", header(`{"alg":"EdDSA","kid":"ops-9","typ":"edged-cmd+jws"}`), UnknownKey},
		{"no kid", header(`{"alg":"EdDSA","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"kid with a path", header(`{"alg":"EdDSA","kid":"../ops-1","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"a root's key", forge(`{"alg":"EdDSA","kid":"root-li","typ":"edged-cmd+jws"}`, payload, private("root-li")), UnknownKey},
		{"a revoked key", forge(`{"alg":"EdDSA","kid":"gone","typ":"edged-cmd+jws"}`, payload, private("gone")), Revoked},
		{"typ of a beacon", header(`{"alg":"EdDSA","kid":"ops-1","typ":"edged-time+jws"}`), WrongType},
		{"typ of a trust file", header(`{"alg":"EdDSA","kid":"ops-1","typ":"edged-trust+jws"}`), WrongType},
		{"typ of another case", header(`{"alg":"EdDSA","kid":"ops-1","typ":"EDGED-CMD+JWS"}`), WrongType},
		{"typ missing", header(`{"alg":"EdDSA","kid":"ops-1"}`), BadEnvelope},
		{"crit", extra(`"crit":["b64"]`), BadEnvelope},
		{"crit empty", extra(`"crit":[]`), BadEnvelope},
		{"b64", extra(`"b64":false`), BadEnvelope},
		{"jwk", extra(`"jwk":{"kty":"OKP","crv":"Ed25519","x":"` + EncodeKey(market.Public().(ed25519.PublicKey)) + `"}`), BadEnvelope},
		{"jku", extra(`"jku":"https://example.org/keys"`), BadEnvelope},
		{"x5u", extra(`"x5u":"https://example.org/cert"`), BadEnvelope},
		{"x5c", extra(`"x5c":["AAAA"]`), BadEnvelope},
		{"x5t", extra(`"x5t":"AAAA"`), BadEnvelope},
		{"x5t#S256", extra(`"x5t#S256":"AAAA"`), BadEnvelope},
		{"cty", extra(`"cty":"json"`), BadEnvelope},
		{"private header", extra(`"x-note":"a"`), BadEnvelope},
		{"duplicate kid", extra(`"kid":"market"`), BadEnvelope},
		{"wrongly cased alg", header(`{"Alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws"}`), BadEnvelope},
		{"null kid", header(`{"alg":"EdDSA","kid":null,"typ":"edged-cmd+jws"}`), BadEnvelope},
		{"header is a list", header(`["EdDSA"]`), BadEnvelope},
		{"header not UTF-8", header("{\"alg\":\"EdDSA\",\"kid\":\"ops-1\",\"typ\":\"\xff\"}"), BadEnvelope},
		{"header with more behind", header(head + head), BadEnvelope},
		{"header too long", header(`{"alg":"EdDSA","kid":"ops-1","typ":"` + strings.Repeat("a", 600) + `"}`), BadEnvelope},
		{"header deep", header(strings.Repeat("[", 400)), BadEnvelope},
		{"payload of another", part[0] + "." + b64([]byte(tampered)) + "." + part[2], Forged},
		{"payload left out", part[0] + ".." + part[2], Forged},
		{"signature left out", part[0] + "." + part[1] + ".", Forged},
		{"signature cut", part[0] + "." + part[1] + "." + part[2][:80], Forged},
		{"signature of zeros", part[0] + "." + part[1] + "." + b64(make([]byte, 64)), Forged},
		{"two parts", part[0] + "." + part[1], BadEnvelope},
		{"four parts", good + "." + part[2], BadEnvelope},
		{"line break", good + "\n", BadEnvelope},
		{"space in front", " " + good, BadEnvelope},
		{"padding", part[0] + "=." + part[1] + "." + part[2], BadEnvelope},
		{"flattened", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, part[1], part[0], part[2]), BadEnvelope},
		{"general and flattened", fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q,"signatures":[%s]}`, part[1], part[0], part[2], sig(part)), BadEnvelope},
		{"unprotected header", fmt.Sprintf(`{"payload":%q,"signatures":[{"header":{"kid":"ops-1"},"protected":%q,"signature":%q}]}`, part[1], part[0], part[2]), BadEnvelope},
		{"unprotected header, empty", fmt.Sprintf(`{"payload":%q,"signatures":[{"header":{},"protected":%q,"signature":%q}]}`, part[1], part[0], part[2]), BadEnvelope},
		{"no signatures", general(), BadEnvelope},
		{"five signatures", general(sig(part), sig(second), sig(part), sig(second), sig(part)), BadEnvelope},
		{"one good, one bad", general(sig(part), sig(badSecond)), Forged},
		{"one bad, one good", general(sig(badSecond), sig(part)), Forged},
		{"one good, one unknown", general(sig(part), sig(strings.Split(forge(`{"alg":"EdDSA","kid":"ops-9","typ":"edged-cmd+jws"}`, payload, market), "."))), UnknownKey},
		{"one good, one revoked", general(sig(part), sig(strings.Split(forge(`{"alg":"EdDSA","kid":"gone","typ":"edged-cmd+jws"}`, payload, private("gone")), "."))), Revoked},
		{"one good, one of another typ", general(sig(part), sig(strings.Split(forge(`{"alg":"EdDSA","kid":"ops-2","typ":"edged-time+jws"}`, payload, private("ops-2")), "."))), WrongType},
		{"twice by one key", general(sig(part), sig(part)), BadEnvelope},
		{"duplicate payload", strings.Replace(general(sig(part)), `{"payload"`, `{"payload":"AAAA","payload"`, 1), BadEnvelope},
		{"unknown member", strings.Replace(general(sig(part)), `{"payload"`, `{"note":1,"payload"`, 1), BadEnvelope},
		{"a dot within a member", strings.Replace(general(sig(part)), part[1], part[1][:4]+"."+part[1][4:], 1), BadEnvelope},
		{"deep nesting", `{"payload":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, BadEnvelope},
		{"too large", strings.Repeat("a", wire.MaxCommand+1), TooLarge},
		{"signed, duplicate names", forge(head, []byte(strings.Replace(string(payload), `"id"`, `"seq":1,"id"`, 1)), ops), Undecodable},
		{"signed, invalid UTF-8", forge(head, []byte(strings.Replace(string(payload), "horn-03", "horn-\xff", 1)), ops), Undecodable},
		{"signed, no JSON", forge(head, []byte("stop"), ops), Undecodable},
		{"signed, deep", forge(head, []byte(strings.Repeat(`{"a":`, 40)), ops), Undecodable},
		{"signed, huge seq", forge(head, []byte(strings.Replace(string(payload), `"seq":7`, `"seq":1e30`, 1)), ops), Undecodable},
		{"signed for another box", forge(head, []byte(strings.Replace(string(payload), gateway, "xiaozhakou-2", 1)), ops), WrongBox},
		{"signed for a group, on the box's topic", forge(head, []byte(strings.Replace(string(payload), `"gateway":"`+gateway+`"`, `"group":"market"`, 1)), ops), WrongBox},
		{"signed for another box, with a fault", forge(head, []byte(strings.Replace(strings.Replace(string(payload), gateway, "xiaozhakou-2", 1), `"action"`, `"what":1,"action"`, 1)), ops), WrongBox},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := a.Verify(command(), []byte(c.msg), false)
			refused(t, o, err, c.want)
			if Why(err) != string(c.want) {
				t.Errorf("counted as %q", Why(err))
			}
		})
	}
	if _, err := a.Verify(command(), []byte(general(sig(part), sig(second))), false); err != nil {
		t.Errorf("two good signatures: %v", err)
	}
	if _, err := a.Verify(command(), []byte(general(sig(part))), false); err != nil {
		t.Errorf("one signature, general: %v", err)
	}
}

// A single flipped bit anywhere never gives an order other than the one signed.
func TestFlippedBits(t *testing.T) {
	a := authority(t)
	good := signed(t, say(), "ops-1")
	want, err := a.Verify(command(), good, false)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(good) * 8 {
		b := append([]byte(nil), good...)
		b[i/8] ^= 1 << (i % 8)
		if o, err := a.Verify(command(), b, false); o != nil && o.Hash != want.Hash {
			t.Fatalf("bit %d: %+v %v", i, o, err)
		}
	}
}

func TestTopicMustFit(t *testing.T) {
	a := authority(t)
	stop := with(say(), func(o *wire.Order) { o.Action, o.Args = wire.SpeakerStop, nil })
	group := with(say(), func(o *wire.Order) { o.Gateway, o.Group = "", "market" })
	north := with(say(), func(o *wire.Order) { o.Gateway, o.Group = "", "north" })
	cases := []struct {
		name  string
		topic wire.Topic
		o     wire.Order
		want  Cause // empty: good
	}{
		{"command", command(), say(), ""},
		{"stop on its own topic", wire.Topic{Gateway: gateway, Channel: wire.ChanStop}, stop, ""},
		{"stop on the command topic", command(), stop, ""},
		{"no stop on the stop topic", wire.Topic{Gateway: gateway, Channel: wire.ChanStop}, say(), WrongTopic},
		{"group order", wire.Topic{Group: "market", Channel: wire.ChanCommand}, group, ""},
		{"group that we are not in", wire.Topic{Group: "north", Channel: wire.ChanCommand}, north, WrongBox},
		{"gateway's order on a group's topic", wire.Topic{Group: "market", Channel: wire.ChanCommand}, say(), WrongBox},
		{"another box's topic", wire.Topic{Gateway: "xiaozhakou-2", Channel: wire.ChanCommand}, say(), WrongBox},
		{"the result topic", wire.Topic{Gateway: gateway, Channel: wire.ChanResult}, say(), WrongTopic},
		{"the time topic", wire.Topic{Gateway: gateway, Channel: wire.ChanTime}, say(), WrongTopic},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o, err := a.Verify(c.topic, signed(t, c.o, "ops-1"), false)
			if c.want != "" {
				refused(t, o, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What verified but must not be done gets a result under its own name.
func TestFaultyOrderIsRejected(t *testing.T) {
	a := authority(t)
	o := say()
	payload, _ := wire.EncodeOrder(&o)
	msg := forge(`{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws"}`, []byte(strings.Replace(string(payload), `"action"`, `"loudness":1,"action"`, 1)), private("ops-1"))
	got, err := a.Verify(command(), []byte(msg), false)
	var no *Rejection
	if !errors.As(err, &no) || no.Reason != wire.UnknownField || got == nil || got.Kid != "ops-1" || got.ID != o.ID {
		t.Errorf("%+v %v", got, err)
	}
}

// The order of signatures is not itself signed: it must not matter.
func TestOrderOfSignaturesDoesNotMatter(t *testing.T) {
	a := authority(t)
	x, err1 := a.Verify(command(), signed(t, say(), "ops-3", "ops-2"), false)
	y, err2 := a.Verify(command(), signed(t, say(), "ops-2", "ops-3"), false)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if x.Kid != "ops-2" || y.Kid != "ops-2" || len(x.Kids) != 2 || x.Reach != wire.Urgent || x.Hash != y.Hash {
		t.Errorf("%+v\n%+v", x, y)
	}
}

func TestNoTrustFile(t *testing.T) {
	a, err := New(Options{Gateway: gateway})
	if err != nil {
		t.Fatal(err)
	}
	o, err := a.Verify(command(), signed(t, say(), "ops-1"), false)
	refused(t, o, err, NoTrust)
	if _, err := a.VerifyBeacon(nil); Why(err) != string(NoTrust) {
		t.Errorf("beacon: %v", err)
	}
	good := say()
	good.Kids = []string{"ops-1"}
	if a.Allows(&good, "horn-03", nil) || a.Take(&good) || a.MayCancel(&good) || a.Recheck(&good) == nil || a.TrustVersion() != 0 || a.TrustHash() != "" {
		t.Error("something is allowed without a trust file")
	}
	if _, err := New(Options{Gateway: "All"}); err == nil {
		t.Error("a bad gateway id was taken")
	}
	if _, err := New(Options{Gateway: gateway, Trust: []byte("x")}); err == nil {
		t.Error("a bad trust file was taken")
	}
}

func BenchmarkVerify(b *testing.B) {
	a := authority(b)
	msg := signed(b, say(), "ops-1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Verify(command(), msg, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefuse: a forgery costs no more than an order, and one by an unknown key
// costs no signature.
func BenchmarkRefuse(b *testing.B) {
	a := authority(b)
	good := signed(b, say(), "ops-1")
	for name, msg := range map[string][]byte{
		"forged":  append(append([]byte(nil), good[:len(good)-8]...), "AAAAAAAA"...),
		"unknown": signed(b, say(), "nobody"),
		"large":   make([]byte, wire.MaxCommand),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Verify(command(), msg, false); err == nil {
					b.Fatal("taken")
				}
			}
		})
	}
}
