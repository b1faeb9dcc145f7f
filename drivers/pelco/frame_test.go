package pelco_test

import (
	"bytes"
	"testing"

	"fuqiao/edged/drivers/pelco"
)

func TestEncodingAllocatesNothing(t *testing.T) {
	var buf [pelco.Length]byte
	m := pelco.Motion{Pan: 32, Tilt: -16, Zoom: 1}
	if n := testing.AllocsPerRun(1000, func() {
		b := m.Command(3).Append(buf[:0])
		b = pelco.Stop(3).Append(b[:0])
		b = pelco.GotoPreset(3, 7).Append(b[:0])
		_ = b
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	b.ReportAllocs()
	var buf [pelco.Length]byte
	m := pelco.Motion{Pan: 32, Tilt: -16}
	for b.Loop() {
		_ = m.Command(3).Append(buf[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	sent := pelco.Stop(1)
	received := []byte{0x00, 0xFF, 0x7E, 0xFF, 0x01, 0x00, 0x01}
	for b.Loop() {
		if _, n, _ := pelco.Decode(sent, received); n != len(received) {
			b.Fatal(n)
		}
	}
}

// The limits of each axis: no speed leaves 01–3F, and turbo is panning's alone
// (TF-0002).
func TestMotionLimits(t *testing.T) {
	for _, c := range []struct {
		m    pelco.Motion
		want []byte
	}{
		{pelco.Motion{}, []byte{0xFF, 9, 0, 0, 0, 0, 9}},
		{pelco.Motion{Pan: 1000, Tilt: -1000}, []byte{0xFF, 9, 0, 0x12, 0x3F, 0x3F, 0x99}},
		{pelco.Motion{Pan: 62, Turbo: 0x40}, []byte{0xFF, 9, 0, 0x02, 0x3E, 0, 0x49}},
		{pelco.Motion{Pan: 63, Tilt: 63, Turbo: 0x40}, []byte{0xFF, 9, 0, 0x0A, 0x40, 0x3F, 0x92}},
		{pelco.Motion{Tilt: 63, Turbo: 0xFF}, []byte{0xFF, 9, 0, 0x08, 0, 0x3F, 0x50}},
		{pelco.Motion{Focus: 1, Iris: 1}, []byte{0xFF, 9, 0x02, 0x80, 0, 0, 0x8B}},
		{pelco.Motion{Focus: -1, Iris: -1}, []byte{0xFF, 9, 0x05, 0, 0, 0, 0x0E}},
	} {
		if got := c.m.Command(9).Append(nil); !bytes.Equal(got, c.want) {
			t.Errorf("%+v: % X, want % X", c.m, got, c.want)
		}
	}
}

func TestOperationOfEveryOpcode(t *testing.T) {
	for op := 1; op < 256; op += 2 {
		name := pelco.Command{Cmd2: byte(op)}.Operation()
		if known := op <= 0x79; known == (name == "unknown") || name == "" {
			t.Errorf("%02X is %q", op, name)
		}
	}
	// Anchors in the table: it is a list, and one line too many would shift the rest.
	for op, want := range map[byte]string{0x23: "pattern_run", 0x35: "phase_delay_mode", 0x45: "query_device",
		0x5F: "set_magnification", 0x67: "set_baud", 0x6F: "query_diagnostics", 0x79: "screen_macro"} {
		if got := (pelco.Command{Cmd2: op}).Operation(); got != want {
			t.Errorf("%02X is %q, want %q", op, got, want)
		}
	}
}
