package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Node is one value of the file together with the place where it stands. A
// device's options are kept as a Node until its model decodes them. The zero Node
// is a value that is not there.
type Node struct {
	y    *yaml.Node
	file string
	path string
	// line is where the value stands; for one that is not there, the line of the
	// nearest thing around it.
	line int
	// judged: anchors, tags, double keys and literal secrets in it are reported
	// already, with the rest of its file.
	judged bool
}

// Absent tells whether the file has no such value.
func (n Node) Absent() bool { return n.y == nil }

// Path is the path of keys from the top of the file: "devices.horn-1.options".
func (n Node) Path() string { return n.path }

// Line is the line in the file, from 1; 0 where nothing is known.
func (n Node) Line() int { return n.line }

// At goes down by keys. Where one is not there the result is Absent, and still
// knows its path and the line around it, so that a Problem can be made of it.
func (n Node) At(keys ...string) Node {
	for _, k := range keys {
		n = n.child(k)
	}
	return n
}

func (n Node) child(key string) Node {
	next := n
	next.y, next.path = nil, join(n.path, key)
	if n.y == nil || n.y.Kind != yaml.MappingNode {
		return next
	}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		if k := n.y.Content[i]; k.Value == key {
			next.y, next.line = n.y.Content[i+1], k.Line
			return next
		}
	}
	return next
}

// Find returns the first value directly below n that is text and equal to want,
// or n itself: the place to point at when what was decoded proves wrong later.
func (n Node) Find(want string) Node {
	if n.y == nil || n.y.Kind != yaml.MappingNode {
		return n
	}
	for i := 0; i+1 < len(n.y.Content); i += 2 {
		v := n.y.Content[i+1]
		if v.Kind == yaml.ScalarNode && v.Value == want {
			return n.child(n.y.Content[i].Value)
		}
		for j, e := range v.Content {
			if v.Kind == yaml.SequenceNode && e.Kind == yaml.ScalarNode && e.Value == want {
				list := n.child(n.y.Content[i].Value)
				return list.with(e, list.path+"["+strconv.Itoa(j)+"]", e.Line)
			}
		}
	}
	return n
}

// with is n's file with another value.
func (n Node) with(y *yaml.Node, path string, line int) Node {
	n.y, n.path, n.line = y, path, line
	return n
}

// Problem says what is wrong with n. format is an English sentence with %s verbs,
// and the key of its translation in edge/text; it names the value and what is
// allowed instead.
func (n Node) Problem(format string, args ...any) Problem {
	return problem(n.file, n.line, n.path, n.show(), format, args)
}

// show is the value as the file has it, cut to what fits in a message.
func (n Node) show() string {
	if n.y == nil || n.y.Kind != yaml.ScalarNode || secretPath(n.path) || hasLogin(n.y.Value) {
		return ""
	}
	return show(n.y)
}

// show renders a scalar: quoted if it is quoted in the file.
func show(y *yaml.Node) string {
	text := cut(y.Value)
	if quoted(y) || strconv.Quote(text) != `"`+text+`"` || text == "" || strings.Contains(text, " ") {
		return strconv.Quote(text)
	}
	return text
}

// cut shortens text to what a message can carry.
func cut(text string) string {
	const most = 48
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// quoted tells whether a scalar is text whatever it looks like.
func quoted(y *yaml.Node) bool {
	return y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// join appends a key to a path. A key that is no plain word is quoted, so that a
// path can always be read back.
func join(path, key string) string {
	if !plainKey(key) {
		key = strconv.Quote(cut(key))
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func plainKey(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
