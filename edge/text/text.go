// Package text is the message catalogue: what people read, in English and in
// simplified Chinese. An English sentence with fmt verbs is its own key; the
// zh_….go files hold the translations, one table per topic. A sentence without a
// translation is shown in English.
//
// What machines read (logs, JSON, the wire) does not pass through here.
package text

import (
	"fmt"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

// Printer says things in one language. It may be used by many goroutines.
type Printer struct{ p *message.Printer }

// New makes a Printer for a language: "zh" in any spelling (zh-CN, zh_Hans …) is
// simplified Chinese, everything else English.
func New(lang string) *Printer {
	tag := language.English
	if chinese(lang) {
		tag = language.SimplifiedChinese
	}
	b := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, table := range tables() {
		for _, pair := range table {
			if err := b.SetString(language.SimplifiedChinese, pair[0], pair[1]); err != nil {
				continue // it stays English; the test over all tables finds it
			}
		}
	}
	return &Printer{message.NewPrinter(tag, message.Catalog(b))}
}

// tables are the translations by topic: pairs of English and Chinese.
func tables() [][][2]string {
	return [][][2]string{zhFile(), zhYAML(), zhValues(), zhBetween(), zhDevices(), zhResults(), zhReasons(), zhConditions(), zhPrograms(), zhEdgectl()}
}

// Sprintf is fmt.Sprintf in the Printer's language. Numbers stand as fmt writes
// them, without separators between thousands: they are copied into files and
// commands. An argument with a method Key() string is itself a key and translated.
func (p *Printer) Sprintf(format string, args ...any) string {
	said := make([]any, len(args))
	for i, a := range args {
		said[i] = p.argument(a)
	}
	return p.p.Sprintf(format, said...)
}

// Say is a sentence without verbs: a condition's text, a remedy.
func (p *Printer) Say(sentence string) string { return p.p.Sprintf(sentence) }

// Problem is a whole message about a file: its place, the same in every language,
// and its sentence.
func (p *Printer) Problem(q interface {
	Place() string
	Sentence() (format string, args []any)
}) string {
	format, args := q.Sentence()
	return q.Place() + p.Sprintf(format, args...)
}

// Reason says in words why a result is not good; code is one of the contract.
func (p *Printer) Reason(code string) string { return p.lookup(reasons(), code) }

// Status says in words where an order stands.
func (p *Printer) Status(code string) string { return p.lookup(statuses(), code) }

// Evidence says in words how an act is known to have happened.
func (p *Printer) Evidence(code string) string { return p.lookup(evidences(), code) }

// lookup says the sentence of a code; a code that this version does not know is
// shown as it is.
func (p *Printer) lookup(table [][2]string, code string) string {
	for _, pair := range table {
		if pair[0] == code {
			return p.Say(pair[1])
		}
	}
	return code
}

func (p *Printer) argument(a any) any {
	if k, ok := a.(interface{ Key() string }); ok {
		return p.Say(k.Key())
	}
	switch a.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr, float32, float64:
		return number{a}
	}
	return a
}

// number is formatted by fmt, not by the rules of a language.
type number struct{ v any }

// Format makes number a fmt.Formatter.
func (n number) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, fmt.FormatString(s, verb), n.v)
}

// Translation is the Chinese of an English sentence, and whether there is one.
func Translation(sentence string) (string, bool) {
	for _, table := range tables() {
		for _, pair := range table {
			if pair[0] == sentence {
				return pair[1], true
			}
		}
	}
	return "", false
}
