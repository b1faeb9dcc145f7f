package text

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// verbs are the fmt verbs of a sentence, in order of their arguments.
func verbs(s string) string {
	return strings.Join(regexp.MustCompile(`%(\[\d+\])?[a-zA-Z%]`).FindAllString(s, -1), " ")
}

// TestTables: every pair is a translation, has the verbs of its sentence in their
// order, and no sentence is translated in two ways.
func TestTables(t *testing.T) {
	p, seen := New("zh"), map[string]string{}
	for _, table := range tables() {
		for _, pair := range table {
			en, zh := pair[0], pair[1]
			if verbs(en) != verbs(zh) {
				t.Errorf("%q has %s, %q has %s", en, verbs(en), zh, verbs(zh))
			}
			if before, twice := seen[en]; twice && before != zh {
				t.Errorf("%q is both %q and %q", en, before, zh)
			}
			seen[en] = zh
			if !regexp.MustCompile(`\p{Han}`).MatchString(zh) && !strings.Contains(zh, "true") {
				t.Errorf("%q is not Chinese", zh)
			}
			if strings.Contains(en, "${") || strings.Contains(zh, "${") {
				t.Errorf("%q: ${ begins a macro of the catalogue", en)
			}
			args := make([]any, strings.Count(strings.ReplaceAll(en, "%%", ""), "%"))
			for i := range args {
				args[i] = i
				if strings.Contains(en, "%s") || strings.Contains(en, "%q") {
					args[i] = strings.Repeat("x", i+1)
				}
			}
			if strings.Contains(en, "%d") || len(verbs(en)) == 0 && len(args) > 0 {
				continue
			}
			if said, want := p.Sprintf(en, args...), fmt.Sprintf(zh, args...); said != want {
				t.Errorf("%q is said as %q, want %q", en, said, want)
			}
		}
	}
}

// TestCodes: every code of the contract has words in both languages; one that is
// not known is shown as it is.
func TestCodes(t *testing.T) {
	zh, en := New("zh"), New("en")
	for name, c := range map[string]struct {
		table [][2]string
		say   func(*Printer, string) string
	}{
		"reason": {reasons(), (*Printer).Reason}, "status": {statuses(), (*Printer).Status}, "evidence": {evidences(), (*Printer).Evidence},
	} {
		for _, pair := range c.table {
			if got := c.say(en, pair[0]); got != pair[1] {
				t.Errorf("%s %s in English: %q", name, pair[0], got)
			}
			if got, want := c.say(zh, pair[0]), pair[1]; got == want || got == "" || got == pair[0] {
				t.Errorf("%s %s in Chinese: %q", name, pair[0], got)
			}
		}
		if got := c.say(zh, "from_the_future"); got != "from_the_future" {
			t.Errorf("%s: an unknown code became %q", name, got)
		}
	}
}

// word is an argument that is itself a key.
type word string

func (w word) Key() string { return string(w) }

// place is a message about a file.
type place struct {
	format string
	args   []any
}

func (p place) Place() string             { return "edged.yaml:12: buses.rs485-1.baud: " }
func (p place) Sentence() (string, []any) { return p.format, p.args }

// TestSay: numbers as they are copied into files, keys among arguments, the place
// in front of a sentence, English where there is no Chinese.
func TestSay(t *testing.T) {
	for _, c := range []struct{ lang, got, want string }{
		{"en number", New("en").Sprintf("port %d of %05.1f", 18830, 2.5), "port 18830 of 002.5"},
		{"zh number", New("zh").Sprintf("%s: good: gateway %s, %d devices, %d cameras", "a.yaml", "g-1", 1200, uint8(3)), "a.yaml：正确：网关 g-1，设备 1200 台，摄像机 3 台"},
		{"en word", New("en").Sprintf("%s is not %s", "yes", word("true or false")), "yes is not true or false"},
		{"zh word", New("zh").Sprintf("%s is not %s", word("a list"), word("a whole number")), "列表 不是整数"},
		{"untranslated", New("zh").Sprintf("nobody has translated %s", "this"), "nobody has translated this"},
		{"en problem", New("en").Problem(place{"%s is out of range; allowed: %s to %s", []any{"101", "0", "100"}}), "edged.yaml:12: buses.rs485-1.baud: 101 is out of range; allowed: 0 to 100"},
		{"zh problem", New("zh").Problem(place{"%s is out of range; allowed: %s to %s", []any{"101", "0", "100"}}), "edged.yaml:12: buses.rs485-1.baud: 101 超出范围；允许：0 至 100"},
		{"a percent sign in an argument", New("zh").Sprintf("%s is not %s", "100%s", word("text")), "100%s 不是文本"},
		{"another language", New("fr").Say("a list"), "a list"},
		{"zh-TW", New("zh-TW").Say("a list"), "列表"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.lang, c.got, c.want)
		}
	}
}

// TestPick: POSIX order of the variables, any spelling of Chinese, and English for
// a terminal that is not in UTF-8.
func TestPick(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "en"},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{map[string]string{"LANG": "zh_CN.utf8"}, "zh"},
		{map[string]string{"LANG": "zh_CN"}, "zh"},
		{map[string]string{"LANG": "zh-Hans"}, "zh"},
		{map[string]string{"LANG": "zh_CN.UTF-8@cjknarrow"}, "zh"},
		{map[string]string{"LANG": "zh_CN.GB18030"}, "en"},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"},
		{map[string]string{"LANG": "zhuang"}, "en"},
		{map[string]string{"LANG": "C.UTF-8"}, "en"},
	} {
		if got := Pick(func(n string) string { return c.env[n] }); got != c.want {
			t.Errorf("%v: %s, want %s", c.env, got, c.want)
		}
	}
}

// TestConcurrent: one Printer serves many.
func TestConcurrent(t *testing.T) {
	p := New("zh")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := p.Sprintf("%s is not %s", "x", word("text")); got != "x 不是文本" {
					t.Error(got)
					return
				}
			}
		})
	}
	wg.Wait()
}
