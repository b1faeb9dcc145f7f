package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDepth bounds nesting: devices.X.options.… needs four, models get the rest.
const maxDepth = 16

// tree judges what YAML allows and this file does not, whatever the keys mean:
// anchors, aliases, merge keys, tags, double keys, keys that are no text, depth
// and literal secrets. It also notes the line of every path.
type tree struct {
	file     string
	lines    map[string]int // nil: not wanted
	problems []Problem
}

func (t *tree) report(line int, path, value, format string, args ...any) {
	t.problems = append(t.problems, problem(t.file, line, path, value, format, args))
}

func (t *tree) walk(y *yaml.Node, path string, line, depth int) {
	if t.lines != nil && path != "" {
		if _, twice := t.lines[path]; !twice {
			t.lines[path] = line
		}
	}
	if depth > maxDepth {
		t.report(y.Line, path, "", sayTooDeep, strconv.Itoa(maxDepth))
		return
	}
	t.marks(y, path)
	switch y.Kind {
	case yaml.SequenceNode:
		for i, e := range y.Content {
			t.walk(e, path+"["+strconv.Itoa(i)+"]", e.Line, depth+1)
		}
	case yaml.MappingNode:
		t.mapping(y, path, depth)
	}
}

// marks reports what an author may have written around a value.
func (t *tree) marks(y *yaml.Node, path string) {
	if y.Anchor != "" {
		t.report(y.Line, path, y.Anchor, sayAnchor, cut(y.Anchor))
	}
	if y.Kind == yaml.AliasNode {
		t.report(y.Line, path, y.Value, sayAlias, cut(y.Value))
	}
	if y.Style&yaml.TaggedStyle != 0 {
		t.report(y.Line, path, y.Tag, sayTag, cut(y.Tag))
	}
}

func (t *tree) mapping(y *yaml.Node, path string, depth int) {
	first := make(map[string]int, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, value := y.Content[i], y.Content[i+1]
		if !t.key(key, path) {
			continue
		}
		at := join(path, key.Value)
		if line, twice := first[key.Value]; twice {
			t.report(key.Line, at, "", sayTwice, strconv.Itoa(line))
			continue
		}
		first[key.Value] = key.Line
		switch {
		case secretKey(key.Value):
			t.report(key.Line, at, "", saySecret)
		case referenceKey(key.Value) && value.Kind == yaml.ScalarNode && !isID(value.Value):
			t.report(key.Line, at, "", saySecretName)
		}
		t.walk(value, at, key.Line, depth+1)
	}
}

// key judges a key; false: the entry cannot be looked at.
func (t *tree) key(key *yaml.Node, path string) bool {
	t.marks(key, path)
	switch {
	case key.Kind != yaml.ScalarNode:
		t.report(key.Line, path, "", sayKeyKind, kindOf(key))
	case key.Tag == "!!merge":
		t.report(key.Line, path, "", sayMerge)
	case key.Tag == "!!null":
		t.report(key.Line, path, "", sayKeyKind, wordNothing)
	default:
		return true
	}
	return false
}

// kindOf names the kind of a value for a message.
func kindOf(y *yaml.Node) Word {
	switch y.Kind {
	case yaml.SequenceNode:
		return wordList
	case yaml.MappingNode:
		return wordMap
	case yaml.AliasNode:
		return wordAlias
	}
	if y.Tag == "!!null" && !quoted(y) {
		return wordNothing
	}
	return wordText
}

// secretKey tells whether a key can only hold a secret itself: password,
// mqtt_password, api-key, psk …
func secretKey(key string) bool {
	k := strings.ReplaceAll(strings.ToLower(key), "-", "_")
	switch k {
	case "secret_value", "api_key", "private_key", "access_key", "shared_key":
		return true
	}
	switch k[strings.LastIndexByte(k, '_')+1:] {
	case "password", "passwd", "pwd", "passphrase", "token", "psk", "apikey", "credential", "credentials":
		return true
	}
	return false
}

// referenceKey tells whether a key names a secret.
func referenceKey(key string) bool {
	return key == "secret" || strings.HasSuffix(key, "_secret")
}

// secretPath tells whether the value at path must never be shown.
func secretPath(path string) bool {
	key := path[strings.LastIndexByte(path, '.')+1:]
	key, _, _ = strings.Cut(key, "[")
	return secretKey(key) || referenceKey(key)
}

// hasLogin tells whether a text is an address with a name and password in it.
func hasLogin(text string) bool {
	_, rest, address := strings.Cut(text, "://")
	return address && strings.Contains(rest, "@")
}

// isID is the grammar of every name in the file: [a-z0-9][a-z0-9-]{0,62}.
func isID(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}
