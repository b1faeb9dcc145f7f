package config

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// sample has one field of every kind that a model may use.
type sample struct {
	Bus     string            `yaml:"bus" need:"true" pattern:"id"`
	Address int               `yaml:"address" range:"1..254"`
	Small   int8              `yaml:"small"`
	Large   uint16            `yaml:"large"`
	Huge    int64             `yaml:"huge"`
	Turbo   string            `yaml:"turbo" default:"none" enum:"none|40|ff"`
	Speed   int               `yaml:"speed" enum:"9600|19200"`
	Volume  int               `yaml:"volume" default:"80" range:"0..100"`
	Gain    float64           `yaml:"gain" range:"-2.5..2.5"`
	Loud    bool              `yaml:"loud" default:"true"`
	Quiet   *bool             `yaml:"quiet"`
	Level   *int              `yaml:"level" range:"0..9"`
	Free    []int             `yaml:"free" range:"1..255"`
	Names   []string          `yaml:"names" pattern:"id"`
	Chimes  map[string]string `yaml:"chimes" pattern:"id"`
	Secret  string            `yaml:"secret" pattern:"secret"`
	Listen  string            `yaml:"listen" pattern:"hostport"`
	Path    string            `yaml:"path" pattern:"urlpath"`
	Code    string            `yaml:"code" pattern:"digits20"`
	Text    string            `yaml:"text"`
	Inner   inner             `yaml:"inner"`
	Raw     Node              `yaml:"raw"`
}

// inner is a block that is there or not as a whole.
type inner struct {
	Unit string `yaml:"unit" default:"deg" enum:"deg|rad"`
	Zero int    `yaml:"zero" need:"true"`
}

// TestDecodeGood: what may be written, and what it means.
func TestDecodeGood(t *testing.T) {
	yes, three := true, 3
	least := sample{Bus: "b", Turbo: "none", Volume: 80, Loud: true}
	with := func(change func(*sample)) sample { s := least; change(&s); return s }
	for _, c := range []struct {
		text string
		want sample
	}{
		{"bus: b", least},
		{"bus: 1", with(func(s *sample) { s.Bus = "1" })},
		{"bus: on\nvolume: 0\nloud: false", with(func(s *sample) { s.Bus, s.Volume, s.Loud = "on", 0, false })},
		{"bus: \"no\"\nquiet: true\nlevel: 3", with(func(s *sample) { s.Bus, s.Quiet, s.Level = "no", &yes, &three })},
		{"bus: b\nturbo: 40", with(func(s *sample) { s.Turbo = "40" })},
		{"bus: b\nspeed: 19200\nlarge: 65535\nsmall: -128\nhuge: -9223372036854775808", with(func(s *sample) {
			s.Speed, s.Large, s.Small, s.Huge = 19200, math.MaxUint16, math.MinInt8, math.MinInt64
		})},
		{"bus: b\ngain: -2.5", with(func(s *sample) { s.Gain = -2.5 })},
		{"bus: b\ngain: 2", with(func(s *sample) { s.Gain = 2 })},
		{"bus: b\nfree: [33, 94]\nnames: [a, 0-1]\nchimes: {market: msgb}", with(func(s *sample) {
			s.Free, s.Names, s.Chimes = []int{33, 94}, []string{"a", "0-1"}, map[string]string{"market": "msgb"}
		})},
		{"bus: b\nlisten: '[::1]:80'\npath: /cam-1\nsecret: cam-1", with(func(s *sample) { s.Listen, s.Path, s.Secret = "[::1]:80", "/cam-1", "cam-1" })},
		// A code without quotes: YAML sees a number too big for it, or an octal one.
		{"bus: b\ncode: 37081100001320000001", with(func(s *sample) { s.Code = "37081100001320000001" })},
		{"bus: b\ntext: 007", with(func(s *sample) { s.Text = "007" })},
		{"bus: b\ntext: 1e3", with(func(s *sample) { s.Text = "1e3" })},
		{"bus: b\ntext: .nan", with(func(s *sample) { s.Text = ".nan" })},
		{"bus: b\ntext: 2026-11-24", with(func(s *sample) { s.Text = "2026-11-24" })},
		{"bus: b\ntext: 菜市场", with(func(s *sample) { s.Text = "菜市场" })},
		{"bus: b\ntext: ''", least},
		{"bus: b\ninner: {zero: 7}", with(func(s *sample) { s.Inner = inner{"deg", 7} })},
		{"bus: b\nchimes:\nfree: []", with(func(s *sample) { s.Chimes, s.Free = map[string]string{}, []int{} })},
	} {
		var got sample
		problems := Decode(ParseNode(c.text), &got)
		got.Raw = Node{}
		if len(problems) != 0 || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q:\n%+v %v\nwant %+v", c.text, got, problems, c.want)
		}
	}
}

