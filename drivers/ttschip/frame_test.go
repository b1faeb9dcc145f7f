package ttschip_test

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/ttschip"
)

// vector is one row of testdata/syn6288.csv; each names its source there.
type vector struct {
	operation, parameters, direction string
	frame                            []byte
}

func vectors(t *testing.T) []vector {
	t.Helper()
	file, err := os.Open("testdata/syn6288.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, r := range rows[1:] {
		frame, err := hex.DecodeString(strings.ReplaceAll(r[3], " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", r[3], err)
		}
		all = append(all, vector{r[1], r[2], r[4], frame})
	}
	if len(all) != 30 {
		t.Fatalf("%d vectors, want 30", len(all))
	}
	return all
}

// spoken takes text, encoding and music out of a row's parameters.
func spoken(t *testing.T, parameters string) (text string, e ttschip.Encoding, music int) {
	t.Helper()
	m := regexp.MustCompile(`^text=(\S+?)(?: x(\d+) \([^)]*\))? encoding=([A-Z0-9]+)`).FindStringSubmatch(parameters)
	if m == nil {
		t.Fatalf("parameters %q", parameters)
	}
	text = m[1]
	if n, err := strconv.Atoi(m[2]); err == nil {
		text = strings.Repeat(text, n)
	}
	e = map[string]ttschip.Encoding{
		"GB2312": ttschip.GB2312, "GBK": ttschip.GBK, "BIG5": ttschip.BIG5, "UNICODE": ttschip.Unicode,
	}[m[3]]
	if m := regexp.MustCompile(` music=(\d+)`).FindStringSubmatch(parameters); m != nil {
		music, _ = strconv.Atoi(m[1])
	}
	return text, e, music
}

func encoded(t *testing.T, text string, e ttschip.Encoding) []byte {
	t.Helper()
	var out []byte
	var err error
	switch e {
	case ttschip.BIG5:
		out, err = traditionalchinese.Big5.NewEncoder().Bytes([]byte(text))
	case ttschip.Unicode:
		for _, u := range utf16.Encode([]rune(text)) {
			out = append(out, byte(u>>8), byte(u))
		}
	default:
		out, err = simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestVectorsToTheChip: what the datasheet prints is what is sent.
func TestVectorsToTheChip(t *testing.T) {
	f := ttschip.SYN6288Format()
	for _, v := range vectors(t) {
		if v.direction != "host>device" {
			continue
		}
		var got []byte
		var err error
		switch {
		case strings.HasPrefix(v.parameters, "text="):
			text, e, music := spoken(t, v.parameters)
			got, err = f.AppendSay(nil, e, music, encoded(t, text, e))
		case v.operation == "set baud":
			var baud int
			if baud, err = strconv.Atoi(strings.TrimPrefix(v.parameters, "baud=")); err == nil {
				got, err = f.AppendBaud(nil, baud)
			}
		default:
			bare := map[string]func([]byte) []byte{
				"stop": f.AppendStop, "pause": f.AppendPause, "resume": f.AppendResume,
				"query status": f.AppendQuery, "power down": f.AppendPowerDown,
			}[v.operation]
			if bare == nil {
				t.Errorf("no test for %q", v.operation)
				continue
			}
			got = bare(nil)
		}
		if err != nil || !bytes.Equal(got, v.frame) {
			t.Errorf("%s %s:\ngot  % X (%v)\nwant % X", v.operation, v.parameters, got, err, v.frame)
		}
	}
}

// TestVectorsFromTheChip: every reply that is printed or seen in the field is read
// as what it means, by the exchange that it belongs to.
func TestVectorsFromTheChip(t *testing.T) {
	for _, v := range vectors(t) {
		if v.direction != "device>host" {
			continue
		}
		if got := ttschip.Heard(v.frame); got != len(v.frame) {
			t.Errorf("%s: %d of % X are replies", v.operation, got, v.frame)
		}
		want := map[string]ttschip.Reply{
			"initialised": ttschip.Initialised, "accepted": ttschip.Accepted, "refused": ttschip.Refused,
			"speaking": ttschip.Speaking, "idle": ttschip.Idle,
		}[regexp.MustCompile(`(initialised|refused|idle|speaking|accepted)( \(|: una|$|: two)?`).FindString(lastWord(v))]
		if got := ttschip.Verdict(v.frame); got != want {
			t.Errorf("%s %s: % X is %s, want %s", v.operation, v.parameters, v.frame, got, want)
		}
		ask := ttschip.WantStatus
		if want == ttschip.Accepted {
			ask = ttschip.WantAck
		}
		if n := ask(v.frame); n != len(v.frame) {
			t.Errorf("%s %s: % X: %d bytes wanted", v.operation, v.parameters, v.frame, n)
		}
	}
}

// lastWord finds the meaning of a reply in the row's own words.
func lastWord(v vector) string {
	switch {
	case strings.Contains(v.parameters, "then "):
		return strings.Split(strings.SplitN(v.parameters, "then ", 2)[1], ":")[0]
	case strings.HasPrefix(v.operation, "idle"):
		return "idle"
	case strings.Contains(v.operation, "initialised"):
		return "initialised"
	}
	return v.operation[strings.LastIndex(v.operation, " ")+1:]
}

func TestFrameRefusesWhatTheChipWould(t *testing.T) {
	f := ttschip.SYN6288Format()
	family := ttschip.Format{MaxText: 4000} // a chip without check byte, music and command 31
	for _, c := range []struct {
		name string
		do   func() ([]byte, error)
		want fault.Class
	}{
		{"no text", func() ([]byte, error) { return f.AppendSay(nil, ttschip.GBK, 0, nil) }, fault.BadInput},
		{"201 bytes", func() ([]byte, error) { return f.AppendSay(nil, ttschip.GBK, 0, make([]byte, 201)) }, fault.BadInput},
		{"music 16", func() ([]byte, error) { return f.AppendSay(nil, ttschip.GBK, 16, []byte("a")) }, fault.BadInput},
		{"music -1", func() ([]byte, error) { return f.AppendSay(nil, ttschip.GBK, -1, []byte("a")) }, fault.BadInput},
		{"music on a chip without", func() ([]byte, error) { return family.AppendSay(nil, ttschip.GBK, 1, []byte("a")) }, fault.BadInput},
		{"encoding 4", func() ([]byte, error) { return f.AppendSay(nil, 4, 0, []byte("a")) }, fault.BadInput},
		{"57600 Bd", func() ([]byte, error) { return f.AppendBaud(nil, 57600) }, fault.BadInput},
		{"baud on a chip without", func() ([]byte, error) { return family.AppendBaud(nil, 9600) }, fault.Unsupported},
	} {
		if got, err := c.do(); !errors.Is(err, c.want) || len(got) != 0 {
			t.Errorf("%s: % X, %v, want %s", c.name, got, err, c.want)
		}
	}
}

// TestFrameWithoutCheckByte: the same code makes the relatives' frames. XFS5152CE
// user development guide V1.2, table 12, Unicode low byte first.
func TestFrameWithoutCheckByte(t *testing.T) {
	f := ttschip.Format{MaxText: 4000}
	got, err := f.AppendSay([]byte{0xAA}, ttschip.Unicode, 0, []byte{0xD1, 0x79, 0x27, 0x59, 0xAF, 0x8B, 0xDE, 0x98})
	want, _ := hex.DecodeString("AAFD000A0103D1792759AF8BDE98")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("% X (%v), want % X", got, err, want)
	}
}

func TestReplies(t *testing.T) {
	for _, c := range []struct {
		name        string
		received    []byte
		ack, status int
	}{
		{"nothing", nil, 0, 0},
		{"accepted", []byte{0x41}, 1, 0},
		{"refused", []byte{0x45}, 1, 1},
		{"the end of the one before, then accepted", []byte{0x4F, 0x41}, 2, 1},
		{"accepted and already idle", []byte{0x41, 0x4F}, 1, 2},
		{"noise before", []byte{0x00, 0xFF, 0x41, 0x4E}, 3, 4},
		{"reset", []byte{0x4A}, 1, 1},
		{"noise only", []byte{0x00, 0x40, 0x42}, 0, 0},
		{"speaking", []byte{0x4E}, 0, 1},
	} {
		if got := ttschip.WantAck(c.received); got != c.ack {
			t.Errorf("%s: ack %d, want %d", c.name, got, c.ack)
		}
		if got := ttschip.WantStatus(c.received); got != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got, c.status)
		}
	}
	if got := ttschip.Heard([]byte{0x4F, 0x41, 0x00, 0x4F}); got != 2 {
		t.Errorf("heard %d, want 2", got)
	}
	if got := ttschip.Reply(0x3D).String(); got != "no reply of this chip (3D)" {
		t.Error(got)
	}
}

