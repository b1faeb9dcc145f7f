package config

import (
	"math"
	"net"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxText bounds every text of the file, in characters.
const maxText = 1024

func (d *decoder) scalar(n Node, v reflect.Value, l limits) bool {
	switch v.Kind() {
	case reflect.String:
		return d.text(n, v, l)
	case reflect.Bool:
		good := n.y.Value == "true" || n.y.Value == "false"
		switch {
		case n.y.Kind != yaml.ScalarNode || !good:
			d.kind(n, wordBool)
			return false
		case quoted(n.y):
			d.report(n, sayUnquote, n.said(), n.y.Value)
			return false
		}
		v.SetBool(n.y.Value == "true")
		return true
	case reflect.Float32, reflect.Float64:
		return d.float(n, v, l)
	default:
		return d.integer(n, v, l)
	}
}

func (d *decoder) text(n Node, v reflect.Value, l limits) bool {
	if n.y.Kind != yaml.ScalarNode {
		d.kind(n, wordText)
		return false
	}
	text := n.y.Value
	if len(l.words) > 0 {
		if !d.word(n, text, l.words) {
			return false
		}
		v.SetString(text)
		return true
	}
	if n.y.Tag == "!!bool" && !quoted(n.y) {
		d.report(n, sayQuote, n.said())
		return false
	}
	if c := utf8.RuneCountInString(text); c > maxText {
		d.report(n, sayLong, strconv.Itoa(c), strconv.Itoa(maxText))
		return false
	}
	if text != "" && !d.pattern(n, text, l.pattern) {
		return false
	}
	v.SetString(text)
	return true
}

func (d *decoder) word(n Node, text string, words []string) bool {
	for _, w := range words {
		if w == text {
			return true
		}
	}
	if meant := Near(text, words); meant != "" && len(words) > 4 {
		d.report(n, sayEnumNear, n.said(), meant, strings.Join(words, ", "))
	} else {
		d.report(n, sayEnum, n.said(), strings.Join(words, ", "))
	}
	return false
}

// pattern judges text by name: id, secret, digits20, digits23, hostport, urlpath.
func (d *decoder) pattern(n Node, text, pattern string) bool {
	switch pattern {
	case "id":
		if !isID(text) {
			d.report(n, sayID, n.said())
			return false
		}
	case "secret":
		if !isID(text) {
			d.report(n.hide(), saySecretName)
			return false
		}
	case "digits20", "digits23":
		want := strings.TrimPrefix(pattern, "digits")
		if strconv.Itoa(len(text)) != want || strings.Trim(text, "0123456789") != "" {
			d.report(n, sayDigits, n.said(), want)
			return false
		}
	case "hostport":
		if host, port, err := net.SplitHostPort(text); err != nil || host == "" || !isPort(port) {
			d.report(n, sayHostPort, n.said())
			return false
		}
	case "urlpath":
		if !strings.HasPrefix(text, "/") || strings.ContainsAny(text, " \t?#\\") {
			d.report(n, sayURLPath, n.said())
			return false
		}
	}
	return true
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// integer takes decimal digits only: what 017 or 1e3 means is not agreed upon
// between readers of YAML, let alone people.
func (d *decoder) integer(n Node, v reflect.Value, l limits) bool {
	if !d.number(n, wordInt, false) {
		return false
	}
	text := n.y.Value
	if len(l.words) > 0 && !d.word(n, text, l.words) {
		return false
	}
	bits := v.Type().Bits()
	if v.CanUint() {
		u, err := strconv.ParseUint(text, 10, bits)
		if err != nil || !within(float64(u), l) {
			d.outside(n, l, "0", strconv.FormatUint(math.MaxUint64>>(64-bits), 10))
			return false
		}
		v.SetUint(u)
		return true
	}
	i, err := strconv.ParseInt(text, 10, bits)
	if err != nil || !within(float64(i), l) {
		most := int64(math.MaxInt64) >> (64 - bits)
		d.outside(n, l, strconv.FormatInt(-most-1, 10), strconv.FormatInt(most, 10))
		return false
	}
	v.SetInt(i)
	return true
}

func (d *decoder) float(n Node, v reflect.Value, l limits) bool {
	if !d.number(n, wordFloat, true) {
		return false
	}
	x, err := strconv.ParseFloat(n.y.Value, v.Type().Bits())
	if err != nil || !within(x, l) {
		most := strconv.FormatFloat(math.MaxFloat64, 'g', 3, 64)
		d.outside(n, l, "-"+most, most)
		return false
	}
	v.SetFloat(x)
	return true
}

// number tells whether n is written as a number of the kind that want names, and
// reports it otherwise, with the way to write it where that is clear.
func (d *decoder) number(n Node, want Word, fraction bool) bool {
	plain := ""
	switch {
	case n.y.Kind != yaml.ScalarNode:
	case decimal(n.y.Value, fraction) && quoted(n.y):
		d.report(n, sayUnquote, n.said(), n.y.Value)
		return false
	case decimal(n.y.Value, fraction):
		return true
	case !quoted(n.y):
		plain = plainDigits(n.y.Value, fraction)
	}
	if plain == "" {
		d.kind(n, want)
	} else {
		d.report(n, sayPlain, n.said(), want, plain)
	}
	return false
}

// outside reports a number beyond the key's own range, or its type's.
func (d *decoder) outside(n Node, l limits, low, high string) {
	if l.low != "" {
		low = l.low
	}
	if l.high != "" {
		high = l.high
	}
	d.report(n, sayRange, n.said(), low, high)
}

func within(x float64, l limits) bool {
	if low, err := strconv.ParseFloat(l.low, 64); err == nil && x < low {
		return false
	}
	high, err := strconv.ParseFloat(l.high, 64)
	return err != nil || x <= high
}

// decimal tells whether s is -?(0|[1-9][0-9]*), with a fraction if allowed.
func decimal(s string, fraction bool) bool {
	s = strings.TrimPrefix(s, "-")
	whole, part, dot := strings.Cut(s, ".")
	if whole == "" || strings.Trim(whole, "0123456789") != "" || len(whole) > 1 && whole[0] == '0' {
		return false
	}
	return !dot || fraction && part != "" && strings.Trim(part, "0123456789") == ""
}

// plainDigits is what the author of 0x10, 1_000, +5, 1e3 or 017 may have meant, ""
// where nobody knows. A leading zero is taken as decoration.
func plainDigits(s string, fraction bool) string {
	s = strings.TrimPrefix(strings.ReplaceAll(s, "_", ""), "+")
	if whole := strings.TrimLeft(s, "0"); whole != "" && decimal(whole, fraction) {
		return whole
	}
	if i, err := strconv.ParseInt(s, 0, 64); err == nil {
		return strconv.FormatInt(i, 10)
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1e15 || !fraction && x != math.Trunc(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}