// TestDecodeBad: one mistake each, its line, path, value and what is allowed. The
// value of a wrong key is its default.
func TestDecodeBad(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"volume: 3", "1: options.bus: is missing; it has no default"},
		{"", "1: options.bus: is missing; it has no default"},
		{"bus: ''", "1: options.bus: must not be empty"},
		{"bus:", "1: options.bus: must not be empty"},
		{"bus: ~", "1: options.bus: must not be empty"},
		{"bus: null", "1: options.bus: must not be empty"},
		{"bus: b\nvolume:", "2: options.volume: has no value; write one or remove the key"},
		{"bus: b\nvolume: ~", "2: options.volume: has no value; write one or remove the key"},
		{"bus: true", "1: options.bus: true is not text; if it is meant as text, put it in quotes"},
		{"bus: [a]", "1: options.bus: a list is not text"},
		{"bus: {a: b}", "1: options.bus: a block of keys is not text"},
		{"[a, b]", "1: options: a list is not a block of keys"},
		{"abc", "1: options: abc is not a block of keys"},
		{"bus: b\naddress: 0", "2: options.address: 0 is out of range; allowed: 1 to 254"},
		{"bus: b\naddress: 255", "2: options.address: 255 is out of range; allowed: 1 to 254"},
		{"bus: b\naddress: 18446744073709551617", "2: options.address: 18446744073709551617 is out of range; allowed: 1 to 254"},
		{"bus: b\naddress: -99999999999999999999", "2: options.address: -99999999999999999999 is out of range; allowed: 1 to 254"},
		{"bus: b\nsmall: 128", "2: options.small: 128 is out of range; allowed: -128 to 127"},
		{"bus: b\nlarge: 65536", "2: options.large: 65536 is out of range; allowed: 0 to 65535"},
		{"bus: b\nlarge: -1", "2: options.large: -1 is out of range; allowed: 0 to 65535"},
		{"bus: b\nhuge: 9223372036854775808", "2: options.huge: 9223372036854775808 is out of range; allowed: -9223372036854775808 to 9223372036854775807"},
		{"bus: b\naddress: '3'", `2: options.address: "3" is text; write it without quotes: 3`},
		{"bus: b\naddress: 1.5", "2: options.address: 1.5 is not a whole number"},
		{"bus: b\naddress: 3.0", "2: options.address: 3.0 is not a whole number; write it in plain digits: 3"},
		{"bus: b\naddress: one", "2: options.address: one is not a whole number"},
		{"bus: b\naddress: 0x10", "2: options.address: 0x10 is not a whole number; write it in plain digits: 16"},
		{"bus: b\naddress: 0o17", "2: options.address: 0o17 is not a whole number; write it in plain digits: 15"},
		{"bus: b\naddress: 1_0", "2: options.address: 1_0 is not a whole number; write it in plain digits: 10"},
		{"bus: b\naddress: 1e2", "2: options.address: 1e2 is not a whole number; write it in plain digits: 100"},
		{"bus: b\naddress: 007", "2: options.address: 007 is not a whole number; write it in plain digits: 7"},
		{"bus: b\naddress: +7", "2: options.address: +7 is not a whole number; write it in plain digits: 7"},
		{"bus: b\naddress: true", "2: options.address: true is not a whole number"},
		{"bus: b\ngain: .5", "2: options.gain: .5 is not a number; write it in plain digits: 0.5"},
		{"bus: b\ngain: .nan", "2: options.gain: .nan is not a number"},
		{"bus: b\ngain: .inf", "2: options.gain: .inf is not a number"},
		{"bus: b\ngain: 2.51", "2: options.gain: 2.51 is out of range; allowed: -2.5 to 2.5"},
		{"bus: b\ngain: 1,5", "2: options.gain: 1,5 is not a number"},
		{"bus: b\nloud: yes", "2: options.loud: yes is not true or false"},
		{"bus: b\nloud: True", "2: options.loud: True is not true or false"},
		{"bus: b\nloud: 1", "2: options.loud: 1 is not true or false"},
		{"bus: b\nquiet: 'true'", `2: options.quiet: "true" is text; write it without quotes: true`},
		{"bus: b\nturbo: 41", "2: options.turbo: 41 is not allowed; allowed: none, 40, ff"},
		{"bus: b\nspeed: 9601", "2: options.speed: 9601 is not allowed; allowed: 9600, 19200"},
		{"bus: b\nvolume: 101", "2: options.volume: 101 is out of range; allowed: 0 to 100"},
		{"bus: b\nlevel: 10", "2: options.level: 10 is out of range; allowed: 0 to 9"},
		{"bus: b\nfree: 33", "2: options.free: 33 is not a list"},
		{"bus: b\nfree:\n- 33\n- 256", "4: options.free[1]: 256 is out of range; allowed: 1 to 255"},
		{"bus: b\nfree: [33, ~]", "2: options.free[1]: has no value; write one or remove the key"},
		{"bus: b\nnames: [Horn]", "2: options.names[0]: Horn is not a valid name; allowed: a to z, 0 to 9 and -, beginning with a letter or digit, at most 63 characters"},
		{"bus: b\nchimes: {Ding: msgb}", "2: options.chimes.Ding: Ding is not a valid name;"},
		{"bus: b\nchimes: {all: msgb}", "2: options.chimes.all: all is a reserved word; choose another name"},
		{"bus: b\nchimes: {market: [1]}", "2: options.chimes.market: a list is not text"},
		{"bus: b\nchimes: [a]", "2: options.chimes: a list is not a block of keys"},
		{"bus: b\nlisten: 192.168.1.10", "2: options.listen: 192.168.1.10 is not host:port; an example: 192.168.1.10:8080"},
		{"bus: b\nlisten: ':80'", `2: options.listen: ":80" is not host:port`},
		{"bus: b\nlisten: a:0", "2: options.listen: a:0 is not host:port"},
		{"bus: b\nlisten: a:65536", "2: options.listen: a:65536 is not host:port"},
		{"bus: b\npath: cam", "2: options.path: cam is not a path; it begins with / and has no blanks, ? or #"},
		{"bus: b\npath: /cam?x", "2: options.path: /cam?x is not a path"},
		{"bus: b\ncode: 3708110000132000000", "2: options.code: 3708110000132000000 is not allowed; needed: exactly 20 digits"},
		{"bus: b\ncode: 3708110000132000000x", "2: options.code: 3708110000132000000x is not allowed; needed: exactly 20 digits"},
		{"bus: b\ninner: {unit: rad}", "2: options.inner.zero: is missing; it has no default"},
		{"bus: b\ninner:", "2: options.inner.zero: is missing; it has no default"},
		{"bus: b\ninner: 7", "2: options.inner: 7 is not a block of keys"},
		{"bus: b\ninner: ~", "2: options.inner: has no value; write one or remove the key"},
		{"bus: b\npitch: 3", "2: options.pitch: unknown key; allowed here: address, bus, chimes, code, free, gain, huge, inner, large, level, listen, loud, names, path, quiet, raw, secret, small, speed, text, turbo, volume"},
		{"bus: b\nchimes: {a: b}\ngain: 'loud'", `3: options.gain: "loud" is not a number`},
		{"bus: http://user:secret@host", "1: options.bus: the value is not a valid name;"},
		{"bus: b\nvolumn: 3", "2: options.volumn: unknown key; did you mean volume?"},
		{"Bus: b", "1: options.Bus: unknown key; did you mean bus?"},
		{"bus: b\n音量: 3", `2: options."音量": unknown key; allowed here: address`},
		{"bus: b\ntext: " + strings.Repeat("字", 1025), "2: options.text: the text has 1025 characters; at most 1024 are allowed"},
		{"bus: b\nvolume: 1\nvolume: 2", "3: options.volume: this key stands twice; the first is in line 2"},
		{"bus: b\n? [a]\n: c", "2: options: a key must be plain text, not a list"},
		{"bus: b\n~: c", "2: options: a key must be plain text, not nothing"},
		{"bus: &b b", "1: options.bus: anchors (&b) are not allowed; write the value out"},
		{"bus: !!str b", "1: options.bus: tags (!!str) are not allowed; remove it"},
		{"bus: !loud b", "1: options.bus: tags (!loud) are not allowed; remove it"},
	} {
		var got sample
		problems := Decode(ParseNode(c.text), &got)
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "test.yaml:"+c.want) {
			t.Errorf("%q:\n%v\nwant %s", c.text, problems, c.want)
		}
		if got.Volume != 80 && !strings.Contains(c.text, "volume: 1") && !strings.Contains(c.text, "volume: 3") && strings.Contains(c.text, "bus") {
			t.Errorf("%q: volume %d, want the default", c.text, got.Volume)
		}
	}
}

