package authority

import (
	"errors"
	"testing"

	"fuqiao/edged/edge/wire"
)

// FuzzVerify: whatever is sent, an order comes out only with a payload that was
// signed, and everything else is refused with a cause.
func FuzzVerify(f *testing.F) {
	a := authority(f)
	stop := with(say(), func(o *wire.Order) { o.Action, o.Args = wire.AllStop, nil })
	known := map[[32]byte]bool{}
	for _, b := range [][]byte{
		signed(f, say(), "ops-1"), signed(f, stop, "market"), signed(f, say(), "ops-1", "ops-2"), signed(f, say(), "gone"), signed(f, say(), "nobody"),
	} {
		f.Add(b)
		if o, _ := a.Verify(command(), b, false); o != nil {
			known[o.Hash] = true
		}
	}
	o := say()
	payload, err := wire.EncodeOrder(&o)
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range []string{
		`{"alg":"none","kid":"ops-1","typ":"edged-cmd+jws"}`, `{"alg":"EdDSA","kid":"market","typ":"edged-cmd+jws"}`, `{"alg":"EdDSA","kid":"ops-1","typ":"edged-time+jws"}`,
		`{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws","crit":["b64"],"b64":false}`, `{"alg":"EdDSA","kid":"ops-1","typ":"edged-cmd+jws","jwk":{}}`, `{"alg":"EdDSA","alg":"none"}`, `{"Alg":"EdDSA"}`,
	} {
		f.Add([]byte(forge(h, payload, private("ops-1"))))
	}
	f.Add([]byte(`{"payload":"e30","protected":"e30","signature":""}`))
	f.Add([]byte(`{"payload":"e30","signatures":[{"protected":"e30","signature":""},{"protected":"e30","signature":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := a.Verify(command(), b, false)
		var r *Refused
		switch {
		case o == nil && !errors.As(err, &r):
			t.Fatalf("no order and error %v", err)
		case o != nil && !known[o.Hash]:
			t.Fatalf("an order that nobody signed: %+v", o)
		}
	})
}

// FuzzTrust: no trust file is taken that the roots did not sign.
func FuzzTrust(f *testing.F) {
	good := trustFile(f, example(f), "root-li", "root-wang")
	f.Add(good)
	f.Add(trustFile(f, example(f), "root-li"))
	f.Add([]byte(`{"payload":"e30","signatures":[]}`))
	want, err := CheckTrust(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := CheckTrust(b)
		if err != nil {
			if !errors.Is(err, ErrTrust) {
				t.Fatalf("error %v", err)
			}
			return
		}
		// A fuzzer can only make its own roots by chance; ours must be whole.
		if len(doc.Roots) == len(want.Roots) && doc.Roots[0] == want.Roots[0] && doc.Version != want.Version {
			t.Fatalf("changed and taken: %+v", doc)
		}
	})
}
