package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Decode reads n into the struct that into points to, by the struct's tags, and
// returns everything that is wrong, in the file's order. Keys that are absent or
// wrong have the value of their default tag; without one they keep what into held.
//
// Fields may be strings, bools, integers, floats, pointers to these (nil: absent),
// structs, slices, maps by string, and Node (taken as it stands, for a later
// decoder). The tags are listed in the package's comment.
//
// Numbers are decimal digits as written: no 0x10, 1e3, 1_000, NaN. Bools are true
// and false alone. Text may stand without quotes where YAML takes it for a number
// ("line: 17", a grid code with leading zeros): it is taken letter by letter.
func Decode(n Node, into any) []Problem {
	var d decoder
	if n.y != nil && !n.judged {
		t := tree{file: n.file}
		t.walk(n.y, n.path, n.line, 0)
		d.problems = t.problems
	}
	v := reflect.ValueOf(into).Elem()
	if n.y == nil {
		n.y = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.line}
	}
	d.value(n, v, limits{})
	return Sort(d.problems)
}

// decoder gathers the problems of one Decode.
type decoder struct{ problems []Problem }

func (d *decoder) report(n Node, format string, args ...any) {
	d.problems = append(d.problems, n.Problem(format, args...))
}

// value decodes n into v. What YAML itself made unreadable (an alias) is reported
// by tree already and passed over here.
func (d *decoder) value(n Node, v reflect.Value, l limits) bool {
	if n.y.Kind == yaml.AliasNode {
		return false
	}
	if v.Type() == reflect.TypeFor[Node]() {
		v.Set(reflect.ValueOf(n))
		return true
	}
	if v.Type() == reflect.TypeFor[Unenforced]() {
		d.report(n, sayUnenforced)
		return false
	}
	if n.y.Kind == yaml.ScalarNode && kindOf(n.y) == wordNothing {
		if n.y.Value != "" || v.Kind() != reflect.Struct && v.Kind() != reflect.Map {
			d.report(n, sayNull)
			return false
		}
		// A block whose keys are all commented out is an empty block.
		n.y = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.y.Line}
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.structure(n, v)
	case reflect.Map:
		return d.table(n, v, l)
	case reflect.Slice:
		return d.list(n, v, l)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		ok := d.value(n, p.Elem(), l)
		if ok {
			v.Set(p)
		}
		return ok
	}
	return d.scalar(n, v, l)
}

func (d *decoder) structure(n Node, v reflect.Value) bool {
	if n.y.Kind != yaml.MappingNode {
		d.kind(n, wordMap)
		return false
	}
	preset(v)
	all := fields(v.Type())
	// seen holds the keys that are there, meant those that a misspelt one stands for.
	seen, meant := make(map[string]bool, len(all)), make(map[string]bool)
	ok := true
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := n.y.Content[i]
		if key.Kind != yaml.ScalarNode || seen[key.Value] || key.Tag == "!!merge" || key.Tag == "!!null" {
			continue
		}
		seen[key.Value] = true
		child := n.with(n.y.Content[i+1], join(n.path, key.Value), key.Line)
		f := find(all, key.Value)
		if f == nil {
			meant[d.unknown(child, key.Value, all)] = true
			ok = false
			continue
		}
		if !d.entry(child, v.Field(f.index), f) {
			ok = false
		}
	}
	for i := range all {
		if f := &all[i]; !seen[f.name] {
			f.need = f.need && !meant[f.name]
			ok = d.absent(n.with(nil, join(n.path, f.name), n.line), v.Field(f.index), f) && ok
		}
	}
	return ok
}

func find(all []field, name string) *field {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

// entry decodes a key that is there. A needed one must hold something.
func (d *decoder) entry(n Node, v reflect.Value, f *field) bool {
	if f.need && n.y.Kind == yaml.ScalarNode && kindOf(n.y) == wordNothing {
		d.report(n, sayEmpty)
		return false
	}
	if !d.value(n, v, f.limits) {
		return false
	}
	if f.need && (v.Kind() == reflect.String || v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		d.report(n, sayEmpty)
		return false
	}
	return true
}

// absent deals with a key that is not there.
func (d *decoder) absent(n Node, v reflect.Value, f *field) bool {
	if v.Type() == reflect.TypeFor[Node]() {
		v.Set(reflect.ValueOf(n))
	}
	if f.need {
		d.report(n, sayMissing)
	}
	return !f.need
}

// unknown reports a key that is not in the grammar and returns the one that was
// probably meant.
func (d *decoder) unknown(n Node, key string, all []field) string {
	if secretKey(key) {
		return "" // tree has said so, and what to do instead
	}
	var names []string
	for _, f := range all {
		names = append(names, f.name)
	}
	meant := Near(key, names)
	if meant != "" {
		d.report(n.hide(), sayUnknownNear, meant)
		return meant
	}
	slices.Sort(names)
	d.report(n.hide(), sayUnknown, strings.Join(names, ", "))
	return ""
}

// hide drops the value: a misspelt key may be a misspelt password.
func (n Node) hide() Node { n.y = nil; return n }

func (d *decoder) table(n Node, v reflect.Value, l limits) bool {
	if n.y.Kind != yaml.MappingNode {
		d.kind(n, wordMap)
		return false
	}
	made := reflect.MakeMapWithSize(v.Type(), len(n.y.Content)/2)
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		key := n.y.Content[i]
		if key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || key.Tag == "!!null" {
			continue
		}
		name := reflect.ValueOf(key.Value).Convert(v.Type().Key())
		if made.MapIndex(name).IsValid() {
			continue
		}
		child := n.with(n.y.Content[i+1], join(n.path, key.Value), key.Line)
		d.name(child, key, l)
		e := reflect.New(v.Type().Elem()).Elem()
		// A block that is wrong is kept with what could be read: what refers to it
		// refers to something.
		if d.value(child, e, limits{}) || e.Kind() == reflect.Struct {
			made.SetMapIndex(name, e)
		}
	}
	v.Set(made)
	return true
}

// name judges a key that the author chose.
func (d *decoder) name(n Node, key *yaml.Node, l limits) {
	n.y = key
	switch {
	case l.pattern != "id":
	case !isID(key.Value):
		d.report(n, sayID, show(key))
	case reserved(key.Value):
		d.report(n, sayReserved, key.Value)
	}
}

// reserved words are targets of their own in the contract.
func reserved(id string) bool { return id == "all" || id == "group" }

func (d *decoder) list(n Node, v reflect.Value, l limits) bool {
	if n.y.Kind != yaml.SequenceNode {
		d.kind(n, wordList)
		return false
	}
	made := reflect.MakeSlice(v.Type(), 0, len(n.y.Content))
	ok := true
	for i, y := range n.y.Content {
		e := reflect.New(v.Type().Elem()).Elem()
		if d.value(n.with(y, n.path+"["+strconv.Itoa(i)+"]", y.Line), e, l) {
			made = reflect.Append(made, e)
		} else {
			ok = false
		}
	}
	v.Set(made)
	return ok
}

// kind reports a value of another kind than the key's.
func (d *decoder) kind(n Node, want Word) {
	if key := wideKey(n.y.Value); key != "" && want == wordMap && !secretPath(n.path) {
		d.report(n.with(n.y, n.path, n.y.Line), sayWideColon, key)
		return
	}
	d.report(n, sayKind, n.said(), want)
}

// said is the value for a message: the scalar as written, or the name of its kind.
func (n Node) said() any {
	if k := kindOf(n.y); k != wordText {
		return k
	}
	if secretPath(n.path) || hasLogin(n.y.Value) {
		return wordHidden
	}
	return show(n.y)
}
