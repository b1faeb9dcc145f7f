package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"fuqiao/edged/edge/text"
)

// sentences finds what edgectl says through the catalogue: the first literal of each
// call to Say, Sprintf of a Printer, say, and the text of a flag.
func sentences(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				out = append(out, said(c)...)
			}
			return true
		})
	}
	return out
}

func said(c *ast.CallExpr) []string {
	args := c.Args
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok && x.Name == "fmt" || f.Sel.Name != "Say" && f.Sel.Name != "Sprintf" && f.Sel.Name != "say" {
			return nil
		}
		args = args[:min(1, len(args))]
	case *ast.Ident:
		if f.Name != "flag" {
			return nil
		}
		args = args[len(args)-1:]
	default:
		return nil
	}
	var out []string
	for _, a := range args {
		if l, ok := a.(*ast.BasicLit); ok && l.Kind == token.STRING {
			s, _ := strconv.Unquote(l.Value)
			out = append(out, s)
		}
	}
	return out
}

// TestEverySentenceIsTranslated: what a technician reads is in both languages.
func TestEverySentenceIsTranslated(t *testing.T) {
	all := sentences(t)
	if len(all) < 50 {
		t.Fatalf("only %d sentences found", len(all))
	}
	for _, s := range all {
		if _, ok := text.Translation(s); !ok {
			t.Errorf("no Chinese for %q", s)
		}
	}
}
