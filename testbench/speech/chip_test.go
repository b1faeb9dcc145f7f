package speech

import (
	"encoding/csv"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// stage is a port with a clock of its own.
type stage struct {
	t     *testing.T
	chip  *Chip
	now   time.Time
	sent  []note
	later []call
}

type note struct {
	at time.Duration // since the start
	b  byte
}

type call struct {
	at time.Time
	do func()
}

var start = time.Unix(1000, 0)

func (s *stage) Send(b []byte, at time.Time) {
	for _, c := range b {
		s.sent = append(s.sent, note{at.Sub(start), c})
	}
}

func (s *stage) At(at time.Time, f func()) { s.later = append(s.later, call{at, f}) }

func newStage(t *testing.T, o Options) (*stage, *Chip) {
	s := &stage{t: t, now: start}
	s.chip = New(o)
	s.chip.Plug(s)
	return s, s.chip
}

// pass lets time go on.
func (s *stage) pass(d time.Duration) {
	end := s.now.Add(d)
	for {
		i := -1
		for j, c := range s.later {
			if !c.at.After(end) && (i < 0 || c.at.Before(s.later[i].at)) {
				i = j
			}
		}
		if i < 0 {
			break
		}
		c := s.later[i]
		s.later = slices.Delete(s.later, i, i+1)
		s.now = c.at
		c.do()
	}
	s.now = end
}

// hear gives bytes at 9600 Bd, then silence.
func (s *stage) hear(b []byte, silence time.Duration) {
	for _, c := range b {
		s.pass(char)
		s.chip.Hear(c, s.now)
	}
	s.pass(silence)
}

func (s *stage) hex(h string, silence time.Duration) {
	s.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(h, " ", ""))
	if err != nil {
		s.t.Fatal(err)
	}
	s.hear(b, silence)
}

// answers are the bytes sent so far.
func (s *stage) answers() string {
	var b []byte
	for _, n := range s.sent {
		b = append(b, n.b)
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// vectors are the SYN6288 rows of the protocol facts.
func vectors(t *testing.T) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "syn6288.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

func TestEveryVectorIsUnderstood(t *testing.T) {
	for _, v := range vectors(t) {
		op, params, frame, dir := v[1], v[2], v[3], v[4]
		if dir != "host>device" {
			continue
		}
		s, c := newStage(t, Options{})
		s.hex(frame, 10*time.Minute)
		if obeyed, refused, broken, hasty := c.Counts(); obeyed != 1 || refused+broken+hasty > 0 {
			t.Errorf("%s (%s): %d obeyed, %d refused, %d broken", op, params, obeyed, refused, broken)
		}
		want := "41"
		switch {
		case op == "query status":
			want = "4F"
		case op == "say" || strings.HasPrefix(op, "set volume") || strings.HasPrefix(op, "set defaults"):
			want = "414F"
		}
		if s.answers() != want {
			t.Errorf("%s (%s) is answered %s, want %s", op, params, s.answers(), want)
		}
		if op != "say" {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(params, "text="), " encoding=")
		switch {
		case strings.Contains(params, "语音天下 but"), strings.Contains(params, "labels this"):
			text = "语音天下"
		case strings.Contains(params, "x25"):
			text = strings.Repeat("文明城市", 25)
		}
		said := c.Utterances()
		if len(said) != 1 || said[0].Cut || said[0].Ended.Sub(said[0].Started) != said[0].Length {
			t.Fatalf("%s: %+v", params, said)
		}
		got := strings.Join(said[0].Marks, "") + strings.Join(said[0].Tones, "") + said[0].Text
		if got != text {
			t.Errorf("heard %q, want %q (%s)", got, text, v[5])
		}
	}
}

func TestATextTakesItsTime(t *testing.T) {
	s, c := newStage(t, Options{})
	s.hex("FD 00 0F 01 01 C7 EB CE F0 D5 BC B5 C0 BE AD D3 AA 96", 0) // 请勿占道经营
	if !c.Speaking() {
		t.Fatal("not busy")
	}
	s.pass(20 * time.Millisecond)
	s.hex("FD 00 02 21 DE", 5*time.Second)
	// 18 and 5 bytes of line time, 4 ms latency; six characters at 4.5 per second.
	if s.answers() != "414E4F" {
		t.Fatalf("answers %s", s.answers())
	}
	took := s.sent[2].at - s.sent[0].at - 150*time.Millisecond
	if took.Round(time.Millisecond) != 1333*time.Millisecond {
		t.Errorf("six characters took %v, want 1.333 s", took)
	}
	if c.Speaking() {
		t.Error("still busy")
	}
}
