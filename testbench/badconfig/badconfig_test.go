package badconfig_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/cmd/models"
	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/text"
	"fuqiao/edged/testbench/badconfig"
)

// judge is what `edged -check` does with a file.
func judge(t testing.TB, data string) []config.Problem {
	t.Helper()
	cat, err := drivers.NewCatalog(models.All()...)
	if err != nil {
		t.Fatal(err)
	}
	f, problems := config.Parse("edged.yaml", []byte(data))
	if f != nil {
		_, more := drivers.Check(f, cat)
		problems = config.Sort(append(problems, more...))
	}
	return problems
}

func said(p *text.Printer, problems []config.Problem) []string {
	var out []string
	for _, q := range problems {
		out = append(out, p.Problem(q))
	}
	return out
}

// TestCases: each broken file gets exactly its messages: all of them, in the order
// of the file, no other. `go test . -args update` writes them anew, to be read
// before they are kept.
func TestCases(t *testing.T) {
	en, zh := text.New("en"), text.New("zh")
	update := slices.Contains(flag.Args(), "update")
	cases := badconfig.Cases()
	for _, c := range cases {
		start := time.Now()
		problems := judge(t, c.YAML)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s: %v", c.Name, took)
		}
		if len(problems) == 0 {
			t.Errorf("%s: passes", c.Name)
		}
		got := said(en, problems)
		if update {
			write(t, c.Name+".txt", got)
			if c.Chinese != nil {
				write(t, c.Name+".zh.txt", said(zh, problems))
			}
			continue
		}
		compare(t, c.Name, got, c.Want)
		if c.Chinese != nil {
			compare(t, c.Name+" in Chinese", said(zh, problems), c.Chinese)
		}
		for i, p := range problems {
			if p.Error() != got[i] {
				t.Errorf("%s: the log says %s, the terminal %s", c.Name, p.Error(), got[i])
			}
		}
	}
}

func write(t *testing.T, name string, lines []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("cases", name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func compare(t *testing.T, name string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestTable: the table is as long and as broad as it has to be, and each case has a
// name of its own.
func TestTable(t *testing.T) {
	names, models, chinese := map[string]bool{}, 0, 0
	for _, c := range badconfig.Cases() {
		if names[c.Name] {
			t.Errorf("%s stands twice", c.Name)
		}
		names[c.Name] = true
		for _, group := range []string{"pelco-", "chip-", "webhook-", "claim-", "options-"} {
			if strings.HasPrefix(c.Name, group) {
				models++
				break
			}
		}
		if c.Chinese != nil {
			chinese++
		}
		for _, line := range c.At("/etc/edged/edged.yaml") {
			if !strings.HasPrefix(line, "/etc/edged/edged.yaml:") {
				t.Errorf("%s: %s", c.Name, line)
			}
		}
	}
	if len(names) < 40 || models < 15 || chinese < 10 {
		t.Errorf("%d cases, %d of models and claims, %d in Chinese", len(names), models, chinese)
	}
}

// TestSecretsStayHidden: no message shows a secret that stood in a file, in either
// language, nor does what a program reads of it.
func TestSecretsStayHidden(t *testing.T) {
	n := 0
	for _, c := range badconfig.Cases() {
		if !strings.Contains(c.YAML, "Zhakou2026") {
			continue
		}
		n++
		for _, p := range judge(t, c.YAML) {
			if strings.Contains(p.Error()+p.Value+text.New("zh").Problem(p), "Zhakou2026") {
				t.Errorf("%s: %s (%s)", c.Name, p.Error(), p.Value)
			}
		}
	}
	if n < 5 {
		t.Errorf("only %d files have a secret", n)
	}
}

// TestExample: the shipped example passes the whole judgement.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("../../config/edged.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range judge(t, string(data)) {
		t.Error(p)
	}
}
