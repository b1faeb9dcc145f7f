package pelco_test

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"fuqiao/edged/drivers/pelco"
)

// vector is one row of testdata/pelco-d.csv. Each names its sources.
type vector struct {
	protocol, operation string
	is                  map[string]int // addr=1;pan_speed=0x20
	says                string         // the parameters as they stand
	frame               []byte
	fromHost            bool
}

func vectors(t *testing.T) []vector {
	t.Helper()
	file, err := os.Open("testdata/pelco-d.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, row := range rows[1:] {
		frame, err := hex.DecodeString(strings.ReplaceAll(row[3], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		v := vector{protocol: row[0], operation: row[1], is: map[string]int{}, says: row[2], frame: frame, fromHost: row[4] == "host>device"}
		v.operation, _, _ = strings.Cut(v.operation, " (")
		for part := range strings.SplitSeq(row[2], ";") {
			name, value, ok := strings.Cut(part, "=")
			value, _, _ = strings.Cut(value, " ")
			if n, err := strconv.ParseInt(value, 0, 64); ok && err == nil {
				v.is[name] = int(n)
			}
		}
		// "turbo 0x40 (2003 rule)" is a speed as well.
		if _, turbo, ok := strings.Cut(row[2], "=turbo "); ok {
			n, err := strconv.ParseInt(turbo[:4], 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			v.is["pan_speed"] = int(n)
		}
		all = append(all, v)
	}
	if len(all) != 75 {
		t.Fatalf("%d rows, want 71 and 4 streams", len(all))
	}
	return all
}

// encode builds a row's frame from its meaning, by the part of the package that the
// driver uses; nil where the driver has no such command.
func (v vector) encode() []byte {
	a := byte(v.is["addr"])
	motion := pelco.Motion{}
	switch v.operation {
	case "stop":
		return pelco.Stop(a).Append(nil)
	case "preset_set":
		return pelco.SetPreset(a, byte(v.is["preset"])).Append(nil)
	case "preset_clear":
		return pelco.ClearPreset(a, byte(v.is["preset"])).Append(nil)
	case "preset_goto":
		return pelco.GotoPreset(a, byte(v.is["preset"])).Append(nil)
	}
	for part := range strings.SplitSeq(v.operation, "+") {
		switch part {
		case "pan_left":
			motion.Pan = -v.is["pan_speed"]
		case "pan_right":
			motion.Pan = v.is["pan_speed"]
		case "tilt_up":
			motion.Tilt = v.is["tilt_speed"]
		case "tilt_down":
			motion.Tilt = -v.is["tilt_speed"]
		case "zoom_tele":
			motion.Zoom = 1
		case "zoom_wide":
			motion.Zoom = -1
		case "focus_far":
			motion.Focus = 1
		case "focus_near":
			motion.Focus = -1
		case "iris_open":
			motion.Iris = 1
		case "iris_close":
			motion.Iris = -1
		default:
			return nil
		}
	}
	if p := v.is["pan_speed"]; p > 0x3F {
		motion.Turbo = byte(p)
	}
	return motion.Command(a).Append(nil)
}

// Every frame that the driver can send has the bytes of the sources.
func TestEncodeEqualsTheSources(t *testing.T) {
	encoded := 0
	for _, v := range vectors(t) {
		if v.protocol != "pelco-d" || !v.fromHost || strings.HasPrefix(v.operation, "reject") {
			continue
		}
		got := v.encode()
		// Speed 00 with a direction is the slowest motion in TF-0002 and a stop in
		// D-1999: the driver never sends it, so those two rows are only decoded.
		if speed, given := v.is["pan_speed"]; got == nil || given && speed == 0 {
			continue
		}
		encoded++
		if !bytes.Equal(got, v.frame) {
			t.Errorf("%s %s: % X, want % X", v.operation, v.says, got, v.frame)
		}
	}
	if encoded != 22 {
		t.Errorf("%d rows were encoded, want 22", encoded)
	}
}

// Every frame of the sources, host's or dome's, is recognised for what it is and
// comes out with the same bytes again.
func TestDecodeEveryFrameOfTheSources(t *testing.T) {
	for _, v := range vectors(t) {
		switch {
		case v.protocol != "pelco-d" || v.operation == "general_response":
			continue // TestStreams, TestGeneralReplies
		case strings.HasPrefix(v.operation, "reject"):
			if c, n := pelco.Scan(v.frame); n != 0 {
				t.Errorf("%s % X is taken for %+v", v.says, v.frame, c)
			}
			continue
		}
		c, n := pelco.Scan(v.frame)
		if n != len(v.frame) || c.Operation() != v.operation || int(c.Address) != v.is["addr"] {
			t.Errorf("% X is %q of %+v, %d bytes; want %q %s", v.frame, c.Operation(), c, n, v.operation, v.says)
		}
		if again := c.Append(nil); !bytes.Equal(again, v.frame) {
			t.Errorf("% X again: % X", v.frame, again)
		}
		for name, want := range v.is {
			if got, known := data(c, name); known && got != want {
				t.Errorf("% X: %s is %d, want %d", v.frame, name, got, want)
			}
		}
	}
}

// data reads a row's parameter out of a command by the table of TF-0002.
func data(c pelco.Command, name string) (int, bool) {
	switch name {
	case "pan_speed", "column":
		return int(c.Data1), true
	case "tilt_speed", "preset", "aux", "zone", "alarm", "pattern", "speed", "mode":
		return int(c.Data2), true
	case "centideg", "position", "hundredths":
		return int(c.Data1)<<8 | int(c.Data2), true
	}
	return 0, false
}

// Several frames, noise and echoes in one piece.
func TestStreams(t *testing.T) {
	query, _ := pelco.Scan([]byte{0xFF, 0x01, 0x00, 0x51, 0x00, 0x00, 0x52})
	for _, v := range vectors(t) {
		if v.protocol != "pelco-d-stream" {
			continue
		}
		t.Run(v.operation, func(t *testing.T) {
			if strings.Contains(v.says, "expect pan_response 8213") {
				r, n, corrupt := pelco.Decode(query, v.frame)
				if r.Kind != pelco.Position || r.Opcode != 0x59 || r.Value != 8213 || n != len(v.frame) || corrupt {
					t.Errorf("%+v, %d bytes, corrupt %v", r, n, corrupt)
				}
				if again, m, _ := pelco.Decode(query, v.frame[n:]); m != 0 {
					t.Errorf("a second reply: %+v", again)
				}
				return
			}
			var seen []string
			for rest := v.frame; ; {
				c, n := pelco.Scan(rest)
				if n == 0 {
					break
				}
				seen = append(seen, c.Operation())
				if c.Operation() == "pan_left" && c.Data1 != 0x20 {
					t.Errorf("speed %X", c.Data1)
				}
				rest = rest[n:]
			}
			want := "pan_left"
			if strings.Contains(v.says, "then stop") {
				want += " stop"
			}
			if got := strings.Join(seen, " "); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// The 4-byte replies of the sources belong to the command whose checksum they carry.
func TestGeneralReplies(t *testing.T) {
	for _, v := range vectors(t) {
		if v.operation != "general_response" {
			continue
		}
		sent := pelco.Command{Address: 1, Cmd2: 0x02, Data2: 0x3F} // checksum 42
		alarms := byte(0)
		if strings.Contains(v.says, "command=stop") {
			sent, alarms = pelco.Stop(1), 1
		}
		r, n, corrupt := pelco.Decode(sent, v.frame)
		if n != 4 || r.Kind != pelco.General || r.Address != 1 || r.Alarms != alarms || corrupt {
			t.Errorf("%s: %+v, %d bytes, corrupt %v", v.says, r, n, corrupt)
		}
		if r, n, _ := pelco.Decode(pelco.GotoPreset(1, 9), v.frame); n != 0 {
			t.Errorf("%s is taken for the reply to another command: %+v", v.says, r)
		}
		if n := pelco.Unasked(sent, v.frame); n != 4 {
			t.Errorf("%s is not known when nobody asked", v.says)
		}
	}
}
