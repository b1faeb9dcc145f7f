package pelco_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/pelco"
)

// What a technician may write, and what he reads when it is wrong.
func TestOptions(t *testing.T) {
	const at = "edged.yaml:8: devices.device-1.options."
	for _, c := range []struct{ name, options, want string }{
		{"least", "bus: rs485-1\naddress: 3\n", ""},
		{"all", "bus: rs485-1\naddress: 3\npan_reverse: true\ntilt_reverse: true\nturbo: 40\npresets_max: 128\nfree_presets: [40, 94]\nreplies: general\nreply_ms: 100\ngap_ms: 80\n", ""},
		{"turbo of 1999", "bus: rs485-1\naddress: 3\nturbo: ff\n", ""},
		{"no bus", "address: 3\n", "edged.yaml:5: devices.device-1.options.bus: is missing; it has no default"},
		{"no address", "bus: rs485-1\n", "edged.yaml:5: devices.device-1.options.address: is missing; it has no default"},
		{"address 0", "bus: rs485-1\naddress: 0\n", "edged.yaml:7: devices.device-1.options.address: 0 is out of range; allowed: 1 to 254"},
		{"address 255", "bus: rs485-1\naddress: 255\n", "edged.yaml:7: devices.device-1.options.address: 255 is out of range; allowed: 1 to 254"},
		{"turbo", "bus: rs485-1\naddress: 3\nturbo: 41\n", at + "turbo: 41 is not allowed; "},
		{"presets", "bus: rs485-1\naddress: 3\npresets_max: 256\n", at + "presets_max: 256 is out of range; allowed: 1 to 255"},
		{"free preset", "bus: rs485-1\naddress: 3\nfree_presets: [0]\n", at + "free_presets[0]: 0 is out of range; allowed: 1 to 255"},
		{"free preset above the highest", "bus: rs485-1\naddress: 3\nfree_presets: [7, 40]\n", at + "free_presets: 40 is above presets_max, which is 32"},
		{"replies", "bus: rs485-1\naddress: 3\nreplies: yes\n", at + "replies: "},
		{"reply", "bus: rs485-1\naddress: 3\nreply_ms: 5\n", at + "reply_ms: 5 is out of range; allowed: 20 to 2000"},
		{"gap", "bus: rs485-1\naddress: 3\ngap_ms: 1001\n", at + "gap_ms: 1001 is out of range; allowed: 0 to 1000"},
		{"unknown key", "bus: rs485-1\naddress: 3\nadress: 4\n", at + "adress: unknown key; did you mean address?"},
		{"reverse", "bus: rs485-1\naddress: 3\npan_reverse: 1\n", at + "pan_reverse: 1 is not "},
	} {
		t.Run(c.name, func(t *testing.T) {
			claims, problems := pelco.D().Check(drivertest.Options(t, c.options))
			if c.want == "" {
				if len(problems) != 0 || claims.Bus != "rs485-1" || claims.Address != 3 {
					t.Errorf("%+v, %v", claims, problems)
				}
				return
			}
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), c.want) {
				t.Errorf("%v\nwant %s", problems, c.want)
			}
		})
	}
	if !slices.ContainsFunc(pelco.Sentences(), func(s string) bool { return strings.Contains(s, "presets_max") }) {
		t.Error("a sentence is missing from the list")
	}
}

// The model makes a dome that sends nothing by itself and obeys its options.
func TestOpen(t *testing.T) {
	m := pelco.D()
	if m.Name != "pelco-d" || m.Kind != "dome" {
		t.Errorf("%s, a %s", m.Name, m.Kind)
	}
	w := drivertest.NewWire(t)
	n := drivertest.Options(t, "bus: rs485-1\naddress: 3\npan_reverse: true\nturbo: ff\ngap_ms: 80\npresets_max: 99\nfree_presets: [50]\n")
	d, err := m.Open(t.Context(), n, drivers.Parts{
		Device: "device-1", Line: w,
		Go: func(_ string, run func(context.Context) error) { go func() { _ = run(t.Context()) }() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Sent()) != 0 || w.Listeners() != 1 {
		t.Errorf("%d frames sent, %d listeners", len(w.Sent()), w.Listeners())
	}
	dome := d.(drivers.Dome)
	if err := dome.Move(t.Context(), drivers.Velocity{Pan: 1}); err != nil {
		t.Error(err)
	}
	if f := w.Frames()[0]; !bytes.Equal(f.Bytes, []byte{0xFF, 3, 0, 4, 0xFF, 0, 6}) || f.Quiet.Milliseconds() != 80 || f.Wanted {
		t.Errorf("sent %+v", f)
	}
	if err := dome.GotoPreset(t.Context(), 50); err != nil {
		t.Error(err)
	}
	if err := dome.GotoPreset(t.Context(), 51); fault.Of(err) != fault.BadInput {
		t.Error(err)
	}
	if _, ok := d.(drivers.PresetStore); !ok {
		t.Errorf("%T stores no presets", d)
	}
	if e, ok := d.(drivers.Evident); !ok || e.Evidence() != drivers.Commanded {
		t.Errorf("%T without answers is no more than commanded", d)
	}
	if _, err := m.Open(t.Context(), drivertest.Options(t, "address: 3\n"), drivers.Parts{Line: w}); err == nil {
		t.Error("opened without a bus")
	}
}