// TestSecrets: a secret that stands in the file is refused and never shown, in
// whatever key it stands; a reference is taken.
func TestSecrets(t *testing.T) {
	const secret = "Geheim!123"
	for _, c := range []struct{ text, want string }{
		{"bus: b\npassword: Geheim!123", "2: options.password: a secret must not stand in this file; put it into a file"},
		{"bus: b\nmqtt-password: Geheim!123", "2: options.mqtt-password: a secret must not stand"},
		{"bus: b\nAPI_KEY: Geheim!123", "2: options.API_KEY: a secret must not stand"},
		{"bus: b\nwebhook_token: [Geheim!123]", "2: options.webhook_token: a secret must not stand"},
		{"bus: b\npsk:", "2: options.psk: a secret must not stand"},
		{"bus: b\nsecret: Geheim!123", "2: options.secret: a secret is named, not written out: the name of a file"},
		{"bus: b\nsecret: [Geheim!123]", "2: options.secret: a list is not text"},
		{"bus: b\nraw: {deep: [{pwd: Geheim!123}]}", "2: options.raw.deep[0].pwd: a secret must not stand"},
		{"bus: b\nsecrte: Geheim!123", "2: options.secrte: unknown key; did you mean secret?"},
	} {
		problems := Decode(ParseNode(c.text), &sample{})
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), "test.yaml:"+c.want) {
			t.Errorf("%q:\n%v\nwant %s", c.text, problems, c.want)
		}
		for _, p := range problems {
			if strings.Contains(p.Error()+p.Value, secret) {
				t.Errorf("%q: the secret is shown: %q %q", c.text, p.Error(), p.Value)
			}
		}
	}
}

