// Package drivers is the contract between the house and its devices: what a
// dome, a speaker, a camera source and an output can do, and how a model is
// checked and opened. A new device is one package below this one and one line in
// cmd/models/models.go.
package drivers

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers/line"
)

// Device is anything that can be halted.
type Device interface {
	// Halt brings the device to rest: a dome stops, a speaker falls silent, an
	// output takes its safe level. It is called at shutdown while the bus is still
	// up, on the kill switch, and whenever an owner is lost. It is idempotent,
	// may run beside any other call, and returns within ctx.
	Halt(ctx context.Context) error
}

// Evident is a Device that can tell what its nil errors are worth.
type Evident interface {
	// Evidence is the class that a call which returned nil has reached: Commanded
	// for a device that answers nothing, Acknowledged for one whose answer was
	// waited for.
	Evidence() Evidence
}

// Velocity is a continuous motion. Each part is −1…1 of the dome's own maximum;
// pan + is right, tilt + is up, zoom + is tele. The zero value is a stop.
type Velocity struct{ Pan, Tilt, Zoom float64 }

// Zero tells whether v is a stop.
func (v Velocity) Zero() bool { return v == Velocity{} }

// Dome is a camera head that turns.
type Dome interface {
	Device
	// Move sets the whole state of motion; a part that is 0 stops. It returns when
	// the bytes are on the wire, not when anything has turned. A zero Velocity is a
	// stop and is sent urgent.
	// Errors: fault.BadInput outside −1…1 (nothing sent), fault.PortLost.
	Move(ctx context.Context, v Velocity) error
	// GotoPreset calls preset n. Errors: fault.BadInput for a number that the model
	// does not have or that is one of its hidden functions (nothing sent).
	GotoPreset(ctx context.Context, n int) error
}

// PresetStore is a Dome that can store and clear presets.
type PresetStore interface {
	SetPreset(ctx context.Context, n int) error
	ClearPreset(ctx context.Context, n int) error
}

// Announcement is one thing to be said by one speaker, already decided upon.
type Announcement struct {
	// Text is what people are to hear, UTF-8. Marks of the engine have no power in it.
	Text string
	// Volume is 0–100.
	Volume int
	// Chime names a tone to play before the text; empty for none.
	Chime string
}

// Progress is told by a Speaker while it works.
type Progress struct {
	// Part of Parts has begun (1-based); the text was cut into Parts frames.
	Part, Parts int
	// Lost holds characters that this device cannot say and that were left out.
	Lost []rune
}

// Evidence says how an act is known to have happened, weakest first.
type Evidence uint8

// The evidence classes of the contract.
const (
	None         Evidence = iota // nothing was sent
	Commanded                    // the bytes left the box
	Acknowledged                 // the device answered
	ReadBack                     // a relay or status line was read
	Sensed                       // current or line sense
	Heard                        // a microphone heard it
)

// String returns the contract's word for e.
func (e Evidence) String() string {
	return [...]string{"none", "commanded", "acknowledged", "read_back", "sensed", "heard"}[e]
}

// Speaker is a device that talks. Amplifiers are not its business.
type Speaker interface {
	Device
	// Announce says a and returns when it has been said. The end of ctx cuts it at
	// once (the stop is on the wire before Announce returns). said may be nil.
	// The Evidence is valid also with an error. A Progress with Part == Parts
	// means the last part has begun, not that it has ended.
	Announce(ctx context.Context, a Announcement, said func(Progress)) (Evidence, error)
}

// Speakable is a Speaker that can tell beforehand what it cannot say.
type Speakable interface {
	// CanSay returns the characters of text that the device cannot carry, each
	// once, in order of appearance.
	CanSay(text string) []rune
}

// Voiced is a Speaker with a volume of its own, from its configuration.
type Voiced interface {
	// OwnVolume is 0–100, used where an order names none.
	OwnVolume() int
}

