package config

import "strings"

// What the YAML reader says, in words for someone who has the file before them.
const (
	yamlColon     = Word("a colon stands where no key can be; if it belongs to a text, put the text in quotes")
	yamlKey       = Word("a key is expected here; look at the indentation, and for a quote above that ends too early or not at all")
	yamlDash      = Word("a list entry (-) is expected here; look at the indentation")
	yamlNoColon   = Word("a key without a colon; write key: value")
	yamlStart     = Word("a value cannot begin with this character; put the text in quotes")
	yamlOpen      = Word("a quote is not closed")
	yamlBracket   = Word("a list in [ ] is not closed, or a comma is missing in it")
	yamlBrace     = Word("a block in { } is not closed, or a comma is missing in it")
	yamlValue     = Word("a value is expected here")
	yamlEscape    = Word("an escape that does not exist; in double quotes write \\\\ for a backslash, or use single quotes")
	yamlListPlace = Word("a list entry (-) stands where none can be; begin the list on a line of its own")
	yamlTab       = Word("a tab in the indentation; use spaces")
	yamlAnchor    = Word("a text that begins with & or * needs quotes")
	yamlTag       = Word("a text that begins with ! needs quotes")
	yamlPercent   = Word("a line that begins with % needs quotes")
	yamlAlias     = Word("an alias (*) without its anchor; a text that begins with * needs quotes")
	yamlOutside   = Word("something stands beside the block of keys; look at the indentation")
	yamlBlockText = Word("after | or > the text begins on the next line")
	yamlDeep      = Word("nested too deep")
	yamlOther     = Word("the text cannot be read from here on; look at indentation, quotes and brackets")
)

// plainWords translates the reader's message. The order matters: some of the
// reader's phrases contain others.
func plainWords(reader string) Word {
	for _, t := range []struct {
		phrase string
		word   Word
	}{
		{"mapping values are not allowed", yamlColon},
		{"mapping keys are not allowed", yamlKey},
		{"block sequence entries are not allowed", yamlListPlace},
		{"did not find expected key", yamlKey},
		{"expected '-' indicator", yamlDash},
		{"could not find expected ':'", yamlNoColon},
		{"found a tab", yamlTab},
		{"cannot start any token", yamlStart},
		{"unexpected end of stream", yamlOpen},
		{"unexpected document indicator", yamlOpen},
		{"expected ',' or ']'", yamlBracket},
		{"expected ',' or '}'", yamlBrace},
		{"expected node content", yamlValue},
		{"unknown escape", yamlEscape},
		{"hexdecimal", yamlEscape},
		{"Unicode character escape", yamlEscape},
		{"expected alphabetic or numeric", yamlAnchor},
		{"unknown anchor", yamlAlias},
		{"document start", yamlOutside},
		{"comment or line break", yamlBlockText},
		{"indentation indicator", yamlBlockText},
		{"max depth", yamlDeep},
		{"tag", yamlTag},
		{"'!'", yamlTag},
		{"URI", yamlTag},
		{"directive", yamlPercent},
		{"non-alphabetical", yamlPercent},
		{"version", yamlPercent},
		{"YAML document", yamlPercent},
	} {
		if strings.Contains(reader, t.phrase) {
			return t.word
		}
	}
	return yamlOther
}
