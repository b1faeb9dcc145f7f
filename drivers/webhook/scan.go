package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep an event may be nested. What comes after us may recurse.
const maxDepth = 32

// top is what stands at the top of an event's JSON object.
type top struct {
	// text is each member that is a string.
	text map[string]string
	// alarm is the member "alarm": true, or "true", as a CloudEvents attribute in a
	// header has to write it.
	alarm bool
	// compact is the object without white space, else as it came: order of members,
	// digits of numbers and escapes are the sender's.
	compact []byte
}

// scan reads one JSON object strictly: UTF-8, no name twice, nothing behind it, no
// deeper than maxDepth.
func scan(body []byte) (top, error) {
	t := top{text: map[string]string{}}
	if !utf8.Valid(body) {
		return t, errors.New("not UTF-8")
	}
	d := jsontext.NewDecoder(bytes.NewReader(body))
	if open, err := d.ReadToken(); err != nil {
		return t, wrong(err)
	} else if open.Kind() != '{' {
		return t, fmt.Errorf("it begins with %s", open.Kind())
	}
	for d.PeekKind() != '}' {
		if err := t.member(d); err != nil {
			return t, err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return t, wrong(err)
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return t, errors.New("something follows the object")
	}
	v := jsontext.Value(body)
	if err := v.Compact(); err != nil {
		return t, wrong(err)
	}
	t.compact = v
	return t, nil
}

// member reads one name and its value.
func (t *top) member(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return wrong(err)
	}
	name := token.String()
	switch d.PeekKind() {
	case '"':
		token, err := d.ReadToken()
		if err != nil {
			return wrong(err)
		}
		t.text[name] = token.String()
		t.alarm = t.alarm || name == "alarm" && t.text[name] == "true"
		return nil
	case 't':
		t.alarm = t.alarm || name == "alarm"
	}
	return skip(d)
}

// skip reads one value and minds its depth.
func skip(d *jsontext.Decoder) error {
	for level := d.StackDepth(); ; {
		if _, err := d.ReadToken(); err != nil {
			return wrong(err)
		}
		switch depth := d.StackDepth(); {
		case depth == level:
			return nil
		case depth > maxDepth:
			return fmt.Errorf("nested deeper than %d levels", maxDepth)
		}
	}
}

// wrong takes what the sender can use out of the decoder's error.
func wrong(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("byte %d: %w", syntax.ByteOffset, syntax.Err)
	}
	return err
}

// gather makes the JSON format of a CloudEvent that came in binary mode (HTTP protocol
// binding 1.0.2, 3.1): each ce- header is an attribute, percent-encoded outside of
// printable ASCII; Content-Type is datacontenttype; the body is data.
func gather(h http.Header, body []byte) ([]byte, *refusal) {
	attributes := map[string]string{}
	for name, values := range h {
		attribute, ce := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ce {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil || len(values) != 1 || !utf8.ValidString(value) || !attributeName(attribute) {
			return nil, bad("header " + name + " is no attribute of a CloudEvent")
		}
		attributes[attribute] = value
	}
	out := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		out = member(out, name, attributes[name])
	}
	out = member(out, "datacontenttype", "application/json")
	if len(body) > 0 {
		if !jsontext.Value(body).IsValid() { // by itself: it must not end the object early
			return nil, bad("the body is not JSON")
		}
		out = append(append(out, `"data":`...), body...)
	} else {
		out = out[:len(out)-1] // the last comma
	}
	return append(out, '}'), nil
}

// member appends "name":"value",.
func member(out []byte, name, value string) []byte {
	out, _ = jsontext.AppendQuote(out, name) // both are valid UTF-8
	out, _ = jsontext.AppendQuote(append(out, ':'), value)
	return append(out, ',')
}

// attributeName: lower-case letters and digits (CloudEvents 1.0.2, 3); data and what
// Content-Type says are not in headers.
func attributeName(s string) bool {
	return s != "" && s != "data" && s != "datacontenttype" &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