// Event is what a camera source has to tell.
type Event struct {
	// Kind is the event's type in the field's words (motion, line, intrusion …).
	Kind string
	// Time is the source's own time, zero where it gave none or one that cannot be read.
	Time time.Time
	// ID is the source's own identity of the event, empty where it has none; the
	// same ID twice is the same event.
	ID string
	// Alarm marks an event that a person waits for.
	Alarm bool
	// Data is the JSON object that the platform gets, at most 32 KiB.
	Data []byte
	// Media gives the event's pictures and clips one after the other, io.EOF after the
	// last; nil for none. What it gives is read before the next is asked for, and all of
	// it before emit returns.
	Media func() (Media, error)
}

// Media is a picture or a clip that belongs to an event.
type Media struct {
	// MIME is its type, such as image/jpeg.
	MIME string
	// Body is its content; an error of Body is the sender's fault, and the event is not
	// taken.
	Body io.Reader
}

// Watcher is a source of camera events.
type Watcher interface {
	Device
	// Watch runs until ctx ends. emit may be called from several goroutines at once and
	// returns nil when the event is on disk; only
	// then may the source be told that it was taken.
	Watch(ctx context.Context, emit func(context.Context, Event) error) error
}

// Output is a switch: a pin or a relay board's coil.
type Output interface {
	Device
	// Set switches. on is the logical state; active-low is the output's own business.
	Set(ctx context.Context, on bool) error
}

// Model is a kind of device that the house can drive.
type Model struct {
	// Name is what `model:` in the configuration says.
	Name string
	// Kind is "dome", "speaker" or "camera".
	Kind string
	// Check decodes and judges the options. It is pure: no file, port or network.
	Check func(o config.Node) (Claims, []config.Problem)
	// Open makes the device. It may talk to hardware but must return without it:
	// an absent port is a condition, not an error.
	Open func(ctx context.Context, o config.Node, p Parts) (Device, error)
}

// Claims is what a device needs for itself. Two claims on one thing are an error
// of the configuration.
type Claims struct {
	// Bus names the serial line, Address is the device's address on it (0 = the
	// device has none and must be alone on its line).
	Bus     string
	Address int
	// Bauds are the line speeds that the device can be set to, Parity is the only one
	// that it knows; empty: whatever the bus has.
	Bauds  []int
	Parity string
	// Outputs and Inputs are names of pins that the driver owns.
	Outputs, Inputs []string
	// Listens are "host:port/path" of HTTP endpoints.
	Listens []string
	// Secrets are names of secrets that must exist when the daemon starts.
	Secrets []string
}

// Parts is what the house hands to a model when it opens a device.
type Parts struct {
	// Device is the id in the configuration.
	Device string
	// Log carries run and device already.
	Log *slog.Logger
	// Line is the device's end of the claimed bus, nil where none was claimed.
	Line line.Line
	// Output finds a claimed output.
	Output func(name string) (Output, error)
	// Secret reads a claimed secret anew at each call.
	Secret func(name string) ([]byte, error)
	// Serve puts h at a claimed endpoint until ctx ends. The listener itself,
	// its time-outs and its limits belong to the house.
	Serve func(ctx context.Context, hostport, path string, h http.Handler) error
	// Go runs a goroutine that is supervised, ended with the device and waited for.
	Go func(name string, run func(ctx context.Context) error)
	// Raise reports a condition of this device (a code of edge/health); Clear takes it back.
	Raise func(code, detail string)
	Clear func(code string)
}

// Catalog is the set of models by name.
type Catalog map[string]Model

// NewCatalog makes a Catalog. A name that stands twice is a mistake of the program
// and is returned as an error.
func NewCatalog(models ...Model) (Catalog, error) {
	c := make(Catalog, len(models))
	for _, m := range models {
		if _, twice := c[m.Name]; twice {
			return nil, fmt.Errorf("model %s is listed twice", m.Name)
		}
		c[m.Name] = m
	}
	return c, nil
}
