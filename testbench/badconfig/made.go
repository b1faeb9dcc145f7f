package badconfig

import "strings"

// made are the files whose bytes an editor or git might mend, and those too large
// to be kept.
func made() []Case {
	const good = "gateway: xiaozhakou-1\n"
	return []Case{
		{Name: "bytes-nothing", YAML: ""},
		{Name: "bytes-byte-order-mark", YAML: "\ufeff" + good},
		{Name: "bytes-utf-16", YAML: "\xff\xfeg\x00a\x00t\x00e\x00w\x00a\x00y\x00"},
		{Name: "bytes-gbk", YAML: good + "devices:\n  horn-1:\n    model: syn6288\n    name: \xb6\xab\xc3\xc5\xba\xc5\xbd\xc7\n"},
		{Name: "bytes-zero", YAML: "gateway: xiaozhakou\x00-1\n"},
		{Name: "bytes-escape", YAML: good + "root: \x1b[2Jfuqiao\n"},
		{Name: "bytes-old-mac", YAML: "gateway: xiaozhakou-1\rroot: fuqiao\r"},
		{Name: "bytes-line-separator", YAML: good + "root: fu\u2028qiao\n"},
		{Name: "bytes-turned-round", YAML: good + "devices:\n  horn-1: {model: syn6288, name: \"\u202eeman\"}\n"},
		{Name: "bytes-windows", YAML: "gateway: xiaozhakou-1\r\n\r\nbuses:\r\n  rs485-1:\r\n    port: COM3\r\n    baud: 9600\r\n"},
		{Name: "huge-file", YAML: good + strings.Repeat("# "+strings.Repeat("x", 97)+"\n", 11000)},
		{Name: "huge-nesting", YAML: good + "groups: " + strings.Repeat("[", 1<<20-100)},
		{Name: "huge-nesting-of-lists", YAML: good + "groups:\n  " + strings.Repeat("- ", 9000) + "x\n"},
		{Name: "huge-list", YAML: good + "groups: {market: [" + strings.Repeat("x,", 60000) + "]}\n"},
		{Name: "huge-laughter", YAML: laughter(good)},
		{Name: "huge-many-mistakes", YAML: good + mistakes(3000)},
	}
}

// laughter doubles itself nine times nine times: 3.5 GB to a reader that follows.
func laughter(text string) string {
	text += "a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
	for c := 'b'; c <= 'j'; c++ {
		before := "*" + string(c-1)
		text += string(c) + ": &" + string(c) + " [" + strings.Repeat(before+", ", 8) + before + "]\n"
	}
	return text
}

// mistakes are n buses without a port.
func mistakes(n int) string {
	var b strings.Builder
	b.WriteString("buses:\n")
	for i := range n {
		b.WriteString("  b" + strings.Repeat("0", i%7) + string(rune('a'+i%26)) + ": {baud: " + "1}\n")
	}
	return b.String()
}
