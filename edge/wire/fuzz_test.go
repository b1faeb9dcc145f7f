package wire_test

import (
	"errors"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

// FuzzOrder: whatever comes, there is an order and no fault, a named order with a
// fault, or nothing; and what was taken can be written and read again.
func FuzzOrder(f *testing.F) {
	s := example(f)
	seeds := []string{
		s,
		strings.Replace(s, `"priority"`, `"x-a":{"b":[null]},"priority"`, 1),
		strings.Replace(s, `"priority"`, `"id":"b","priority"`, 1),
		strings.Replace(s, `"repeat":2`, `"repeat":1e999`, 1),
		strings.Replace(s, `"text"`, `"Text"`, 1),
		strings.Replace(s, `请`, "\xff", 1),
		strings.Repeat(`{"a":`, 200),
		`{"contract":1,"id":"a","seq":18446744073709551615,"group":"market","action":"dome.move","args":{"pan":-0.0}}`,
	}
	for _, x := range seeds {
		f.Add([]byte(x))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := wire.DecodeOrder(b)
		var fault *wire.Fault
		var m wire.Malformed
		switch {
		case err == nil && o == nil, o != nil && err != nil && !errors.As(err, &fault), o == nil && !errors.As(err, &m):
			t.Fatalf("order %v, error %v", o, err)
		case o != nil && (!wire.ValidToken(o.ID) || o.Seq == 0 || (o.Gateway == "") == (o.Group == "")):
			t.Fatalf("an order that cannot be named: %+v", o)
		case err != nil:
			if _, bad := wire.Marshal(wire.Result{Detail: err.Error(), Action: wire.Action(actionOf(o))}); bad != nil {
				t.Fatalf("the refusal cannot be told: %v", bad)
			}
			return
		}
		again, err := wire.EncodeOrder(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.DecodeOrder(again); err != nil {
			t.Fatalf("written again it is refused: %v\n%s", err, again)
		}
	})
}

func actionOf(o *wire.Order) string {
	if o == nil {
		return ""
	}
	return string(o.Action)
}
