package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
)

// The grammar of names, as a regular expression.
const idPattern = "^[a-z0-9][a-z0-9-]{0,62}$"

// Schema is the file's grammar as a JSON Schema (draft 2020-12), for editors that
// complete and check while one types. It is made from the same tags as the decoder.
// What only Validate and the models know (references, options) is not in it.
func Schema() []byte {
	s := structSchema(reflect.TypeFor[File]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "edged.yaml"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return nil // maps of strings and numbers always encode
	}
	return b.Bytes()
}

type schema = map[string]any

func structSchema(t reflect.Type) schema {
	properties, needed := schema{}, []string{}
	for _, f := range fields(t) {
		s := typeSchema(t.Field(f.index).Type, f.limits)
		if f.preset {
			s["default"] = literal(t.Field(f.index).Type, f.initial)
		}
		if f.need {
			needed = append(needed, f.name)
			nonEmpty(s, t.Field(f.index).Type)
		}
		properties[f.name] = s
	}
	s := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(needed) > 0 {
		s["required"] = needed
	}
	return s
}

// nonEmpty: a needed key holds something.
func nonEmpty(s schema, t reflect.Type) {
	switch t.Kind() {
	case reflect.String:
		s["minLength"] = 1
	case reflect.Slice:
		s["minItems"] = 1
	}
}

func typeSchema(t reflect.Type, l limits) schema {
	if t == reflect.TypeFor[Node]() {
		return schema{"type": "object"}
	}
	if t == reflect.TypeFor[Unenforced]() {
		return schema{"not": schema{}, "description": "this version does not carry it out"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem(), l)
	case reflect.Struct:
		return structSchema(t)
	case reflect.Map:
		s := schema{"type": "object", "additionalProperties": typeSchema(t.Elem(), limits{})}
		if l.pattern == "id" {
			s["propertyNames"] = schema{"pattern": idPattern, "not": schema{"enum": []string{"all", "group"}}}
		}
		return s
	case reflect.Slice:
		return schema{"type": "array", "items": typeSchema(t.Elem(), l)}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.String:
		return textSchema(l)
	case reflect.Float32, reflect.Float64:
		return ranged(schema{"type": "number"}, t, l)
	}
	return ranged(schema{"type": "integer"}, t, l)
}

// textSchema allows a number where text may stand without quotes.
func textSchema(l limits) schema {
	switch {
	case len(l.words) > 0:
		return schema{"enum": l.words}
	case l.pattern == "id" || l.pattern == "secret":
		return schema{"type": []string{"string", "integer"}, "pattern": idPattern}
	case l.pattern == "digits20" || l.pattern == "digits23":
		return schema{"type": []string{"string", "integer"}, "pattern": "^[0-9]{" + l.pattern[len("digits"):] + "}$"}
	case l.pattern == "urlpath":
		return schema{"type": "string", "pattern": `^/[^\s?#\\]*$`}
	case l.pattern == "hostport":
		return schema{"type": "string", "pattern": "^.+:[0-9]{1,5}$"}
	}
	return schema{"type": []string{"string", "number"}, "maxLength": maxText}
}

func ranged(s schema, t reflect.Type, l limits) schema {
	if len(l.words) > 0 {
		var allowed []any
		for _, w := range l.words {
			allowed = append(allowed, literal(t, w))
		}
		return schema{"enum": allowed}
	}
	if l.low != "" {
		s["minimum"] = literal(t, l.low)
	}
	if l.high != "" {
		s["maximum"] = literal(t, l.high)
	}
	return s
}

// literal is a tag's text as the JSON value of its field.
func literal(t reflect.Type, text string) any {
	switch t.Kind() {
	case reflect.String:
		return text
	case reflect.Bool:
		return text == "true"
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x
	}
	return text
}
