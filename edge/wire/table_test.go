package wire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

// constants reads all constants of one type from the package's sources.
func constants(t *testing.T, typ string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
				for _, x := range v.Values {
					s, _ := strconv.Unquote(x.(*ast.BasicLit).Value)
					out[s] = true
				}
			}
			return true
		})
	}
	return out
}

func same(t *testing.T, what string, want map[string]bool, got []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, g := range got {
		if seen[g] {
			t.Errorf("%s %s is listed twice", what, g)
		}
		if seen[g] = true; !want[g] {
			t.Errorf("%s %s is listed and not defined", what, g)
		}
	}
	for w := range want {
		if !seen[w] {
			t.Errorf("%s %s is defined and not listed", what, w)
		}
	}
}

func words[T ~string](list []T) (out []string) {
	for _, x := range list {
		out = append(out, string(x))
	}
	return out
}

// Every constant is in the list of its kind, and the table of actions is the
// contract's ("Actions"; "Two kinds of action").
func TestListsAreWhole(t *testing.T) {
	same(t, "reason", constants(t, "Reason"), words(wire.Reasons()))
	same(t, "status", constants(t, "Status"), words(wire.Statuses()))
	var actions []string
	for _, a := range wire.Actions() {
		actions = append(actions, string(a.Action))
	}
	same(t, "action", constants(t, "Action"), actions)

	text, err := os.ReadFile("testdata/actions.txt")
	if err != nil {
		t.Fatal(err)
	}
	contract := map[string]bool{}
	state := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, kind, _ := strings.Cut(strings.TrimSpace(line), " ")
		contract[name] = true
		state[name] = kind == "state"
	}
	same(t, "action of the contract", contract, actions)
	for _, a := range wire.Actions() {
		if (a.Kind == wire.State) != state[string(a.Action)] {
			t.Errorf("%s is of the wrong kind", a.Action)
		}
		if a.Offered && a.Args == nil {
			t.Errorf("%s is offered and has no arguments", a.Action)
		}
		if a.Action.Stop() != (a.Scope == wire.ScopeStop) {
			t.Errorf("%s: scope %s", a.Action, a.Scope)
		}
		if !a.Action.Stop() && string(a.Scope) != string(a.Action) {
			t.Errorf("%s needs the right %s", a.Action, a.Scope)
		}
	}
}

func TestTerminal(t *testing.T) {
	for i, s := range wire.Statuses() {
		if s.Terminal() != (i >= 4) {
			t.Errorf("%s: terminal %v", s, s.Terminal())
		}
	}
}
