package laws

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// packages asks the go command for every package of the tree.
func packages(t *testing.T) []Package {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []Package
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// sources reads every Go file of the tree but testdata and generated ones.
func sources(t *testing.T) []File {
	t.Helper()
	var files []File
	top := root(t)
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(top, path)
		files = append(files, File{Path: filepath.ToSlash(rel), Text: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func report(t *testing.T, found []string) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

// TestLaws applies every law to the tree.
func TestLaws(t *testing.T) {
	pkgs := packages(t)
	if len(pkgs) < 20 {
		t.Fatalf("only %d packages seen", len(pkgs))
	}
	report(t, Floors(pkgs))
	report(t, Owners(pkgs))
	report(t, Lean(pkgs))
	report(t, Source(sources(t)))
}

// TestPackageLawsFire breaks each law over packages once.
func TestPackageLawsFire(t *testing.T) {
	p := func(path string, imports ...string) []Package {
		return []Package{{ImportPath: Module + "/" + path, Imports: imports}}
	}
	in := func(s string) string { return Module + "/" + s }
	for _, c := range []struct {
		name, want string
		got        []string
	}{
		{"upwards", "strictly downwards", Floors(p("edge/ptz", in("edge/command")))},
		{"same floor", "strictly downwards", Floors(p("edge/ptz", in("edge/station")))},
		{"no floor", "stands on no floor", Floors(p("edge/attic"))},
		{"internal test imports the bench", "external _test", Floors([]Package{{ImportPath: in("edge/ptz"), TestImports: []string{in("testbench/dome")}}})},
		{"paho elsewhere", "only edge/uplink/mqtt may", Owners(p("edge/uplink", "github.com/eclipse/paho.mqtt.golang/packets"))},
		{"serial elsewhere", "only drivers/tty may", Owners(p("drivers/bus", "github.com/tarm/serial"))},
		{"periph elsewhere", "only drivers/pin may", Owners(p("edge", "periph.io/x/conn/v3/gpio"))},
		{"heavy ground floor", "stays lean", Lean(p("edge/wire", "github.com/go-jose/go-jose/v4"))},
		{"shipping the bench", "ships and imports", Lean(p("edge", in("testbench/dome")))},
		{"driver imports edge", "drivers never import edge", Lean(p("drivers/pelco", in("edge/wire")))},
		{"edge imports a driver", "never imports a concrete driver", Lean(p("edge", in("drivers/pelco")))},
	} {
		if !strings.Contains(strings.Join(c.got, "\n"), c.want) {
			t.Errorf("%s: not found; got %q", c.name, c.got)
		}
	}
	if got := Floors(p("edge/command", in("edge/ptz"), in("drivers/fault"))); len(got) > 0 {
		t.Errorf("a downward import was refused: %q", got)
	}
}

// TestSourceLawsFire breaks each law over source text once.
func TestSourceLawsFire(t *testing.T) {
	const doc = "// Package p is long enough a comment.\npackage p\n"
	for _, c := range []struct{ name, dir, body, want string }{
		{"go statement", "edge/ptz", "func f() { go f() }", "go statement"},
		{"time.AfterFunc", "edge/ptz", `import "time"` + "\nfunc f() { time.AfterFunc(1, f) }", "time.AfterFunc"},
		{"context.AfterFunc", "drivers/bus", `import "context"` + "\nfunc f() { context.AfterFunc(context.TODO(), f) }", "context.AfterFunc"},
		{"WaitGroup.Go", "edge", `import "sync"` + "\nfunc f() { var wg sync.WaitGroup; wg.Go(f) }", "WaitGroup.Go"},
		{"errgroup", "edge", `import "golang.org/x/sync/errgroup"` + "\nfunc f() { errgroup.WithContext(nil) }", "errgroup"},
		{"init", "edge", "func init() {}", "init()"},
		{"package variable", "edge", "var state int", "package variable state"},
		{"sentinel variable", "edge", `import "errors"` + "\nvar ErrX = errors.New(\"x\")", "package variable ErrX"},
		{"sleep", "edge", `import "time"` + "\nfunc f() { time.Sleep(1) }", "time.Sleep"},
		{"exit", "edge", `import "os"` + "\nfunc f() { os.Exit(1) }", "os.Exit"},
		{"log", "edge", `import "log"` + "\nfunc f() { log.Println() }", "log.Println"},
		{"print", "edge", `import "fmt"` + "\nfunc f() { fmt.Println() }", "fmt.Println"},
		{"wall time", "edge", `import "time"` + "\nfunc f() string { return time.Now().UTC().String() }", "time.Now().UTC"},
		{"wall time as a value", "edge", `import "time"` + "\nfunc f() any { return time.Now }", "time.Now as a value"},
	} {
		got := Source([]File{{Path: c.dir + "/p.go", Text: []byte(doc + c.body + "\n")}})
		if !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: not found; got %q", c.name, got)
		}
	}
	if got := Source([]File{{Path: "edge/x/p.go", Text: []byte("package p\n")}}); len(got) != 1 {
		t.Errorf("missing package doc not found: %q", got)
	}
	fine := doc + "import \"time\"\nvar _ any = 1\nfunc f() time.Duration { return time.Since(time.Now()) }\n"
	if got := Source([]File{{Path: "edge/x/p.go", Text: []byte(fine)}}); len(got) > 0 {
		t.Errorf("good source was refused: %q", got)
	}
	free := doc + "import \"time\"\nfunc f() { go f(); time.Sleep(1) }\n"
	if got := Source([]File{{Path: "testbench/x/p.go", Text: []byte(free)}}); len(got) > 0 {
		t.Errorf("the testbench was refused: %q", got)
	}
}
