package config

import "reflect"

// Default is a file in which no key is set: every key has the value of its default
// tag. Nothing runs by it alone, for gateway has no default. The defaults of
// entries (a bus, an output, an amplifier) are applied to each entry as it is read.
func Default() *File {
	f := &File{}
	preset(reflect.ValueOf(f).Elem())
	return f
}