// FuzzReplies: whatever comes over the wire, the decoders stay inside it, end where
// they say, and agree with each other.
func FuzzReplies(f *testing.F) {
	for _, seed := range [][]byte{{}, {0x41}, {0x41, 0x4E}, {0x4F, 0x41, 0x4F}, {0x4A}, {0x00, 0x45}, {0xFC, 0, 1, 0x21}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, received []byte) {
		for _, want := range []func([]byte) int{ttschip.WantAck, ttschip.WantStatus} {
			n := want(received)
			if n < 0 || n > len(received) {
				t.Fatalf("%d of %d bytes", n, len(received))
			}
			if n > 0 {
				if !ttschip.Verdict(received[:n]).Known() {
					t.Fatalf("ends at %s", ttschip.Verdict(received[:n]))
				}
				if want(received[:n]) != n || want(received[:n-1]) != 0 {
					t.Fatal("the end depends on what follows")
				}
			}
		}
		n := ttschip.Heard(received)
		if n < 0 || n > len(received) || n < len(received) && ttschip.Reply(received[n]).Known() {
			t.Fatalf("heard %d of %d", n, len(received))
		}
	})
}

// BenchmarkSay encodes the longest frame into a buffer of the caller's.
func BenchmarkSay(b *testing.B) {
	f := ttschip.SYN6288Format()
	text := bytes.Repeat([]byte{0xCE, 0xC4}, 100)
	buf := make([]byte, 0, 206)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.AppendSay(buf, ttschip.GBK, 0, text); err != nil {
			b.Fatal(err)
		}
	}
}

// TestFramesAllocateNothing keeps the benchmark's promise in every test run.
func TestFramesAllocateNothing(t *testing.T) {
	f := ttschip.SYN6288Format()
	text := bytes.Repeat([]byte{0xCE, 0xC4}, 100)
	buf := make([]byte, 0, 206)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = f.AppendSay(buf, ttschip.GBK, 0, text)
		_ = f.AppendStop(buf)
		_ = f.AppendQuery(buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
