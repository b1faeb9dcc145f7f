package pelco_test

import (
	"bytes"
	"testing"

	"fuqiao/edged/drivers/pelco"
)

func query(op byte) pelco.Command { return pelco.Command{Address: 1, Cmd2: op} }

// partReply is the answer to query 45: 15 bytes, and the checksum of the query, the
// address and the 15 bytes (TF-0002). The number is made up.
func partReply() []byte {
	b := append([]byte{0xFF, 0x01}, "DD4CBW35-X\x00\x00\x00\x00\x00"...)
	sum := query(0x45).Sum()
	for _, x := range b[1:] {
		sum += x
	}
	return append(b, sum)
}

func TestDecodeReplies(t *testing.T) {
	stop := pelco.Stop(1)
	panReply := []byte{0xFF, 0x01, 0x00, 0x59, 0x20, 0x15, 0x8F} // TF-0002: 82.13°
	for _, c := range []struct {
		name     string
		sent     pelco.Command
		received []byte
		n        int
		kind     pelco.Kind
		corrupt  bool
	}{
		{"nothing", stop, nil, 0, 0, false},
		{"general", stop, []byte{0xFF, 1, 0, 1}, 4, pelco.General, false},
		{"general with all alarms", stop, []byte{0xFF, 1, 0x7F, 0x80}, 4, pelco.General, false},
		{"bit 7 of the alarms is 0", stop, []byte{0xFF, 1, 0x80, 0x81}, 0, 0, false},
		{"general in pieces", stop, []byte{0xFF, 1, 0}, 0, 0, false},
		{"another dome's", stop, []byte{0xFF, 2, 0, 2}, 0, 0, false},
		{"wrong checksum", stop, []byte{0xFF, 1, 0, 2}, 0, 0, true},
		{"after a corrupt one", stop, []byte{0xFF, 1, 0, 2, 0xFF, 1, 0, 1}, 8, pelco.General, true},
		{"echo, then the reply", stop, append(stop.Append(nil), 0xFF, 1, 0, 1), 11, pelco.General, false},
		{"echo alone", stop, stop.Append(nil), 0, 0, false},
		{"the start of an echo", stop, stop.Append(nil)[:5], 0, 0, false},
		// The first four bytes of this command read as a general reply to itself:
		// address C0, 40 + C0 + 2 = 02 modulo 256.
		{"an echo that looks like a reply", pelco.Command{Address: 0xC0, Cmd2: 2, Data1: 0x40}, []byte{0xFF, 0xC0, 0, 2}, 0, 0, false},
		{"doubled sync", stop, []byte{0xFF, 0xFF, 1, 0, 1}, 5, pelco.General, false},
		{"yes of D-5.0.1", query(0x07), []byte{0xFF, 1, 0, 1, 7, 1, 0x0A}, 7, pelco.Accepted, false},
		{"yes to another command", query(0x03), []byte{0xFF, 1, 0, 1, 7, 1, 0x0A}, 0, 0, true},
		{"position", query(0x51), panReply, 7, pelco.Position, false},
		{"late reply to the query before", query(0x53), panReply, 0, 0, false},
		{"late one, then the right one", query(0x53), append(bytes.Clone(panReply), 0xFF, 1, 0, 0x5B, 0x11, 0x94, 0x01), 14, pelco.Position, false},
		{"position, wrong checksum", query(0x51), []byte{0xFF, 1, 0, 0x59, 0x20, 0x15, 0x8E}, 0, 0, true},
		{"position without its last byte", query(0x51), panReply[:6], 0, 0, false},
		{"magnification", query(0x61), []byte{0xFF, 1, 0, 0x63, 1, 0xF4, 0x59}, 7, pelco.Position, false},
		{"part number", query(0x45), partReply(), 18, pelco.Part, false},
		{"part number, not whole", query(0x45), partReply()[:17], 0, 0, false},
		{"part number, one bit wrong", query(0x45), append(partReply()[:17], partReply()[17]^1), 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, n, corrupt := pelco.Decode(c.sent, c.received)
			if n != c.n || n > 0 && (r.Kind != c.kind || r.Address != c.sent.Address) || corrupt != c.corrupt {
				t.Errorf("%+v, %d bytes, corrupt %v", r, n, corrupt)
			}
		})
	}
	if r, _, _ := pelco.Decode(query(0x45), partReply()); string(r.Number[:10]) != "DD4CBW35-X" {
		t.Errorf("number %q", r.Number)
	}
	if r, _, _ := pelco.Decode(query(0x07), []byte{0xFF, 1, 0, 1, 7, 0, 9}); r.Yes || r.Opcode != 7 {
		t.Errorf("no is %+v", r)
	}
	if r, _, _ := pelco.Decode(query(0x51), panReply); r.Value != 8213 || r.Opcode != 0x59 {
		t.Errorf("%+v", r)
	}
}

