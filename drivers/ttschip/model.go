package ttschip

import (
	"context"
	"maps"
	"slices"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
)

// sayNoTone is a key of the message catalogue (edge/text).
const sayNoTone = "%s is not a tone of this chip; allowed: %s"

// Sentences lists every sentence of this package, for the test that each has a
// translation.
func Sentences() []string { return []string{sayNoTone} }

// options are the keys below `options:` of a device with this model.
type options struct {
	Bus string `yaml:"bus" need:"true" pattern:"id"`
	// Volume is the speaker's own volume, taken where an order names none.
	Volume int `yaml:"volume" default:"80" range:"0..100"`
	// Speed is the chip's [t]: 0 slow … 5 fast.
	Speed int `yaml:"speed" default:"4" range:"0..5"`
	// ReplyMS is how long the chip may take to answer a frame.
	ReplyMS int `yaml:"reply_ms" default:"200" range:"20..2000"`
	// Chimes are further names for tones: {market: msgb}.
	Chimes map[string]string `yaml:"chimes" pattern:"id"`
}

// SYN6288 is the model of SYN6288 and SYN6288E chips on a UART. The chip has no address, so it claims its line alone.
func SYN6288() drivers.Model {
	return model(SYN6288Chip())
}

func model(chip Chip) drivers.Model {
	return drivers.Model{
		Name: chip.Model,
		Kind: "speaker",
		Check: func(n config.Node) (drivers.Claims, []config.Problem) {
			o, problems := decode(chip, n)
			return drivers.Claims{Bus: o.Bus, Bauds: chip.Bauds, Parity: "none"}, problems
		},
		Open: func(_ context.Context, n config.Node, p drivers.Parts) (drivers.Device, error) {
			o, problems := decode(chip, n)
			if len(problems) > 0 {
				return nil, problems[0]
			}
			s := New(Config{
				ID: p.Device, Chip: chip, Line: p.Line, Log: p.Log,
				Volume: o.Volume, Speed: o.Speed, Reply: time.Duration(o.ReplyMS) * time.Millisecond,
				Chimes: o.Chimes, Raise: p.Raise, Clear: p.Clear,
			})
			p.Go("ear", func(ctx context.Context) error {
				<-ctx.Done()
				s.Close()
				return nil
			})
			return s, nil
		},
	}
}

// decode reads and judges the options.
func decode(chip Chip, n config.Node) (options, []config.Problem) {
	var o options
	problems := config.Decode(n, &o)
	for _, name := range slices.Sorted(maps.Keys(o.Chimes)) {
		if tone := o.Chimes[name]; !chip.plays(tone) {
			problems = append(problems, n.At("chimes", name).Problem(sayNoTone, tone, chip.toneNames()))
		}
	}
	return o, problems
}
