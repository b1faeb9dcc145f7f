package health

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCodesOfTheTree: every code that is raised or cleared somewhere in the tree is in
// the catalogue, and every code of the catalogue is raised somewhere.
func TestCodesOfTheTree(t *testing.T) {
	code := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	families := map[string]bool{}
	for _, c := range Catalogue() {
		family, _, _ := strings.Cut(c.Code, ".")
		families[family] = true
	}
	used := map[string]string{}
	for _, root := range []string{"../../edge", "../../drivers"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "catalogue.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				s, err := strconv.Unquote(lit.Value)
				family, _, _ := strings.Cut(s, ".")
				if err == nil && code.MatchString(s) && families[family] && !strings.Contains(path, "edge/wire") && !strings.Contains(path, "edge/text") {
					used[s] = path
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	// An action of the contract, and two names of files.
	known := map[string]bool{"config.apply": true, "ledger.damaged": true, "ledger.new": true}
	for _, c := range Catalogue() {
		known[c.Code] = true
		if used[c.Code] == "" {
			t.Errorf("nobody raises %s", c.Code)
		}
	}
	for c, path := range used {
		if !known[c] {
			t.Errorf("%s in %s is not in the catalogue", c, path)
		}
	}
}
