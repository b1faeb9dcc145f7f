package pelco_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
	"fuqiao/edged/drivers/pelco"
)

func isStop(address byte) func([]byte) bool {
	return func(f []byte) bool { return bytes.Equal(f, []byte{0xFF, address, 0, 0, 0, 0, address}) }
}

func dome(w line.Line, change ...func(*pelco.Config)) *pelco.Dome {
	c := pelco.Config{Address: 3, Line: w, PresetsMax: 255, Free: []int{33}, Reply: 100 * time.Millisecond}
	for _, f := range change {
		f(&c)
	}
	return pelco.New(c)
}

func answers(c *pelco.Config) { c.Answers = true }

// general is the 4-byte answer to any command, written from TF-0002.
func general(f line.Frame) []byte {
	return []byte{0xFF, f.Write[1], 0x00, f.Write[6]}
}

func TestContract(t *testing.T) {
	for name, silent := range map[string]bool{"one way": true, "answering": false} {
		t.Run(name, func(t *testing.T) {
			drivertest.DomeSuite(t, func(t *testing.T) drivertest.DomeRig {
				r := drivertest.DomeRig{
					Wire: drivertest.NewWire(t), IsStop: isStop(3),
					Preset: 7, NoPresets: []int{34, 94, 99, 100, 108, 130, 132, 200},
				}
				if silent {
					r.Dome = dome(r.Wire)
					return r
				}
				var mute atomic.Bool
				r.Mute = func() { mute.Store(true) }
				r.Wire.Answer(func(f line.Frame) []byte {
					if mute.Load() {
						return nil
					}
					return general(f)
				})
				r.Dome = dome(r.Wire, answers)
				return r
			})
		})
	}
}

// What the wire carries for each call, byte by byte (TF-0002).
func TestBytes(t *testing.T) {
	reverse := func(c *pelco.Config) { c.PanReverse, c.TiltReverse = true, true }
	turbo := func(c *pelco.Config) { c.Turbo = 0x40 }
	for _, c := range []struct {
		name   string
		change func(*pelco.Config)
		v      drivers.Velocity
		want   []byte
	}{
		{"half right", nil, drivers.Velocity{Pan: 0.5}, []byte{0xFF, 3, 0, 0x02, 0x20, 0x00, 0x25}},
		{"full left", nil, drivers.Velocity{Pan: -1}, []byte{0xFF, 3, 0, 0x04, 0x3F, 0x00, 0x46}},
		{"slowest up", nil, drivers.Velocity{Tilt: 0.001}, []byte{0xFF, 3, 0, 0x08, 0x00, 0x01, 0x0C}},
		{"down and right", nil, drivers.Velocity{Pan: 0.25, Tilt: -1}, []byte{0xFF, 3, 0, 0x12, 0x10, 0x3F, 0x64}},
		{"tele", nil, drivers.Velocity{Zoom: 0.1}, []byte{0xFF, 3, 0, 0x20, 0x00, 0x00, 0x23}},
		{"wide and left", nil, drivers.Velocity{Pan: -1, Zoom: -1}, []byte{0xFF, 3, 0, 0x44, 0x3F, 0x00, 0x86}},
		{"reversed", reverse, drivers.Velocity{Pan: 1, Tilt: 1}, []byte{0xFF, 3, 0, 0x14, 0x3F, 0x3F, 0x95}},
		{"reversed zoom stays", reverse, drivers.Velocity{Zoom: 1}, []byte{0xFF, 3, 0, 0x20, 0x00, 0x00, 0x23}},
		{"turbo", turbo, drivers.Velocity{Pan: 1}, []byte{0xFF, 3, 0, 0x02, 0x40, 0x00, 0x45}},
		{"no turbo below full speed", turbo, drivers.Velocity{Pan: 0.9}, []byte{0xFF, 3, 0, 0x02, 0x39, 0x00, 0x3E}},
		{"stop", nil, drivers.Velocity{}, []byte{0xFF, 3, 0, 0, 0, 0, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := drivertest.NewWire(t).Expect(c.want, nil)
			change := c.change
			if change == nil {
				change = func(*pelco.Config) {}
			}
			if err := dome(w, change).Move(t.Context(), c.v); err != nil {
				t.Fatal(err)
			}
		})
	}
	w := drivertest.NewWire(t).
		Expect([]byte{0xFF, 3, 0, 0x07, 0, 0x21, 0x2B}, nil). // 33 is free here
		Expect([]byte{0xFF, 3, 0, 0x03, 0, 0x07, 0x0D}, nil).
		Expect([]byte{0xFF, 3, 0, 0x05, 0, 0x07, 0x0F}, nil)
	d := dome(w)
	for _, err := range []error{d.GotoPreset(t.Context(), 33), d.SetPreset(t.Context(), 7), d.ClearPreset(t.Context(), 7)} {
		if err != nil {
			t.Error(err)
		}
	}
}

