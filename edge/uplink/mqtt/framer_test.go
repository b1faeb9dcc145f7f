package mqtt

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// judge runs a fresh framer over b cut into pieces of the given sizes.
func judge(b []byte, cut func(left int) int) error {
	f := framer{limit: 1 << 10, pong: func() {}, refused: func(byte) {}, topics: func(id uint16) int {
		if id == 7 {
			return 2
		}
		return -1
	}}
	for len(b) > 0 {
		n := cut(len(b))
		if err := f.feed(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// frame is a row of the table: bytes and part of the violation, empty for none.
type frame struct {
	name, source string
	bytes        []byte
	want         string
}

// publication encodes a PUBLISH.
func publication(qos byte, topic string, payload int) []byte {
	body := append([]byte{0, byte(len(topic))}, topic...)
	if qos > 0 {
		body = append(body, 0, 9)
	}
	body = append(body, make([]byte, payload)...)
	p := []byte{tPublish<<4 | qos<<1}
	if len(body) > 127 {
		p = append(p, byte(len(body)&127|128), byte(len(body)>>7))
	} else {
		p = append(p, byte(len(body)))
	}
	return append(p, body...)
}

func frames() []frame {
	return []frame{
		{"CONNACK", "MQTT 3.1.1 3.2", []byte{0x20, 2, 0, 0}, ""},
		{"PINGRESP twice", "3.13", []byte{0xD0, 0, 0xD0, 0}, ""},
		{"PUBACK", "3.4", []byte{0x40, 2, 0, 1}, ""},
		{"UNSUBACK", "3.11", []byte{0xB0, 2, 0, 1}, ""},
		{"PUBLISH QoS 0", "3.3", publication(0, "a/b", 3), ""},
		{"PUBLISH QoS 1 without payload", "3.3", publication(1, "a/b", 0), ""},
		{"SUBACK for two filters", "3.9", []byte{0x90, 4, 0, 7, 1, 0x80}, ""},
		{"a stream of all", "2", slices.Concat([]byte{0x20, 2, 1, 0}, publication(1, "x", 200), []byte{0x90, 4, 0, 7, 0, 0, 0xD0, 0}, publication(0, "y", 1)), ""},
		{"exactly the limit", "limit 1024", publication(0, "t", 1024-3-3), ""},
		{"one over the limit", "limit 1024", publication(0, "t", 1024-3-2), "1025 bytes"},
		{"256 MiB announced", "2.2.3", []byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}, "allowed"},
		{"length of five bytes", "2.2.3", []byte{0x30, 0x80, 0x80, 0x80, 0x80, 1}, "4 bytes"},
		{"SUBACK with a code too many", "paho indexes past its list", []byte{0x90, 5, 0, 7, 0, 0, 0}, "3 codes, 2 filters"},
		{"SUBACK with a code too few", "3.9", []byte{0x90, 3, 0, 7, 0}, "1 codes, 2 filters"},
		{"SUBACK that nobody asked for", "3.9", []byte{0x90, 3, 0, 8, 0}, "0 filters"},
		{"SUBACK without codes", "3.9", []byte{0x90, 2, 0, 7}, "without a code"},
		{"PUBLISH QoS 2", "never subscribed", publication(2, "a", 1), "QoS"},
		{"PUBLISH QoS 3", "3.3.1.2", publication(3, "a", 1), "QoS"},
		{"PUBLISH without a topic", "3.3.2.1", []byte{0x30, 2, 0, 0}, "topic"},
		{"PUBLISH with an empty topic", "3.3.2.1", []byte{0x30, 3, 0, 0, 1}, "topic"},
		{"PUBLISH whose topic is cut", "3.3.2.1", []byte{0x30, 4, 0, 9, 'a', 'b'}, "longer than"},
		{"PUBLISH QoS 1 whose id is cut", "3.3.2.2", []byte{0x32, 5, 0, 2, 'a', 'b', 0}, "longer than"},
		{"CONNACK of three bytes", "3.2", []byte{0x20, 3, 0, 0, 0}, "length 3"},
		{"PUBACK with flags", "2.2.2", []byte{0x42, 2, 0, 1}, "flags"},
		{"PUBREC", "QoS 2 is not used", []byte{0x50, 2, 0, 1}, "type 5"},
		{"PUBREL", "QoS 2 is not used", []byte{0x62, 2, 0, 1}, "flags"},
		{"CONNECT from a server", "3.1", []byte{0x10, 2, 0, 0}, "type 1"},
		{"SUBSCRIBE from a server", "3.8", []byte{0x80, 2, 0, 0}, "type 8"},
		{"type 0", "2.2.1", []byte{0x00, 0}, "type 0"},
		{"type 15", "2.2.1", []byte{0xF0, 0}, "type 15"},
		{"PINGRESP with a body", "3.13", []byte{0xD0, 1, 0}, "body"},
	}
}

func TestFramer(t *testing.T) {
	for _, c := range frames() {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 1 << 20} {
				err := judge(c.bytes, func(left int) int { return min(size, left) })
				switch {
				case c.want == "" && err != nil:
					t.Errorf("pieces of %d: %v (%s)", size, err, c.source)
				case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
					t.Errorf("pieces of %d: got %v, want %q (%s)", size, err, c.want, c.source)
				}
			}
		})
	}
}

// A 5-byte header is refused at its last byte: nothing of the body was asked for.
func TestFramerRefusesBeforeTheBody(t *testing.T) {
	f := framer{limit: defaultMaxPacket}
	if err := f.feed([]byte{0x30, 0xFF, 0xFF, 0xFF}); err != nil {
		t.Fatalf("too early: %v", err)
	}
	var v Violation
	if err := f.feed([]byte{0x7F}); !errors.As(err, &v) {
		t.Fatalf("got %v", err)
	}
}

// FuzzFramer: the verdict does not depend on how the stream is cut, and nothing panics.
func FuzzFramer(f *testing.F) {
	f.Add([]byte{0x20, 2, 0, 0, 0xD0, 0}, uint8(1))
	f.Add([]byte{0x90, 4, 0, 7, 1, 0x80, 0x30, 4, 0, 1, 'a', 'x'}, uint8(2))
	f.Add([]byte{0x30, 0xFF, 0xFF, 0xFF, 0x7F}, uint8(3))
	f.Add([]byte{0x32, 5, 0, 2, 'a', 'b', 0}, uint8(4))
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		whole := judge(b, func(left int) int { return left })
		pieces := judge(b, func(left int) int { return min(left, int(cut%9)+1) })
		if (whole == nil) != (pieces == nil) || whole != nil && whole.Error() != pieces.Error() {
			t.Errorf("whole: %v, in pieces: %v", whole, pieces)
		}
	})
}

// FuzzCountFilters: what paho encodes is counted right; anything else does not panic.
func FuzzCountFilters(f *testing.F) {
	f.Add([]byte{0x82, 14, 0, 5, 0, 3, 'a', '/', 'b', 1, 0, 3, 'c', '/', 'd', 0})
	f.Add([]byte{0x82, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		if _, n := countFilters(b); n < 0 || n > len(b) {
			t.Errorf("%d filters in %d bytes", n, len(b))
		}
	})
}
