package badconfig_test

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

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/health"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/text"
)

// constants are the string constants below dir whose declaration pick chooses.
func constants(t *testing.T, dir string, pick func(*ast.ValueSpec) bool) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !pick(spec) {
				return true
			}
			for _, v := range spec.Values {
				if call, ok := v.(*ast.CallExpr); ok && len(call.Args) == 1 {
					v = call.Args[0] // Word("a list")
				}
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Error(err)
					}
					out = append(out, s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// verbs are the fmt verbs of a sentence.
func verbs(s string) string {
	return strings.Join(regexp.MustCompile(`%(\[\d+\])?[a-zA-Z%]`).FindAllString(s, -1), " ")
}

// TestTranslated: every sentence that a configuration can provoke, those of models
// included, and every condition has a Chinese translation with the same verbs. In
// drivers a sentence is a constant whose name begins with say.
func TestTranslated(t *testing.T) {
	sentences := append(config.Sentences(), drivers.Sentences()...)
	sentences = append(sentences, constants(t, "../../drivers", func(s *ast.ValueSpec) bool {
		return strings.HasPrefix(s.Names[0].Name, "say") || strings.HasPrefix(s.Names[0].Name, "word")
	})...)
	for _, c := range health.Catalogue() {
		sentences = append(sentences, c.Text, c.Remedy)
	}
	if len(sentences) < 150 {
		t.Errorf("only %d sentences were found", len(sentences))
	}
	for _, s := range sentences {
		zh, ok := text.Translation(s)
		switch {
		case !ok:
			t.Errorf("no translation: %q", s)
		case verbs(s) != verbs(zh):
			t.Errorf("%q has %s, %q has %s", s, verbs(s), zh, verbs(zh))
		}
	}
}

// TestCodesHaveWords: every reason and status of the contract is said in words, in
// both languages.
func TestCodesHaveWords(t *testing.T) {
	en, zh := text.New("en"), text.New("zh")
	for kind, say := range map[string]func(*text.Printer, string) string{"Reason": (*text.Printer).Reason, "Status": (*text.Printer).Status} {
		codes := constants(t, "../../edge/wire", func(s *ast.ValueSpec) bool {
			id, ok := s.Type.(*ast.Ident)
			return ok && id.Name == kind
		})
		if len(codes) < 10 {
			t.Errorf("%s: only %d codes were found", kind, len(codes))
		}
		for _, c := range codes {
			if english, chinese := say(en, c), say(zh, c); chinese == english || kind == "Reason" && english == c {
				t.Errorf("%s %s: %q, %q", kind, c, english, chinese)
			}
		}
	}
}

// TestJournalClasses: the classes that the file can name are the journal's.
func TestJournalClasses(t *testing.T) {
	var want []string
	for _, c := range journal.Classes() {
		if c != journal.Gap {
			want = append(want, string(c))
		}
	}
	if got := config.JournalClasses(); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%v, the journal has %v", got, want)
	}
}
