package ttschip

import (
	"log/slog"
	"time"

	"fuqiao/edged/drivers/line"
)

// Config is what a Speaker is made of.
type Config struct {
	// ID is the device's id, for errors.
	ID string
	// Chip is the family's table.
	Chip Chip
	// Line is the chip's wire. The chip has no address: it is alone there.
	Line line.Line
	Log  *slog.Logger
	// Volume is the speaker's own volume 0–100, Speed the chip's [t] 0…Chip.MaxSpeed.
	Volume, Speed int
	// Reply is how long the chip may take to answer a frame.
	Reply time.Duration
	// Chimes are further names for tones of the chip.
	Chimes map[string]string
	// Raise and Clear report conditions (device.no_reply, device.reset); nil drops them.
	Raise func(code, detail string)
	Clear func(code string)
}

// New makes a Speaker and listens on its line from now on, until Close. Nothing is sent.
func New(c Config) *Speaker {
	s := &Speaker{
		id: c.ID, chip: c.Chip, wire: c.Line, log: c.Log, ear: newEar(),
		volume: c.Volume, speed: c.Speed, reply: c.Reply, chimes: c.Chimes,
		raise: c.Raise, clear: c.Clear,
	}
	if s.raise == nil {
		s.raise = func(string, string) {}
	}
	if s.clear == nil {
		s.clear = func(string) {}
	}
	s.deafen = s.wire.Listen(s.ear.take) // not only while it speaks: the chip may say 4A at any time
	return s
}

// Close ends the listening. A Speaker that takes this one's place on the line would
// hear nothing before.
func (s *Speaker) Close() { s.deafen() }
