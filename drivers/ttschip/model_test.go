package ttschip_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/ttschip"
)

// TestOptions: what a technician may write, and what he reads when it is wrong.
func TestOptions(t *testing.T) {
	for _, c := range []struct{ name, options, want string }{
		{"least", "bus: uart-1\n", ""},
		{"all", "bus: uart-1\nvolume: 70\nspeed: 3\nreply_ms: 300\nchimes: {market: msgb, notice: sounda}\n", ""},
		{"no bus", "volume: 70\n", "edged.yaml:5: devices.device-1.options.bus: is missing; it has no default"},
		{"volume", "bus: uart-1\nvolume: 101\n", "edged.yaml:7: devices.device-1.options.volume: 101 is out of range; allowed: 0 to 100"},
		{"speed of another chip", "bus: uart-1\nspeed: 10\n", "edged.yaml:7: devices.device-1.options.speed: 10 is out of range; allowed: 0 to 5"},
		{"reply", "bus: uart-1\nreply_ms: 5\n", "edged.yaml:7: devices.device-1.options.reply_ms: 5 is out of range; allowed: 20 to 2000"},
		{"unknown key", "bus: uart-1\npitch: 5\n", "edged.yaml:7: devices.device-1.options.pitch: unknown key; allowed here: bus, chimes, reply_ms, speed, volume"},
		{"an address", "bus: uart-1\naddress: 3\n", "edged.yaml:7: devices.device-1.options.address: unknown key"},
		{"a tone of another chip", "bus: uart-1\nchimes: {market: sound101}\n", "edged.yaml:7: devices.device-1.options.chimes.market: sound101 is not a tone of this chip; allowed: sounda, soundb,"},
	} {
		claims, problems := ttschip.SYN6288().Check(drivertest.Options(t, c.options))
		if c.want == "" {
			if len(problems) != 0 || claims.Bus != "uart-1" || claims.Address != 0 || len(claims.Bauds) != 1 || claims.Bauds[0] != 9600 || claims.Parity != "none" {
				t.Errorf("%s: %+v, %v", c.name, claims, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.name, problems, c.want)
		}
	}
}

// TestOpen: the model makes a speaker that sends nothing by itself and says what the
// options say.
func TestOpen(t *testing.T) {
	m := ttschip.SYN6288()
	if m.Name != "syn6288" || m.Kind != "speaker" {
		t.Errorf("%s, a %s", m.Name, m.Kind)
	}
	w := drivertest.NewWire(t)
	newChip(w)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	parts := drivers.Parts{
		Device: "horn-03", Line: w, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Go: func(_ string, run func(context.Context) error) { go func() { ended <- run(ctx) }() },
	}
	d, err := m.Open(t.Context(), drivertest.Options(t, "bus: uart-1\nvolume: 30\nspeed: 2\nchimes: {market: msgb}\n"), parts)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Sent()) != 0 || w.Listeners() != 1 {
		t.Errorf("%d frames sent, %d listeners", len(w.Sent()), w.Listeners())
	}
	s, ok := d.(drivers.Speaker)
	if !ok {
		t.Fatalf("%T is no speaker", d)
	}
	if _, ok := d.(drivers.Speakable); !ok {
		t.Errorf("%T cannot tell what it cannot say", d)
	}
	if own := d.(interface{ OwnVolume() int }).OwnVolume(); own != 30 {
		t.Errorf("own volume %d", own)
	}
	if _, err := s.Announce(t.Context(), drivers.Announcement{Volume: 30}, nil); err == nil || !strings.HasPrefix(err.Error(), "syn6288 horn-03: ") {
		t.Errorf("an error that does not name the device: %v", err)
	}
	if _, err := m.Open(t.Context(), drivertest.Options(t, "volume: 30\n"), parts); err == nil {
		t.Error("opened without a bus")
	}
	cancel()
	if err := <-ended; err != nil || w.Listeners() != 0 {
		t.Errorf("after its end: %v, %d listeners", err, w.Listeners())
	}
}

// TestSpeakerContract: a SYN6288 is a Speaker as the house wants them.
func TestSpeakerContract(t *testing.T) {
	drivertest.SpeakerSuite(t, func(t *testing.T) drivertest.SpeakerRig {
		s := newStreet(t)
		return drivertest.SpeakerRig{
			Speaker: s.Speaker,
			Frames:  s.wire.Frames,
			IsStop:  func(frame []byte) bool { return string(frame) == string(hexed("FD 00 02 02 FD")) },
			Long:    two.Text,
			Mute:    func() { s.chip.set(func() { s.chip.mute = true }) },
			Lose:    s.wire.Lose,
			Hold:    s.wire.Hold,
			Release: s.wire.Release,
		}
	})
}
