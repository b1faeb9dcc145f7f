package laws

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// File is one source file: its path below the root, with slashes, and its text.
type File struct {
	Path string
	Text []byte
}

// Source finds what no file may do. It reads one file at a time and needs no types.
func Source(files []File) []string {
	var out []string
	docs := map[string]bool{}
	for _, f := range files {
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.Path, f.Text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		dir := filepath.ToSlash(filepath.Dir(f.Path))
		if !strings.HasSuffix(f.Path, "_test.go") {
			docs[dir] = docs[dir] || tree.Doc != nil && len(tree.Doc.Text()) > 20
		}
		v := &visitor{fset: fset, file: f.Path, dir: dir, test: strings.HasSuffix(f.Path, "_test.go"), names: imports(tree), calls: map[ast.Expr]bool{}}
		v.declarations(tree)
		ast.Inspect(tree, v.node)
		out = append(out, v.out...)
	}
	for dir, has := range docs {
		if !has {
			out = append(out, dir+": the package has no doc comment")
		}
	}
	return out
}

// imports maps the local names of a file's imports to their paths.
func imports(f *ast.File) map[string]string {
	m := map[string]string{}
	for _, s := range f.Imports {
		path, _ := strconv.Unquote(s.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if s.Name != nil {
			name = s.Name.Name
		}
		m[name] = path
	}
	return m
}

type visitor struct {
	fset  *token.FileSet
	file  string
	dir   string
	test  bool
	names map[string]string
	calls map[ast.Expr]bool
	out   []string
}

func (v *visitor) say(pos token.Pos, text string) {
	p := v.fset.Position(pos)
	v.out = append(v.out, fmt.Sprintf("%s:%d: %s", v.file, p.Line, text))
}

// free tells whether the file belongs to the parts that play the world around the
// daemon, or to a test: they may start goroutines and wait.
func (v *visitor) free() bool {
	return v.test || strings.HasPrefix(v.dir, "testbench") || v.dir == "cmd/testbench" || v.dir == "drivers/drivertest"
}

func (v *visitor) main() bool { return strings.HasPrefix(v.dir, "cmd/") && v.dir != "cmd/models" }

// declarations refuses init and mutable package variables.
func (v *visitor) declarations(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				v.say(d.Pos(), "init(): things are made by their constructors")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR || v.test {
				continue
			}
			for _, s := range d.Specs {
				v.variable(s.(*ast.ValueSpec), d)
			}
		}
	}
}

// variable allows an interface check (var _ I = T{}), an embedded file, and the
// version and build time that the linker stamps into a main package.
func (v *visitor) variable(s *ast.ValueSpec, d *ast.GenDecl) {
	for _, n := range s.Names {
		stamped := v.main() && (n.Name == "version" || n.Name == "built")
		doc := d.Doc
		if s.Doc != nil {
			doc = s.Doc
		}
		embedded := false
		if doc != nil {
			for _, c := range doc.List {
				embedded = embedded || strings.HasPrefix(c.Text, "//go:embed")
			}
		}
		if n.Name != "_" && !stamped && !embedded {
			v.say(n.Pos(), "package variable "+n.Name+": state belongs to a value, a constant table to a function")
		}
	}
}

// node looks at statements and calls.
func (v *visitor) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GoStmt:
		if v.dir != "edge/supervise" && !v.free() {
			v.say(n.Pos(), "go statement: goroutines begin in edge/supervise alone")
		}
	case *ast.CallExpr:
		if s, ok := n.Fun.(*ast.SelectorExpr); ok {
			v.calls[n.Fun] = true
			v.call(s)
			v.chained(s)
		}
	case *ast.SelectorExpr:
		if v.pkg(n.X) == "time" && n.Sel.Name == "Now" && !v.calls[n] && v.clocked() {
			v.say(n.Pos(), "time.Now as a value: wall time comes from edge/clock")
		}
	}
	return true
}

// pkg is the import path behind an identifier, empty where it is no package.
func (v *visitor) pkg(x ast.Expr) string {
	id, ok := x.(*ast.Ident)
	if !ok {
		return ""
	}
	return v.names[id.Name]
}

// clocked tells whether the file has to take wall time from edge/clock.
func (v *visitor) clocked() bool {
	return !v.free() && v.dir != "edge/clock" && v.dir != "cmd/edgectl"
}

func (v *visitor) call(s *ast.SelectorExpr) {
	path, name := v.pkg(s.X), s.Sel.Name
	full := path + "." + name
	switch {
	case !v.free() && v.dir != "edge/supervise" && (full == "time.AfterFunc" || full == "context.AfterFunc" || path == "golang.org/x/sync/errgroup"):
		v.say(s.Pos(), full+": a goroutine in disguise; they begin in edge/supervise alone")
	case !v.free() && v.dir != "edge/supervise" && path == "" && name == "Go" && v.waitGroup(s.X):
		v.say(s.Pos(), "WaitGroup.Go: goroutines begin in edge/supervise alone")
	case !v.free() && full == "time.Sleep":
		v.say(s.Pos(), "time.Sleep: wait for something, with a context")
	case !v.test && !v.main() && full == "os.Exit" && v.dir != "testbench/kernel":
		v.say(s.Pos(), "os.Exit outside main")
	case !v.free() && path == "log":
		v.say(s.Pos(), "log."+name+": pass a *slog.Logger down")
	case !v.free() && path == "fmt" && strings.HasPrefix(name, "Print"):
		v.say(s.Pos(), "fmt."+name+": write to what you were given")
	}
}

// waitGroup tells whether x looks like a sync.WaitGroup or an errgroup: a local name
// in a file that imports either.
func (v *visitor) waitGroup(x ast.Expr) bool {
	id, ok := x.(*ast.Ident)
	if !ok {
		return false
	}
	for _, word := range []string{"wg", "all", "group", "eg"} {
		if id.Name == word {
			return true
		}
	}
	return false
}

// wallMethods turn a time into something that only a right clock can say.
func wallMethods() []string {
	return []string{"Unix", "UnixMilli", "UnixMicro", "UnixNano", "UTC", "Local", "In", "Format", "AppendFormat", "String", "Date", "Clock", "Year", "Month", "Day", "Hour", "Weekday", "YearDay", "MarshalJSON", "MarshalText"}
}

// chained refuses time.Now().UTC() and its like.
func (v *visitor) chained(s *ast.SelectorExpr) {
	inner, ok := s.X.(*ast.CallExpr)
	if !ok || !v.clocked() {
		return
	}
	f, ok := inner.Fun.(*ast.SelectorExpr)
	if !ok || v.pkg(f.X) != "time" || f.Sel.Name != "Now" {
		return
	}
	for _, m := range wallMethods() {
		if s.Sel.Name == m {
			v.say(s.Pos(), "time.Now()."+m+": wall time comes from edge/clock; time.Now is for durations")
		}
	}
}
