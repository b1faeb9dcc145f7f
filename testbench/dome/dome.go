package dome

import (
	"math"
	"slices"
	"sync"
	"time"

	"fuqiao/edged/testbench/serial"
)

// Options of a dome. Zero values take the defaults in brackets.
type Options struct {
	// Address is 1–254; [1].
	Address byte
	// ZeroStops makes speed 00 a stop, as clones of the 1999 table do; in TF-0002 it is
	// the slowest motion.
	ZeroStops bool
	// General answers commands with four bytes (alarm bits 0); [silent].
	General bool
	// Queries answers 51, 53 and 55; most cheap domes do not.
	Queries bool
	// Delay before an answer; [5 ms].
	Delay time.Duration
	// PresetSpeed in degrees/s; [100]. Accel in degrees/s²; [200].
	PresetSpeed, Accel float64
	// ZoomTime is how long the lens takes from one end to the other; [3 s].
	ZoomTime time.Duration
	// Patience is the silence inside a frame after which it is forgotten; [50 ms].
	Patience time.Duration
}

// Pose is where the dome looks at a time: pan 0–360 clockwise, tilt −90 (down) … +90
// (up) as in the contract, zoom 0–1; speeds in degrees/s and 1/s.
type Pose struct {
	At                          time.Time
	Pan, Tilt, Zoom             float64
	PanSpeed, TiltSpeed, ZSpeed float64
}

// Moving tells whether anything turns.
func (p Pose) Moving() bool { return p.PanSpeed != 0 || p.TiltSpeed != 0 || p.ZSpeed != 0 }

// Change is a frame that the dome obeyed.
type Change struct {
	// At is when its last byte had arrived.
	At time.Time
	// What is "stop", "drive", "lens" (focus, iris), "preset set", "preset clear", "preset call", "pan", "tilt",
	// "zoom", "aux", "query", "reset" or "other".
	What   string
	Number int // of the preset or aux
	Frame  []byte
	Pose   Pose
}

// End stops of the mechanics and limits of the speed (degrees, degrees/s). The numbers
// are those of a common speed dome: slow enough for 20x zoom, fast enough to follow a car.
const (
	tiltDown, tiltUp   = -90.0, 15.0
	slowest            = 0.1
	fastPan, fastTilt  = 60.0, 40.0
	turboPan           = 90.0
	topSpeed           = 0x3F // above it clones differ; 40 and FF are turbo
	unwound, halfround = 360.0, 180.0
)

// Speed is degrees/s for a speed byte of the pan motor: about logarithmic, so that slow
// speeds can be chosen finely.
func Speed(b byte) float64 { return curve(b, fastPan, turboPan) }

// TiltSpeed is the same for the tilt motor, which has no turbo.
func TiltSpeed(b byte) float64 { return curve(b, fastTilt, fastTilt) }

func curve(b byte, fast, turbo float64) float64 {
	if b > topSpeed {
		return turbo
	}
	return slowest * math.Pow(fast/slowest, float64(b)/topSpeed)
}

// Dome is one camera.
type Dome struct {
	o    Options
	port serial.Port

	mu              sync.Mutex
	ear             ear
	last            time.Time
	pan, tilt, zoom axis
	presets         map[byte]Pose
	deaf            int
	changes         []Change
	foreign         int
}

// New makes a dome that looks along the horizon at pan 0, at rest, wide.
func New(o Options) *Dome {
	def := func(v *float64, to float64) {
		if *v == 0 {
			*v = to
		}
	}
	def(&o.PresetSpeed, 100)
	def(&o.Accel, 200)
	if o.Address == 0 {
		o.Address = 1
	}
	if o.Delay == 0 {
		o.Delay = 5 * time.Millisecond
	}
	if o.ZoomTime == 0 {
		o.ZoomTime = 3 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 50 * time.Millisecond
	}
	return &Dome{
		o:       o,
		pan:     axis{accel: o.Accel},
		tilt:    axis{accel: o.Accel, min: tiltDown, max: tiltUp},
		zoom:    axis{accel: 20 / o.ZoomTime.Seconds(), min: 0, max: 1},
		presets: map[byte]Pose{},
	}
}

// Plug implements serial.Device.
func (d *Dome) Plug(p serial.Port) { d.port = p }

// Hear implements serial.Device.
func (d *Dome) Hear(b byte, at time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if at.Sub(d.last) > d.o.Patience {
		d.ear.part = nil
	}
	d.last = at
	f := d.ear.take(b)
	switch {
	case f == nil:
	case f[1] != d.o.Address:
		d.foreign++
	case d.deaf > 0:
		d.deaf--
	default:
		d.obey(f, at)
	}
}

// pose is the state at t; d.mu is held.
func (d *Dome) pose(t time.Time) Pose {
	p := Pose{At: t}
	p.Pan, p.PanSpeed = d.pan.state(t)
	p.Tilt, p.TiltSpeed = d.tilt.state(t)
	p.Zoom, p.ZSpeed = d.zoom.state(t)
	if p.Pan = math.Mod(p.Pan, unwound); p.Pan < 0 {
		p.Pan += unwound
	}
	return p
}

// Pose is where the dome looks now; PoseAt at another time, not before the latest frame.
func (d *Dome) Pose() Pose { return d.PoseAt(time.Now()) }

// PoseAt is the pose at t, if nothing else is told to the dome until then.
func (d *Dome) PoseAt(t time.Time) Pose {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pose(t)
}

// Rest is when the dome stands still; ok is false while it turns for ever.
func (d *Dome) Rest() (t time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range []*axis{&d.pan, &d.tilt, &d.zoom} {
		at, still := a.rest()
		if !still {
			return time.Time{}, false
		}
		if at.After(t) {
			t = at
		}
	}
	return t, true
}

// MovingSince is when the motion began that is going on now; ok is false at rest.
func (d *Dome) MovingSince() (t time.Time, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.pose(time.Now()).Moving() {
		return time.Time{}, false
	}
	for _, c := range slices.Backward(d.changes) {
		if c.What == "query" {
			continue
		}
		t = c.At
		if !c.Pose.Moving() {
			break
		}
	}
	return t, true
}

// Changes are all frames that were obeyed, in order.
func (d *Dome) Changes() []Change {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.changes)
}

// Stops are the times at which stop frames had arrived.
func (d *Dome) Stops() []time.Time {
	var all []time.Time
	for _, c := range d.Changes() {
		if c.What == "stop" {
			all = append(all, c.At)
		}
	}
	return all
}

// Preset is what was stored under n.
func (d *Dome) Preset(n int) (Pose, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, ok := d.presets[byte(n)]
	return p, ok
}

// Counts of what was heard: frames with a wrong checksum, frames for other addresses.
func (d *Dome) Counts() (bad, foreign int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ear.bad, d.foreign
}

// Deaf makes the dome ignore the next n frames for it, whatever they say.
func (d *Dome) Deaf(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = n
}
