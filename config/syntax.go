package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readTree makes the tree of YAML nodes. A nil tree comes with problems.
func readTree(file string, data []byte) (*yaml.Node, []Problem) {
	docs, err := documents(data)
	if err != nil {
		return nil, []Problem{syntaxProblem(file, data, err)}
	}
	switch {
	case len(docs) == 0 || len(docs[0].Content) == 0:
		return nil, []Problem{{File: file, Line: 1, Format: sayEmptyFile}}
	case len(docs) > 1:
		return docs[0].Content[0], []Problem{{File: file, Line: docs[1].Line, Format: saySecondDoc}}
	}
	return docs[0].Content[0], nil
}

// documents reads at most two. The reader reports some broken texts by a panic,
// which is an error here.
func documents(data []byte) (docs []*yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for len(docs) < 2 {
		doc := new(yaml.Node)
		if err := dec.Decode(doc); errors.Is(err, io.EOF) {
			return docs, nil
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// syntaxProblem says in plain words what the reader stumbled over, and where.
func syntaxProblem(file string, data []byte, err error) Problem {
	line := stumble(data, err)
	p := Problem{File: file, Line: line, Format: sayYAML, Args: []any{plainWords(err.Error())}}
	if key, at := wideColon(data, line); key != "" {
		p.Line, p.Format, p.Args = at, sayWideColon, []any{key}
	}
	return p
}

// stumble finds the line at which the reader gives up: the shortest beginning of
// the file that fails in the same way. The reader itself often names the line
// where the surrounding block begins, or the one before.
func stumble(data []byte, err error) int {
	const most = 128 << 10 // beyond this the search costs more than it tells
	if len(data) > most {
		return namedLine(err)
	}
	var ends []int
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	ends = append(ends, len(data))
	k := sort.Search(len(ends)-1, func(k int) bool {
		_, e := documents(data[:ends[k]])
		return e != nil && e.Error() == err.Error()
	})
	if k > 0 && ends[k] == ends[k-1] {
		k-- // the empty rest after the last line break
	}
	return k + 1
}

// namedLine is the line in the reader's own message ("yaml: line 3: …"), 1 if none.
func namedLine(err error) int {
	_, rest, _ := strings.Cut(err.Error(), "line ")
	digits, _, _ := strings.Cut(rest, ":")
	if n, e := strconv.Atoi(digits); e == nil && n > 0 {
		return n
	}
	return 1
}

// wideColon looks at a line and the one before, and returns the key that has a
// full-width colon behind it and its line.
func wideColon(data []byte, line int) (key string, at int) {
	lines := bytes.Split(data, []byte("\n"))
	for at := line; at > 0 && at > line-2; at-- {
		if key := wideKey(string(lines[min(at, len(lines))-1])); key != "" {
			return key, at
		}
	}
	return "", 0
}

// wideKey is the key at the beginning of text that has a full-width colon behind it.
func wideKey(text string) string {
	key, _, wide := strings.Cut(strings.TrimSpace(text), "：")
	key = strings.TrimPrefix(key, "- ")
	if !wide || !plainKey(key) {
		return ""
	}
	return key
}