// TestAllAtOnce: many mistakes, one run, in the order of the file, each once.
func TestAllAtOnce(t *testing.T) {
	problems := Decode(ParseNode("adress: 3\nvolume: 101\nvolume: 5\nloud: yes\nfree: [0, x, 7]\nsecret: A B\npassword: x\nbus: [\n]\n"), &sample{})
	want := []string{
		"test.yaml:1: options.adress: unknown key; did you mean address?",
		"test.yaml:2: options.volume: 101 is out of range; allowed: 0 to 100",
		"test.yaml:3: options.volume: this key stands twice; the first is in line 2",
		"test.yaml:4: options.loud: yes is not true or false",
		"test.yaml:5: options.free[0]: 0 is out of range; allowed: 1 to 255",
		"test.yaml:5: options.free[1]: x is not a whole number",
		"test.yaml:6: options.secret: a secret is named, not written out: the name of a file below secrets/ in the state directory; allowed: a to z, 0 to 9 and -, at most 63 characters",
		"test.yaml:7: options.password: a secret must not stand in this file; put it into a file of its own below secrets/ in the state directory and write only its name: secret: NAME",
		"test.yaml:8: options.bus: a list is not text",
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Error())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestNode: a node knows its place, whether or not it is there.
func TestNode(t *testing.T) {
	n := ParseNode("bus: rs485-1\nlist:\n  - a\n  - b\ndeep:\n  deeper: 3\n")
	for _, c := range []struct {
		node   Node
		path   string
		line   int
		absent bool
	}{
		{n, "options", 1, false},
		{n.At("bus"), "options.bus", 1, false},
		{n.At("deep", "deeper"), "options.deep.deeper", 6, false},
		{n.At("deep", "none", "below"), "options.deep.none.below", 5, true},
		{n.At("none"), "options.none", 1, true},
		{n.At("a b"), `options."a b"`, 1, true},
		{n.Find("rs485-1"), "options.bus", 1, false},
		{n.Find("b"), "options.list[1]", 4, false},
		{n.Find("nowhere"), "options", 1, false},
		{ParseNode(""), "options", 1, true},
		{ParseNode("[a").At("x"), "options.x", 1, true},
	} {
		if c.node.Path() != c.path || c.node.Line() != c.line || c.node.Absent() != c.absent {
			t.Errorf("%s line %d absent %v, want %s line %d absent %v", c.node.Path(), c.node.Line(), c.node.Absent(), c.path, c.line, c.absent)
		}
	}
	p := n.At("bus").Problem("%s is wrong; allowed: %s", "rs485-1", "b")
	if p.Value != "rs485-1" || p.Error() != "test.yaml:1: options.bus: rs485-1 is wrong; allowed: b" {
		t.Errorf("%q %q", p.Value, p.Error())
	}
	var kept struct {
		Raw Node `yaml:"raw"`
	}
	Decode(ParseNode("raw:\n  x: 1\n"), &kept)
	if x := kept.Raw.At("x"); x.Path() != "options.raw.x" || x.Line() != 2 {
		t.Errorf("a kept node lost its place: %s line %d", x.Path(), x.Line())
	}
}

// TestNear: misspelt words are recognised, others are not guessed.
func TestNear(t *testing.T) {
	known := []string{"broker", "baud", "address", "horn-1", "safe", "tilt_reverse", "max_on_s"}
	for word, want := range map[string]string{
		"borker": "broker", "Baud": "baud", "adress": "address", "horn1": "horn-1", "sfae": "safe",
		"volume": "", "x": "", "zoom_reverse": "", "max_on": "max_on_s", "总线": "", strings.Repeat("a", 1<<20): "",
	} {
		if got := Near(word, known); got != want {
			t.Errorf("%.20s: %q, want %q", word, got, want)
		}
	}
}
