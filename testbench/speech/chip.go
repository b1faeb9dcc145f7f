package speech

import (
	"context"
	"slices"
	"time"

	"fuqiao/edged/testbench/board"
	"fuqiao/edged/testbench/serial"
)

// Options of a chip. Zero values take the defaults in brackets.
type Options struct {
	// CharsPerSecond at the default speed; [4.5].
	CharsPerSecond float64
	// Faster divides all times of speech, so that tests need not listen; [1].
	Faster float64
	// Latency from the last byte of a frame to its 41; [4 ms].
	Latency time.Duration
	// Lead from 41 to the first sound; [150 ms]. Not stated by the maker.
	Lead time.Duration
	// Ready from a reset to its 4A; [100 ms]. Not stated by the maker.
	Ready time.Duration
	// TwoByteStatus answers a query with 41 and the state, as public drivers expect;
	// the data sheet shows one byte.
	TwoByteStatus bool
	// IdleAfterStop sends 4F when a stop has ended an utterance. The data sheet is
	// silent about it.
	IdleAfterStop bool
}

// Utterance is one text that made sound.
type Utterance struct {
	// Text is what is heard, in UTF-8, without marks and tones.
	Text string
	// Marks and Tones in order; Wrong are marks where they have no power: they are read out.
	Marks, Tones, Wrong []string
	// Voice is what was in force; Background the chip's music (0–15).
	Voice      Voice
	Background int
	// Length is how long the whole takes.
	Length time.Duration
	// Started is the first sound, Ended the last; zero while it goes on.
	Started, Ended time.Time
	// Cut tells that it did not come to its end, By what: "say", "stop", "reset".
	Cut bool
	By  string
}

// Chip is one SYN6288.
type Chip struct {
	o    Options
	port serial.Port

	mu     board.Board
	ear    ear
	voice  Voice
	deaf   time.Time // nothing is heard before
	asleep bool
	offKey bool // speaks another baud than the wire
	now    *running
	turn   int // numbers what is said, so that an old timer ends nothing new
	said   []Utterance
	frames int
	wrongs int
	f      faults
}

// running is what is being said.
type running struct {
	at    int // index in said, −1 for a frame of marks alone
	until time.Time
	left  time.Duration // while paused
	still bool          // paused
}

// New makes a chip that has been powered for a while.
func New(o Options) *Chip {
	def := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	def(&o.Latency, 4*time.Millisecond)
	def(&o.Lead, 150*time.Millisecond)
	def(&o.Ready, 100*time.Millisecond)
	if o.CharsPerSecond == 0 {
		o.CharsPerSecond = 4.5
	}
	if o.Faster == 0 {
		o.Faster = 1
	}
	return &Chip{o: o, voice: defaults()}
}

// Plug implements serial.Device.
func (c *Chip) Plug(p serial.Port) { c.port = p }

// Hear implements serial.Device.
func (c *Chip) Hear(b byte, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asleep { // any byte wakes it (electrical section), 16 ms later it hears
		c.asleep, c.deaf = false, at.Add(16*time.Millisecond)
		return
	}
	if at.Before(c.deaf) || c.offKey {
		return
	}
	v, f := c.ear.take(b, at)
	switch {
	case v == more:
		return
	case v == wrong:
		c.refuse(at)
	case c.f.refuse > 0:
		c.f.refuse--
		c.refuse(at)
	default:
		c.obey(f, at)
	}
	c.mu.Changed()
}

// reply sends one byte, if the faults let it; c.mu is held.
func (c *Chip) reply(b byte, at time.Time) {
	switch {
	case c.f.mute:
		return
	case b == accepted && c.f.accepts > 0:
		c.f.accepts--
		return
	case b == idle && c.f.idles > 0:
		c.f.idles--
		return
	}
	c.port.Send([]byte{b}, at)
}

func (c *Chip) refuse(at time.Time) {
	c.wrongs++
	c.reply(refused, at.Add(c.o.Latency))
}

// scaled is a time of speech as this chip takes it.
func (c *Chip) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.o.Faster)
}

// Utterances are all texts that made sound, the running one included.
func (c *Chip) Utterances() []Utterance {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.said)
}

// Speaking tells whether the chip is busy.
func (c *Chip) Speaking() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now != nil
}

// Counts of frames: obeyed, refused with 45, broken by a pause inside, and begun sooner
// than 8 ms after the one before.
func (c *Chip) Counts() (obeyed, refused, broken, hasty int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames, c.wrongs, c.ear.broken, c.ear.hasty
}

// Wait waits until ok is true of the utterances; ok must not call the chip.
func (c *Chip) Wait(ctx context.Context, ok func([]Utterance) bool) error {
	return c.mu.Until(ctx, func() bool { return ok(c.said) })
}
