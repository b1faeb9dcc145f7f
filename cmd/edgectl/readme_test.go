package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// block is the first fenced block of README.md in a language.
func block(t *testing.T, language string) string {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(raw), "```"+language+"\n")
	if !ok {
		t.Fatalf("README.md has no %s block", language)
	}
	text, _, _ := strings.Cut(rest, "```")
	return text
}

// TestReadme: the configuration that is explained there is good, and the mistake that is
// shown there is told in those words.
func TestReadme(t *testing.T) {
	file := filepath.Join(t.TempDir(), "edged.yaml")
	check := func(text string) (int, string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"check", file, "--lang", "en"}, func(string) string { return "" }, &out, &errs)
		return code, strings.ReplaceAll(out.String()+errs.String(), file, "edged.yaml")
	}
	good := block(t, "yaml")
	if code, said := check(good); code != 0 {
		t.Errorf("exit %d: %s", code, said)
	}
	code, said := check(strings.Replace(good, "port: /dev/ttyS1, baud: 9600", "port: /dev/ttyS1, baud: 9601", 1))
	if code != 1 || !strings.Contains(said, "edged.yaml:") {
		t.Errorf("exit %d: %s", code, said)
	}
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), strings.TrimSuffix(strings.Split(said, "\n")[0], "\n")) {
		t.Errorf("README.md does not show %s", said)
	}
}
