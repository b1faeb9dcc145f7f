package wire_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"fuqiao/edged/edge/wire"
)

// sessionKey is the key of RFC 8037 appendix A.1.
func sessionKey(t testing.TB) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	seed, err := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	if err != nil {
		t.Fatal(err)
	}
	priv := ed25519.NewKeyFromSeed(seed)
	return priv, priv.Public().(ed25519.PublicKey)
}

func sealer(t testing.TB, owner, sid string) *wire.FrameSealer {
	t.Helper()
	priv, _ := sessionKey(t)
	s, err := wire.NewFrameSealer(owner, sid, priv)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The frames of a session, byte for byte: what a platform in another language must
// produce.
func TestFrameVectors(t *testing.T) {
	s := sealer(t, "xiaozhakou-1", "stick-1")
	g := sealer(t, "group/market", "talk.7")
	rtp, err := g.RTP(append([]byte{0x80, 8, 0, 1, 0, 0, 0, 160, 1, 2, 3, 4}, bytes.Repeat([]byte{0xd5}, 20)...))
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{s.Hold(), s.Move(0.5, -1, 0), s.Stop(), rtp}
	var lines []string
	for _, f := range frames {
		lines = append(lines, hex.EncodeToString(f))
	}
	golden(t, "frames.hex", []byte(strings.Join(lines, "\n")+"\n"))
	// The first one taken apart by hand.
	_, pub := sessionKey(t)
	signed := append([]byte("edged-session-1\x0cxiaozhakou-1\x07stick-1"), 0, 0, 0, 0, 0, 0, 0, 1, 1)
	if f := frames[0]; f[0] != 1 || !bytes.Equal(f[1:10], signed[len(signed)-9:]) || !ed25519.Verify(pub, signed, f[10:]) {
		t.Errorf("hold frame %x", f)
	}
}

func TestOpenFrame(t *testing.T) {
	_, pub := sessionKey(t)
	s := sealer(t, "gw-1", "s1")
	f, err := wire.OpenFrame(s.Move(0.25, -1, 1), "gw-1", "s1", pub)
	if err != nil || f.Counter != 1 || f.Kind != wire.FrameMove {
		t.Fatalf("%+v %v", f, err)
	}
	v, err := f.Move()
	if err != nil || math.Abs(v.Pan-0.25) > 1.0/32767 || v.Tilt != -1 || v.Zoom != 1 {
		t.Errorf("speeds %+v %v", v, err)
	}
	f, err = wire.OpenFrame(s.Hold(), "gw-1", "s1", pub)
	if err != nil || f.Counter != 2 || f.Kind != wire.FrameHold {
		t.Errorf("%+v %v", f, err)
	}
	if _, err := f.Move(); err == nil {
		t.Error("a hold frame has speeds")
	}
	v, _ = mustOpen(t, s.Move(7, -7, math.Inf(1)), pub).Move()
	if v != (wire.Speeds{Pan: 1, Tilt: -1, Zoom: 1}) {
		t.Errorf("speeds beyond the range became %+v", v)
	}
}

func mustOpen(t *testing.T, b []byte, pub ed25519.PublicKey) wire.Frame {
	t.Helper()
	f, err := wire.OpenFrame(b, "gw-1", "s1", pub)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// No flipped bit, no other session, gateway, group, kind or key is taken.
func TestForgedFrames(t *testing.T) {
	priv, pub := sessionKey(t)
	good := sealer(t, "gw-1", "s1").Move(0.5, 0.5, 0)
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		var fe wire.FrameError
		if _, err := wire.OpenFrame(b, "gw-1", "s1", pub); !errors.As(err, &fe) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for n := range len(good) {
		if _, err := wire.OpenFrame(good[:n], "gw-1", "s1", pub); err == nil {
			t.Fatalf("cut to %d bytes it was taken", n)
		}
	}
	others := []struct{ owner, sid string }{
		{"gw-1", "s2"}, {"gw-2", "s1"}, {"group/gw-1", "s1"}, {"gw-1s", "1"}, {"gw-", "1s1"}, {"", ""}, {strings.Repeat("a", 300), "s1"},
	}
	for _, o := range others {
		if _, err := wire.OpenFrame(good, o.owner, o.sid, pub); err == nil {
			t.Errorf("taken for %s %s", o.owner, o.sid)
		}
	}
	_, other, _ := ed25519.GenerateKey(nil)
	if _, err := wire.OpenFrame(good, "gw-1", "s1", other.Public().(ed25519.PublicKey)); err == nil {
		t.Error("taken under another key")
	}
	for _, short := range []ed25519.PublicKey{nil, pub[:31]} {
		if _, err := wire.OpenFrame(good, "gw-1", "s1", short); err == nil {
			t.Error("taken under no key")
		}
	}
	// Signed by the right key, and still not a frame: beyond −1, a body too long.
	sign := func(kind byte, body []byte) []byte {
		in := append([]byte("edged-session-1\x04gw-1\x02s1"), 0, 0, 0, 0, 0, 0, 0, 9, kind)
		in = append(in, body...)
		head := append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 9, kind}, body...)
		return append(head, ed25519.Sign(priv, in)...)
	}
	for name, b := range map[string][]byte{
		"beyond −1": sign(2, []byte{0x80, 0, 0, 0, 0, 0}), "hold with a body": sign(1, []byte{1}), "kind 0": sign(0, nil), "kind 5": sign(5, nil),
		"short rtp": sign(4, make([]byte, 11)), "long rtp": sign(4, make([]byte, 1401)),
	} {
		if _, err := wire.OpenFrame(b, "gw-1", "s1", pub); !errors.Is(err, wire.FrameMisshapen) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSealerBounds(t *testing.T) {
	priv, _ := sessionKey(t)
	for _, c := range []struct{ owner, sid string }{{"GW", "s"}, {"gw-1", "a/b"}, {"group/all", "s"}, {"", "s"}} {
		if _, err := wire.NewFrameSealer(c.owner, c.sid, priv); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if _, err := wire.NewFrameSealer("gw-1", "s", priv[:10]); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := sealer(t, "gw-1", "s").RTP(make([]byte, 1401)); err == nil {
		t.Error("a long packet was taken")
	}
}

// The stick is read some ten times a second per session on a small box.
func TestOpenFrameAllocatesNothing(t *testing.T) {
	_, pub := sessionKey(t)
	b := sealer(t, "gw-1", "s1").Move(0.5, 0.5, 0)
	n := testing.AllocsPerRun(100, func() {
		if f, err := wire.OpenFrame(b, "gw-1", "s1", pub); err != nil || f.Counter == 0 {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
}

func BenchmarkOpenFrame(b *testing.B) {
	_, pub := sessionKey(b)
	f := sealer(b, "gw-1", "s1").Move(0.5, 0.5, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.OpenFrame(f, "gw-1", "s1", pub); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	_, pub := sessionKey(f)
	s := sealer(f, "gw-1", "s1")
	for _, b := range [][]byte{s.Hold(), s.Move(1, 0, -1), s.Stop()} {
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		counter := wire.FrameCounter(b)
		got, err := wire.OpenFrame(b, "gw-1", "s1", pub)
		if err == nil && (got.Counter != counter || counter == 0) {
			t.Errorf("counter %d, opened as %d", counter, got.Counter)
		}
	})
}

// golden compares with a file in testdata/golden; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/golden/" + name
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(want), bytes.TrimSpace(got)) {
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}
