package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is one key of a struct and what its tags allow.
type field struct {
	index   int
	name    string
	need    bool
	initial string // what an absent key means; "" and !preset: the type's zero
	preset  bool
	limits
}

// limits are the tags that judge a value.
type limits struct {
	low, high string // range:"low..high", as written
	words     []string
	pattern   string
}

// fields reads the grammar of a struct type from its tags.
func fields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name := tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		f := field{index: i, name: name, need: tag.Get("need") == "true"}
		f.initial, f.preset = tag.Lookup("default")
		f.low, f.high, _ = strings.Cut(tag.Get("range"), "..")
		if words := tag.Get("enum"); words != "" {
			f.words = strings.Split(words, "|")
		}
		f.pattern = tag.Get("pattern")
		all = append(all, f)
	}
	return all
}

// preset fills in what absent keys mean, down to the blocks inside. A block with a
// needed key is there or not there as a whole: inside it nothing is preset before
// it is read.
func preset(v reflect.Value) {
	for _, f := range fields(v.Type()) {
		fv := v.Field(f.index)
		if f.preset {
			fill(fv, f.initial)
		}
		if fv.Kind() == reflect.Struct && !slices.ContainsFunc(fields(fv.Type()), func(f field) bool { return f.need }) {
			preset(fv)
		}
	}
}

// fill sets v from a default tag. A tag that does not fit its field is a mistake
// of the program, which the tests of Default and of each model find: it leaves
// the zero value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, err := strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n, err := strconv.ParseUint(text, 10, v.Type().Bits()); err == nil {
			v.SetUint(n)
		}
	case reflect.Float32, reflect.Float64:
		if x, err := strconv.ParseFloat(text, v.Type().Bits()); err == nil {
			v.SetFloat(x)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	}
}

// Near finds the word of known that the author of word may have meant, "" where none is close.
func Near(word string, known []string) string {
	best, least := "", len(word)
	for _, k := range known {
		low := strings.ToLower(word)
		if len(low) > 2 && len(k) > 2 && (strings.HasPrefix(k, low+"_") || strings.HasPrefix(low, k+"_")) {
			return k // gap for gap_ms, listen_on for listen
		}
	}
	for _, k := range known {
		if d := distance(strings.ToLower(cut(word)), k); d < least && d <= max(1, len(k)/4) {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their
// neighbour (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
