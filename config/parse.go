package config

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// Load reads and parses the file at path. It reads a regular file only, and never
// more than the limit of its size.
func Load(path string) (*File, []Problem) {
	data, err := read(path)
	if err != nil {
		return nil, []Problem{{File: path, Format: sayUnreadable, Args: []any{reason(err)}}}
	}
	return Parse(path, data)
}

func read(path string) ([]byte, error) {
	// O_NONBLOCK: opening a pipe must not wait for its writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

type loadError string

func (e loadError) Error() string { return string(e) }

const errNotRegular = loadError("it is not a regular file")

// reason is what the system says, without the path that the message has anyway.
func reason(err error) any {
	var e *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return wordNoFile
	case errors.Is(err, fs.ErrPermission):
		return wordNoRight
	case errors.Is(err, errNotRegular):
		return wordNoRegular
	case errors.As(err, &e):
		return e.Err.Error()
	}
	return err.Error()
}

// Parse reads data, the content of file, over the defaults and judges it. All
// problems come at once, in the file's order. The File holds what could be read,
// also where there are problems; it is nil only if the text is no YAML.
func Parse(file string, data []byte) (*File, []Problem) {
	problems, ok := judgeBytes(file, data)
	if !ok {
		return nil, problems
	}
	root, problems := readTree(file, data)
	if root == nil {
		return nil, problems
	}
	t := tree{file: file, lines: map[string]int{}}
	t.walk(root, "", 1, 0)
	f := &File{}
	problems = append(problems, t.problems...)
	problems = append(problems, Decode(Node{y: root, file: file, line: 1, judged: true}, f)...)
	f.file, f.lines = file, t.lines
	if root.Kind == yaml.MappingNode {
		problems = append(problems, f.validate(problems)...)
	}
	return f, enough(Sort(problems), file)
}

// enough cuts a list that nobody will read to its end, and says so.
func enough(problems []Problem, file string) []Problem {
	const most = 200
	if len(problems) <= most {
		return problems
	}
	more := Problem{File: file, Line: problems[len(problems)-1].Line, Format: sayMore, Args: []any{strconv.Itoa(len(problems) - most)}}
	return append(problems[:most:most], more)
}

// ParseNode makes a Node of a piece of YAML, as a device's options would be: for
// the tests of models. Text that is no YAML gives a Node that is no block of keys.
func ParseNode(text string) Node {
	n := Node{file: "test.yaml", path: "options", line: 1}
	if len(bytes.TrimSpace([]byte(text))) == 0 {
		return n
	}
	docs, err := documents([]byte(text))
	if err != nil || len(docs) != 1 || len(docs[0].Content) != 1 {
		n.y = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Line: 1}
		return n
	}
	n.y = docs[0].Content[0]
	return n
}
