package webhook

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzEvent: whatever is posted, in whichever shape, is refused or becomes one JSON
// object with a kind.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		`{"type":"motion","time":"2026-11-24T08:00:00Z","alarm":true}`,
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":[1,2,{"b":null}]}}`,
		`1,"alarm":"true"`, `{}{}`, `[`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, strings.Repeat(`{"a":`, 50), "",
	} {
		for s := range uint8(3) {
			f.Add(s, []byte(seed), "%E4%B8%9C")
		}
	}
	f.Fuzz(func(t *testing.T, s uint8, body []byte, subject string) {
		h := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"s"}, "Ce-Type": {"t"}, "Ce-Subject": {subject}}
		before := string(body)
		e, no := shape(s%3).event(h, body, []string{"fire"})
		if no != nil {
			if no.status != http.StatusBadRequest || no.text == "" || !utf8.ValidString(no.text) {
				t.Fatalf("refused with %d %q", no.status, no.text)
			}
			return
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(e.Data, &object); err != nil || !utf8.Valid(e.Data) {
			t.Fatalf("%q became %q: %v", before, e.Data, err)
		}
		if e.Kind == "" || len(e.Kind) > maxName || len(e.ID) > maxName || strings.ContainsAny(e.Kind+e.ID, "\r\n\x00") {
			t.Fatalf("kind %q id %q", e.Kind, e.ID)
		}
		if shape(s%3) == binary && len(before) > 0 && !json.Valid([]byte(before)) {
			t.Fatalf("%q was put into an envelope: %s", before, e.Data)
		}
	})
}
