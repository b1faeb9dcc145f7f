package config

import "go.yaml.in/yaml/v3"

// Node is one value of the file together with the place where it stands. A
// device's options are kept as a Node until its model decodes them.
type Node struct {
	y    *yaml.Node
	file string
	path string
}

// Problem is one thing that is wrong in a file. Format and Args make its sentence
// in the reader's language (the English sentence is the catalogue's key).
type Problem struct {
	File  string
	Line  int
	Path  string
	Value string
	// Format is the English sentence with fmt verbs, Args fill it.
	Format string
	Args   []any
}