// All speeds lie in 01–3F, rise with the velocity, and never fall to 00.
func TestSpeedIsMonotonic(t *testing.T) {
	w := drivertest.NewWire(t)
	d := dome(w)
	last := byte(0)
	for v := 0.0005; v <= 1; v += 0.0005 {
		if err := d.Move(t.Context(), drivers.Velocity{Pan: v}); err != nil {
			t.Fatal(err)
		}
		sent := w.Sent()
		speed := sent[len(sent)-1][4]
		if speed < 1 || speed > 0x3F || speed < last || speed-last > 1 {
			t.Fatalf("velocity %v is speed %02X after %02X", v, speed, last)
		}
		last = speed
		w.Forget()
	}
	if last != 0x3F {
		t.Errorf("full speed is %02X", last)
	}
}

func TestErrorsNameTheDomeAndTheWayOut(t *testing.T) {
	d := dome(drivertest.NewWire(t), func(c *pelco.Config) { c.PresetsMax = 120 })
	for want, err := range map[string]error{
		"pelco-d 3: preset 94 is a hidden function on many domes (94 reboots); where it is an ordinary preset name it in free_presets: bad input": d.GotoPreset(t.Context(), 94),
		"pelco-d 3: preset 121: this dome has 1 to 120 (presets_max): bad input":                                                                  d.SetPreset(t.Context(), 121),
		"pelco-d 3: tilt speed NaN: want -1 to 1: bad input":                                                                                      d.Move(t.Context(), drivers.Velocity{Tilt: math.NaN()}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		back func(line.Frame) []byte
		err  error
	}{
		"general":        {general, nil},
		"after its echo": {func(f line.Frame) []byte { return append(bytes.Clone(f.Write), general(f)...) }, nil},
		"yes":            {func(f line.Frame) []byte { return []byte{0xFF, 3, 0, 1, 7, 1, 0x0C} }, nil},
		"no":             {func(f line.Frame) []byte { return []byte{0xFF, 3, 0, 1, 7, 0, 0x0B} }, fault.Refused},
		"silence":        {func(f line.Frame) []byte { return nil }, fault.NoReply},
		"another dome's": {func(f line.Frame) []byte { return []byte{0xFF, 4, 0, f.Write[6]} }, fault.NoReply},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := dome(drivertest.NewWire(t).Answer(c.back), answers)
				if err := d.GotoPreset(t.Context(), 7); fault.Of(err) != fault.Of(c.err) {
					t.Errorf("%v, want class %v", err, c.err)
				}
			})
		})
	}
	if e := dome(drivertest.NewWire(t)).Evidence(); e != drivers.Commanded {
		t.Errorf("a dome that answers nothing gives %v", e)
	}
	if e := dome(drivertest.NewWire(t), answers).Evidence(); e != drivers.Acknowledged {
		t.Errorf("a dome that answers gives %v", e)
	}
}

// Three misses in a row are a condition; one answer ends it. A frame that an urgent
// one cut is no miss.
func TestNoReplyIsACondition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		w := drivertest.NewWire(t)
		d := dome(w, answers, func(c *pelco.Config) {
			c.Raise = func(code, _ string) { told = append(told, code+" raised") }
			c.Clear = func(code string) { told = append(told, code+" cleared") }
		})
		ask := func() { _ = d.GotoPreset(t.Context(), 7) }
		ask()
		ask()
		w.Answer(general)
		ask()
		w.Answer(nil)
		ask()
		ask()
		if len(told) != 0 {
			t.Errorf("told %q after two misses", told)
		}
		ask()
		ask()
		w.Answer(general)
		ask()
		ask()
		if got := fmt.Sprint(told); got != "[device.no_reply raised device.no_reply cleared]" {
			t.Errorf("told %s", got)
		}
	})
}

// counting is a line that reports and counts damage.
type counting struct {
	*drivertest.Wire
	corrupt int
}

func (c *counting) Corrupt() { c.corrupt++ }

func TestDamagedRepliesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &counting{Wire: drivertest.NewWire(t)}
		d := dome(w, answers)
		w.Answer(func(f line.Frame) []byte { return []byte{0xFF, 3, 0, f.Write[6] + 1} })
		for range 3 {
			if err := d.GotoPreset(t.Context(), 7); fault.Of(err) != fault.NoReply {
				t.Error(err)
			}
		}
		w.Answer(nil)
		_ = d.GotoPreset(t.Context(), 7)
		if w.corrupt != 3 {
			t.Errorf("%d counted, want 3", w.corrupt)
		}
	})
}

// A dome that answers although nobody waits for it is no second master.
func TestUnaskedAnswersAreItsOwn(t *testing.T) {
	w := drivertest.NewWire(t)
	d := dome(w)
	if err := d.GotoPreset(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	// FF 03 00 07 00 07 11 is answered FF 03 00 11.
	if n := w.Inject(0xFF, 3, 0, 0x11); n != 4 {
		t.Errorf("%d bytes taken", n)
	}
	if n := w.Inject(0xFF, 4, 0, 0x12); n != 0 {
		t.Errorf("%d bytes of another dome taken", n)
	}
}

func TestHaltSaysHowManyStopsGotOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := drivertest.NewWire(t)
		n := 0
		w.Answer(func(line.Frame) []byte {
			if n++; n == 1 {
				w.Lose()
			}
			return nil
		})
		err := dome(w).Halt(t.Context())
		if fault.Of(err) != fault.PortLost || err.Error() != "pelco-d 3: halt: 1 of 3 stops sent: wire: port lost" {
			t.Error(err)
		}
		if errors.Is(err, fault.NoReply) {
			t.Error("two classes")
		}
	})
}
