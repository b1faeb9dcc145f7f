package pelco

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

const (
	// stops is how often Halt says stop. Programs in the field say it twice
	// (mn-protozoa, IRIS); one frame may meet noise and the next one its echo.
	stops = 3
	// misses in a row make a dome that ought to answer one that does not.
	misses = 3
)

// Config is what a Dome is made of.
type Config struct {
	// Address is 1–254.
	Address byte
	Line    line.Line
	// Answers: the dome answers each command with a General or Accepted reply, and
	// an answer is waited for. Most domes do not.
	Answers bool
	// Reply is how long an answer may take (0: the line's default). Programs in the
	// field wait 50–200 ms.
	Reply time.Duration
	// Gap is silence after each frame to this dome, beyond the bus's own gap.
	Gap time.Duration
	// PanReverse and TiltReverse exchange the directions, for heads that are mounted
	// the other way or have their bits exchanged.
	PanReverse, TiltReverse bool
	// Turbo is the pan byte for full speed, 0 for none (see Motion.Turbo).
	Turbo byte
	// PresetsMax is the highest preset number; Free are the hidden functions that
	// are ordinary presets on this dome.
	PresetsMax int
	Free       []int
	// Raise and Clear report the condition device.no_reply. They may be nil.
	Raise func(code, detail string)
	Clear func(code string)
}

// Dome is one Pelco-D dome. It implements drivers.Dome, drivers.PresetStore and
// drivers.Evident.
type Dome struct {
	c       Config
	presets presets

	mu      sync.Mutex
	last    Command // what the dome may still answer to
	missed  int
	deafen  func()
	pending map[*context.CancelCauseFunc]bool // motions that are queued or on the wire
}

// overtaken is why a motion ended that a stop came before.
type overtaken struct{}

func (overtaken) Error() string { return "overtaken by a stop" }
func (overtaken) Unwrap() error { return context.Canceled }

// New makes the dome and listens for answers that nobody waits for. It sends nothing.
func New(c Config) *Dome {
	d := &Dome{c: c, presets: presets{c.PresetsMax, c.Free}, last: Stop(c.Address), pending: map[*context.CancelCauseFunc]bool{}}
	d.deafen = c.Line.Listen(d.unasked)
	return d
}

// Close stops listening: a dome that is opened anew hears its own answers itself.
func (d *Dome) Close() error {
	d.deafen()
	return nil
}

// Evidence is what a nil error of this dome is worth: Acknowledged where it answers,
// Commanded otherwise.
func (d *Dome) Evidence() drivers.Evidence {
	if d.c.Answers {
		return drivers.Acknowledged
	}
	return drivers.Commanded
}

// Move sends one frame that states the whole motion; see drivers.Dome. Speeds become
// 01–3F: every motion that is not 0 moves. A frame has no speed for zoom, so any zoom
// that is not 0 is sent as its direction. It is not repeated: a drive command that
// comes after a stop would start the motion again.
// Errors: fault.BadInput (nothing sent), fault.PortLost, fault.Full; with Answers also
// fault.NoReply and fault.Refused. A motion that a stop overtook ends in
// context.Canceled.
func (d *Dome) Move(ctx context.Context, v drivers.Velocity) error {
	for _, part := range [...]struct {
		name  string
		value float64
	}{{"pan", v.Pan}, {"tilt", v.Tilt}, {"zoom", v.Zoom}} {
		// Written so that NaN fails as well.
		if !(part.value >= -1 && part.value <= 1) {
			return d.wrap(fmt.Errorf("%s speed %v: want -1 to 1: %w", part.name, part.value, fault.BadInput))
		}
	}
	if v.Zero() {
		d.overtake()
		return d.wrap(d.send(ctx, Stop(d.c.Address), true, d.c.Answers))
	}
	m := Motion{
		Pan: steps(v.Pan, d.c.PanReverse), Tilt: steps(v.Tilt, d.c.TiltReverse),
		Zoom: sign(v.Zoom), Turbo: d.c.Turbo,
	}
	return d.wrap(d.motion(ctx, m.Command(d.c.Address)))
}

// steps turns −1…1 into −63…63; what is not 0 stays so.
func steps(v float64, reverse bool) int {
	if reverse {
		v = -v
	}
	n := int(math.Round(math.Abs(v) * fastest))
	return sign(v) * max(n, slowest)
}

func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}

