// Package badconfig is a table of broken configuration files, each with exactly
// what edged has to say about it. The unit test runs them through the judge, and
// `testbench run badconfig` through a running daemon, which has to survive a reload
// with each of them.
//
// A case is cases/NAME.yaml and cases/NAME.txt, its messages in English one a line,
// with "edged.yaml" where the file's path stands; cases/NAME.zh.txt are the same in
// Chinese, where they are kept. Files that no editor would keep intact are made in
// made.go.
package badconfig

import (
	"embed"
	"path"
	"strings"
)

//go:embed cases
var files embed.FS

// Case is one broken file and what is to be said about it.
type Case struct {
	Name string
	YAML string
	// Want are the messages in English, for a file named edged.yaml; Chinese are the
	// same in Chinese, nil where they are not kept.
	Want, Chinese []string
}

// At is Want for a file at another path.
func (c Case) At(file string) []string {
	var out []string
	for _, line := range c.Want {
		out = append(out, file+strings.TrimPrefix(line, "edged.yaml"))
	}
	return out
}

// Cases lists all cases by name. They are nil only if the embedded files cannot be
// read, which the unit test would find.
func Cases() []Case {
	entries, err := files.ReadDir("cases")
	if err != nil {
		return nil
	}
	var all []Case
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			all = append(all, Case{Name: name, YAML: read(e.Name())})
		}
	}
	all = append(all, made()...)
	for i := range all {
		c := &all[i]
		c.Want, c.Chinese = lines(read(c.Name+".txt")), lines(read(c.Name+".zh.txt"))
	}
	return all
}

// read is an embedded file, "" where there is none.
func read(name string) string {
	data, err := files.ReadFile(path.Join("cases", name))
	if err != nil {
		return ""
	}
	return string(data)
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
