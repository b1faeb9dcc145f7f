package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Raw is a JSON value that is carried but not looked into.
type Raw = jsontext.Value

// Sizes and depth of what comes in.
const (
	MaxCommand = 64 << 10  // bytes of a command, stop, trust file or beacon as it arrives
	MaxUp      = 128 << 10 // bytes of an upward message
	MaxDepth   = 32        // nested objects and arrays
)

// Malformed is why a payload cannot be decoded at all: too large, too deep, not
// JSON, duplicate names, invalid UTF-8. Nothing in it can be trusted to name an
// order, so it gets no result.
type Malformed string

// Error is the text.
func (m Malformed) Error() string { return "malformed: " + string(m) }

// Marshal encodes v for the wire: times as RFC 3339 in UTC with milliseconds.
func Marshal(v any) ([]byte, error) {
	stamp := json.MarshalToFunc(func(e *jsontext.Encoder, t time.Time) error {
		var buf [64]byte
		b := append(buf[:0], '"')
		b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
		return e.WriteValue(append(b, '"'))
	})
	return json.Marshal(v, json.WithMarshalers(stamp), json.Deterministic(true))
}

// Unmarshal decodes an upward message: case-sensitively, without duplicate names
// or invalid UTF-8, ignoring unknown fields.
func Unmarshal(data []byte, v any) error {
	if err := shape(data, MaxUp, MaxDepth); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return judge(err)
	}
	return nil
}

// Strict decodes a downward or signed payload of at most limit bytes into v. An
// unknown field is a *Fault of reason unknown_field, unless its name starts with
// "x-"; a value of the wrong type, or null, is a *Fault of reason bad_args; what is
// no sound JSON at all is Malformed.
func Strict(data []byte, limit int, v any) error {
	if err := shape(data, limit, MaxDepth); err != nil {
		return err
	}
	if err := noNull(data); err != nil {
		return err
	}
	return strict(data, v)
}

// Exact is Strict without the tolerance for names that start with x-.
func Exact(data []byte, limit int, v any) error {
	if err := shape(data, limit, MaxDepth); err != nil {
		return err
	}
	if err := noNull(data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return judge(err)
	}
	return nil
}

// strict is Strict without the checks of shape.
func strict(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	out := judge(err)
	var f *Fault
	if !errors.As(out, &f) || f.Reason != UnknownField || !private(f.Field) {
		return out
	}
	// Rare: private members are cut out, then the rest is judged as if they had
	// never been there.
	lean, err := withoutPrivate(data)
	if err != nil {
		return judge(err)
	}
	if err := json.Unmarshal(lean, v, json.RejectUnknownMembers(true)); err != nil {
		return judge(err)
	}
	return nil
}

// private tells whether the last name of a JSON pointer starts with x-.
func private(pointer string) bool {
	return strings.HasPrefix(pointer[strings.LastIndexByte(pointer, '/')+1:], "x-")
}

// judge sorts a decoder's error.
func judge(err error) error {
	var sem *json.SemanticError
	if !errors.As(err, &sem) {
		return Malformed(clip(err.Error()))
	}
	// A broken string inside a value is reported as a semantic error around a
	// syntactic one; it is the syntax that counts.
	var syn *jsontext.SyntacticError
	if errors.As(sem.Err, &syn) {
		return Malformed(clip(syn.Error()))
	}
	if errors.Is(sem.Err, json.ErrUnknownName) {
		return &Fault{Reason: UnknownField, Field: clip(string(sem.JSONPointer)), Detail: "the contract knows no such field; names that start with x- are ignored"}
	}
	detail := fmt.Sprintf("a JSON %s does not fit here", sem.JSONKind)
	if sem.Err != nil {
		detail = clip(sem.Err.Error())
	}
	return &Fault{Reason: BadArgs, Field: clip(string(sem.JSONPointer)), Detail: detail}
}

// withoutPrivate copies data without the members whose name starts with x-.
func withoutPrivate(data []byte) ([]byte, error) {
	var out bytes.Buffer
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	enc := jsontext.NewEncoder(&out)
	for {
		if dec.PeekKind() == '"' {
			if in, n := dec.StackIndex(dec.StackDepth()); in == '{' && n%2 == 0 {
				name, err := dec.ReadToken()
				if err != nil {
					return nil, err
				}
				text := name.String()
				if strings.HasPrefix(text, "x-") {
					if err := dec.SkipValue(); err != nil {
						return nil, err
					}
					continue
				}
				if err := enc.WriteToken(jsontext.String(text)); err != nil {
					return nil, err
				}
				continue
			}
		}
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		if err := enc.WriteToken(tok); err != nil {
			return nil, err
		}
		if dec.StackDepth() == 0 {
			return out.Bytes(), nil
		}
	}
}

// shape checks size and depth before any parser runs: one pass over the bytes that
// knows strings and brackets and allocates nothing.
func shape(data []byte, limit, deepest int) error {
	if len(data) == 0 {
		return Malformed("empty")
	}
	if len(data) > limit {
		return Malformed(fmt.Sprintf("%d bytes, at most %d are allowed", len(data), limit))
	}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = skipString(data, i)
		case '{', '[':
			if depth++; depth > deepest {
				return Malformed(fmt.Sprintf("nested deeper than %d", deepest))
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// skipString returns the index of the quote that ends the string beginning at i.
func skipString(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i
}

// noNull refuses null: an absent field is left out. Outside strings the letter n
// occurs in no other JSON word.
func noNull(data []byte) error {
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = skipString(data, i)
		case 'n':
			return &Fault{Reason: BadArgs, Detail: "null is not used: a field that is absent is left out"}
		}
	}
	return nil
}