func TestUnasked(t *testing.T) {
	last := pelco.Stop(1)
	for _, c := range []struct {
		name     string
		received []byte
		n        int
	}{
		{"answer to the last command", []byte{0xFF, 1, 0, 1}, 4},
		{"and more", []byte{0xFF, 1, 0, 1, 0x4F}, 4},
		{"late position", []byte{0xFF, 1, 0, 0x59, 0x20, 0x15, 0x8F}, 7},
		{"another dome's", []byte{0xFF, 2, 0, 2}, 0},
		{"a second master's command to this dome", []byte{0xFF, 1, 0, 4, 0x20, 0, 0x25}, 0},
		{"a second master's stop", []byte{0xFF, 1, 0, 0, 0, 0, 1}, 0},
		{"noise first", []byte{0, 0xFF, 1, 0, 1}, 0},
		{"half", []byte{0xFF, 1, 0}, 0},
	} {
		if n := pelco.Unasked(last, c.received); n != c.n {
			t.Errorf("%s: %d bytes, want %d", c.name, n, c.n)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add([]byte{0x00, 0xFF, 0xFF, 0x01, 0x00, 0x04, 0x20, 0x00, 0x25})
	f.Add([]byte{0xFF, 0x01, 0x00, 0x04, 0x20, 0x00, 0x25, 0xFF, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01})
	f.Add([]byte{0xFF, 0x01, 0x00, 0x12, 0x3F, 0x3F, 0x2D})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, n := pelco.Scan(b)
		if n == 0 {
			return
		}
		if n < pelco.Length || n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		if again := c.Append(nil); !bytes.Equal(again, b[n-pelco.Length:n]) {
			t.Fatalf("% X is taken for % X", b[n-pelco.Length:n], again)
		}
		if c.Operation() == "" {
			t.Fatal("no name")
		}
	})
}

// Whatever comes: a reply is from the dome that was asked, its checksum fits, more
// bytes behind it change nothing, and the command's own echo is none.
func FuzzDecode(f *testing.F) {
	for _, op := range []byte{0x00, 0x02, 0x07, 0x45, 0x51, 0x61} {
		f.Add(byte(1), byte(0), op, byte(0), byte(0), []byte{0xFF, 0x01, 0x00, 0x59, 0x20, 0x15, 0x8F})
		f.Add(byte(1), byte(0), op, byte(0), byte(0), []byte{0xFF, 0x01, 0x00, op, 0, 0, op + 1, 0xFF, 0x01, 0x00, op + 1})
		f.Add(byte(1), byte(0), op, byte(0), byte(0), partReply())
	}
	f.Fuzz(func(t *testing.T, address, cmd1, cmd2, data1, data2 byte, b []byte) {
		sent := pelco.Command{Address: address, Cmd1: cmd1, Cmd2: cmd2, Data1: data1, Data2: data2}
		if r, n, _ := pelco.Decode(sent, sent.Append(nil)); n != 0 && address != 0xFF {
			t.Fatalf("the echo of %+v is taken for %+v", sent, r)
		}
		r, n, _ := pelco.Decode(sent, b)
		if n == 0 {
			return
		}
		length := map[pelco.Kind]int{pelco.General: 4, pelco.Position: 7, pelco.Accepted: 7, pelco.Part: 18}[r.Kind]
		if n < length || n > len(b) || r.Address != address {
			t.Fatalf("%+v, %d bytes", r, n)
		}
		reply := b[n-length : n]
		var sum byte
		switch r.Kind {
		case pelco.General:
			sum = sent.Sum() + reply[2]
		case pelco.Part:
			sum = sent.Sum()
			fallthrough
		default:
			for _, x := range reply[1 : length-1] {
				sum += x
			}
		}
		if reply[0] != 0xFF || reply[length-1] != sum {
			t.Fatalf("% X is taken for %+v", reply, r)
		}
		if _, m, _ := pelco.Decode(sent, append(bytes.Clone(b[:n]), 0xFF, 0x00)); m != n {
			t.Fatalf("with more bytes behind it the reply ends at %d, not %d", m, n)
		}
		if m := pelco.Unasked(sent, b); m > len(b) || m < 0 {
			t.Fatal(m)
		}
	})
}