// GotoPreset calls preset n; see drivers.Dome. Hidden functions (see presets) are
// fault.BadInput.
func (d *Dome) GotoPreset(ctx context.Context, n int) error {
	b, err := d.presets.check(n)
	if err != nil {
		return d.wrap(err)
	}
	return d.wrap(d.motion(ctx, GotoPreset(d.c.Address, b)))
}

// SetPreset stores where the dome looks now as preset n; errors as GotoPreset's.
func (d *Dome) SetPreset(ctx context.Context, n int) error {
	b, err := d.presets.check(n)
	if err != nil {
		return d.wrap(err)
	}
	return d.wrap(d.send(ctx, SetPreset(d.c.Address, b), false, d.c.Answers))
}

// ClearPreset forgets preset n; errors as GotoPreset's.
func (d *Dome) ClearPreset(ctx context.Context, n int) error {
	b, err := d.presets.check(n)
	if err != nil {
		return d.wrap(err)
	}
	return d.wrap(d.send(ctx, ClearPreset(d.c.Address, b), false, d.c.Answers))
}

// Halt says stop three times, each urgent and each queued by itself, so that the
// domes of one wire stop in turn. Motions of this dome that still wait are taken
// back first: they would start it again. The first two wait for no answer, so that a
// silent dome holds up nobody. An error says how many stops got out.
func (d *Dome) Halt(ctx context.Context) error {
	d.overtake()
	sent := 0
	var failed error
	for i := range stops {
		err := d.send(ctx, Stop(d.c.Address), true, d.c.Answers && i == stops-1)
		if err == nil || fault.Of(err) == fault.NoReply || fault.Of(err) == fault.Refused {
			sent++
		}
		if err != nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if failed != nil {
		return d.wrap(fmt.Errorf("halt: %d of %d stops sent: %w", sent, stops, failed))
	}
	return nil
}

// motion sends a command that makes the dome turn and that a stop must overtake.
func (d *Dome) motion(ctx context.Context, c Command) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.mu.Lock()
	d.pending[&cancel] = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.pending, &cancel)
	}()
	err := d.send(ctx, c, false, d.c.Answers)
	if err != nil && errors.Is(context.Cause(ctx), overtaken{}) {
		return overtaken{}
	}
	return err
}

// overtake takes back the motions that are not on the wire yet.
func (d *Dome) overtake() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for cancel := range d.pending {
		(*cancel)(overtaken{})
	}
}

// send brings one command over the wire and judges its answer if one is waited for.
func (d *Dome) send(ctx context.Context, c Command, urgent, wait bool) error {
	var buf [Length]byte
	f := line.Frame{Write: c.Append(buf[:0]), Quiet: d.c.Gap, Urgent: urgent}
	d.mu.Lock()
	d.last = c
	d.mu.Unlock()
	if !wait {
		_, err := d.c.Line.Exchange(ctx, f)
		return err
	}
	var bad bool
	f.Reply = d.c.Reply
	f.Want = func(b []byte) (n int) {
		_, n, bad = Decode(c, b)
		return n
	}
	reply, err := d.c.Line.Exchange(ctx, f)
	if err != nil {
		d.silent(err, bad)
		return err
	}
	d.heard()
	if r, _, _ := Decode(c, reply); r.Kind == Accepted && !r.Yes {
		return fmt.Errorf("%s: %w", c.Operation(), fault.Refused)
	}
	return nil
}

// silent counts answers that did not come; bad tells that one came damaged.
func (d *Dome) silent(err error, bad bool) {
	if fault.Of(err) != fault.NoReply || errors.Is(err, line.Cut{}) {
		return // not the dome's fault
	}
	if counter, ok := d.c.Line.(line.Counter); ok && bad {
		counter.Corrupt()
	}
	d.mu.Lock()
	d.missed++
	now := d.missed == misses
	d.mu.Unlock()
	if now && d.c.Raise != nil {
		d.c.Raise("device.no_reply", err.Error())
	}
}

// heard notes that the dome answers.
func (d *Dome) heard() {
	d.mu.Lock()
	before := d.missed
	d.missed = 0
	d.mu.Unlock()
	if before >= misses && d.c.Clear != nil {
		d.c.Clear("device.no_reply")
	}
}

// unasked takes this dome's answers to commands that did not wait for them, so that
// they do not count as foreign.
func (d *Dome) unasked(b []byte) int {
	d.mu.Lock()
	last := d.last
	d.mu.Unlock()
	return Unasked(last, b)
}

func (d *Dome) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("pelco-d %d: %w", d.c.Address, err)
}
