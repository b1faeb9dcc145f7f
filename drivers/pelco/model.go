package pelco

import (
	"context"
	"slices"
	"strconv"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
)

// sayPresetAbove is a key of the message catalogue (edge/text).
const sayPresetAbove = "%s is above presets_max, which is %s"

// Sentences lists every sentence of this package, for the test that each has a
// translation.
func Sentences() []string { return []string{sayPresetAbove} }

// options are the keys below `options:` of a device with this model.
type options struct {
	Bus     string `yaml:"bus" need:"true" pattern:"id"`
	Address int    `yaml:"address" need:"true" range:"1..254"`
	// PanReverse and TiltReverse exchange right and left, up and down.
	PanReverse  bool `yaml:"pan_reverse"`
	TiltReverse bool `yaml:"tilt_reverse"`
	// Turbo is the byte for full pan speed: 40 by the rule of 2003 (TF-0002), ff by
	// that of 1999; none is right for every dome.
	Turbo string `yaml:"turbo" default:"none" enum:"none|40|ff"`
	// PresetsMax is the highest preset number: TF-0002 promises 32.
	PresetsMax int `yaml:"presets_max" default:"32" range:"1..255"`
	// FreePresets are numbers that are functions on other domes (33–108, 130–132, 200)
	// and ordinary presets on this one.
	FreePresets []int `yaml:"free_presets" range:"1..255"`
	// Replies says whether the dome answers commands: general if it does.
	Replies string `yaml:"replies" default:"none" enum:"none|general"`
	// ReplyMS is how long an answer may take.
	ReplyMS int `yaml:"reply_ms" default:"200" range:"20..2000"`
	// GapMS is silence after each frame, beyond the bus's gap_ms. Some programs leave
	// 80 ms between any two (mn-protozoa).
	GapMS int `yaml:"gap_ms" range:"0..1000"`
}

// D is the model pelco-d: any dome or receiver that speaks Pelco-D at the bus's
// speed.
func D() drivers.Model {
	return drivers.Model{
		Name: "pelco-d",
		Kind: "dome",
		Check: func(n config.Node) (drivers.Claims, []config.Problem) {
			o, problems := decode(n)
			if o.Address == 0 {
				return drivers.Claims{}, problems // cannot be read; zero would mean the whole bus
			}
			return drivers.Claims{Bus: o.Bus, Address: o.Address}, problems
		},
		Open: func(_ context.Context, n config.Node, p drivers.Parts) (drivers.Device, error) {
			o, problems := decode(n)
			if len(problems) > 0 {
				return nil, problems[0]
			}
			d := New(o.config(p))
			p.Go("ear", func(ctx context.Context) error {
				<-ctx.Done()
				return d.Close()
			})
			return d, nil
		},
	}
}

// decode reads and judges the options.
func decode(n config.Node) (options, []config.Problem) {
	var o options
	problems := config.Decode(n, &o)
	if !slices.Contains([]string{"none", "40", "ff"}, o.Turbo) || o.PresetsMax == 0 {
		return o, problems // reported; the rest would only repeat it
	}
	list := n.At("free_presets")
	for _, f := range o.FreePresets {
		if f > o.PresetsMax && f <= 255 {
			text := strconv.Itoa(f)
			problems = append(problems, list.Problem(sayPresetAbove, text, strconv.Itoa(o.PresetsMax)))
		}
	}
	return o, problems
}

func (o options) config(p drivers.Parts) Config {
	return Config{
		Address: byte(o.Address), Line: p.Line,
		Answers: o.Replies == "general",
		Reply:   time.Duration(o.ReplyMS) * time.Millisecond,
		Gap:     time.Duration(o.GapMS) * time.Millisecond,
		Turbo:   map[string]byte{"40": 0x40, "ff": 0xFF}[o.Turbo],

		PanReverse: o.PanReverse, TiltReverse: o.TiltReverse,
		PresetsMax: o.PresetsMax, Free: o.FreePresets,
		Raise: p.Raise, Clear: p.Clear,
	}
}
