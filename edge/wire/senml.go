package wire

import "fmt"

// Measure is one SenML record (RFC 8428 section 4). Base fields hold for it and
// all that follow; exactly one value or a sum is needed where there is a name.
type Measure struct {
	BaseName    string  `json:"bn,omitzero"`
	BaseTime    float64 `json:"bt,omitzero"`
	BaseUnit    string  `json:"bu,omitzero"`
	BaseVersion int     `json:"bver,omitzero"`
	Name        string  `json:"n,omitzero"`
	// Unit is a symbol of RFC 8428 section 12.1 or RFC 8798: Cel, %, B, s, ms, count.
	Unit   string   `json:"u,omitzero"`
	Value  *float64 `json:"v,omitempty"`
	String *string  `json:"vs,omitempty"`
	Bool   *bool    `json:"vb,omitempty"`
	// DataValue is base64url without padding.
	DataValue string   `json:"vd,omitzero"`
	Sum       *float64 `json:"s,omitempty"`
	Time      float64  `json:"t,omitzero"`
	// UpdateTime is the longest time in seconds until the next value.
	UpdateTime float64 `json:"ut,omitzero"`
}

// Pack is a SenML pack.
type Pack []Measure

// Num is a measure with a number.
func Num(name, unit string, v float64) Measure { return Measure{Name: name, Unit: unit, Value: &v} }

// Word is a measure with a string.
func Word(name, v string) Measure { return Measure{Name: name, String: &v} }

// Flag is a measure with a truth value.
func Flag(name string, v bool) Measure { return Measure{Name: name, Bool: &v} }

// Validate checks what RFC 8428 sections 4.2 and 4.5.1 require: a name of the
// allowed characters that starts with a letter or digit, and one value.
func (p Pack) Validate() error {
	base := ""
	for i, m := range p {
		if m.BaseName != "" {
			base = m.BaseName
		}
		if !senmlName(base + m.Name) {
			return fmt.Errorf("senml record %d: %q is not a name", i, clip(base+m.Name))
		}
		n := 0
		for _, has := range []bool{m.Value != nil, m.String != nil, m.Bool != nil, m.DataValue != ""} {
			if has {
				n++
			}
		}
		if n > 1 || n == 0 && m.Sum == nil {
			return fmt.Errorf("senml record %d (%s): %d values, want one", i, clip(base+m.Name), n)
		}
	}
	return nil
}

// senmlName: letters, digits, and - : . / _ behind the first (RFC 8428 section 4.5.1).
func senmlName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '-' && c != ':' && c != '.' && c != '/' && c != '_') {
			return false
		}
	}
	return s != ""
}
