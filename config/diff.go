package config

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Diff lists the paths at which two files differ in meaning, sorted: order of keys,
// comments and notation do not count. An entry of a table that only one of them
// has, or whose list changed, is one path.
func Diff(a, b *File) []string {
	var out []string
	diff(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), "", &out)
	slices.Sort(out)
	return out
}

func diff(a, b reflect.Value, path string, out *[]string) {
	switch {
	case a.Type() == reflect.TypeFor[Node]():
		if !sameTree(a.Interface().(Node).y, b.Interface().(Node).y) {
			*out = append(*out, path)
		}
	case a.Kind() == reflect.Struct:
		for _, f := range fields(a.Type()) {
			diff(a.Field(f.index), b.Field(f.index), join(path, f.name), out)
		}
	case a.Kind() == reflect.Map:
		diffTables(a, b, path, out)
	case a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0:
	default:
		if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			*out = append(*out, path)
		}
	}
}

func diffTables(a, b reflect.Value, path string, out *[]string) {
	for _, k := range a.MapKeys() {
		at := join(path, k.String())
		if other := b.MapIndex(k); other.IsValid() {
			diff(a.MapIndex(k), other, at, out)
		} else {
			*out = append(*out, at)
		}
	}
	for _, k := range b.MapKeys() {
		if !a.MapIndex(k).IsValid() {
			*out = append(*out, join(path, k.String()))
		}
	}
}

// sameTree compares values, whatever their notation. The order of keys does not
// count, that of list members does.
func sameTree(a, b *yaml.Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind != yaml.MappingNode {
		return slices.EqualFunc(a.Content, b.Content, sameTree)
	}
	for i := 0; i+1 < len(a.Content); i += 2 {
		if !sameTree(a.Content[i+1], Node{y: b}.child(a.Content[i].Value).y) {
			return false
		}
	}
	return true
}
