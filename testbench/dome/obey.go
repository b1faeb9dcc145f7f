package dome

import (
	"math"
	"time"
)

// obey does what a good frame for this address says; d.mu is held.
func (d *Dome) obey(f []byte, at time.Time) {
	c := Change{At: at, Frame: f, Pose: d.pose(at), What: "other"}
	if f[3]&1 == 0 {
		c.What = d.standard(f, at)
	} else {
		d.extended(f, at, &c)
	}
	d.changes = append(d.changes, c)
	if d.o.General && c.What != "query" {
		// DRD14 manual: FF, address, alarms, checksum of the command + alarms.
		d.port.Send([]byte{syncByte, f[1], 0, f[6]}, at.Add(d.o.Delay))
	}
}

// standard commands state the whole motion: what has no bit stops.
func (d *Dome) standard(f []byte, at time.Time) string {
	if f[2]&0x88 != 0 || f[2]&0x10 != 0 { // camera on and off, scans: no motion of ours
		return "other"
	}
	way := func(plus, minus byte, speed float64) float64 {
		switch f[3] & (plus | minus) {
		case plus:
			return speed
		case minus:
			return -speed
		}
		return 0 // none, or both at once, which mean nothing
	}
	pan, tilt := Speed(f[4]), TiltSpeed(f[5])
	if d.o.ZeroStops && f[4] == 0 {
		pan = 0
	}
	if d.o.ZeroStops && f[5] == 0 {
		tilt = 0
	}
	d.pan.drive(at, way(bitRight, bitLeft, pan))
	d.tilt.drive(at, way(bitUp, bitDown, tilt))
	d.zoom.drive(at, way(bitTele, bitWide, 1/d.o.ZoomTime.Seconds()))
	switch {
	case f[2] == 0 && f[3] == 0:
		return "stop"
	case f[3]&(bitRight|bitLeft|bitUp|bitDown|bitTele|bitWide) == 0:
		return "lens"
	}
	return "drive"
}

// extended commands have bit 0 of byte 4 set.
func (d *Dome) extended(f []byte, at time.Time, c *Change) {
	n, value := f[5], int(f[4])<<8|int(f[5])
	switch f[3] {
	case opSetPreset:
		c.What, c.Number = "preset set", int(n)
		d.presets[n] = d.pose(at)
	case opClearPreset:
		c.What, c.Number = "preset clear", int(n)
		delete(d.presets, n)
	case opCallPreset:
		c.What, c.Number = "preset call", int(n)
		d.call(n, at)
	case opAuxOn, opAuxOff:
		c.What, c.Number = "aux", int(n)
	case opReset:
		c.What = "reset"
	case opSetPan: // hundredths of a degree, 0–35999
		c.What = "pan"
		d.seekPan(at, float64(value)/100)
	case opSetTilt: // 0 horizon, growing downward, above it 36000 − x
		c.What = "tilt"
		d.tilt.seek(at, clamp(-signedTilt(value), tiltDown, tiltUp), d.o.PresetSpeed)
	case opSetZoom:
		c.What = "zoom"
		d.zoom.seek(at, float64(value)/0xFFFF, 1/d.o.ZoomTime.Seconds())
	case opQueryPan, opQueryTilt, opQueryZoom:
		c.What = "query"
		d.answer(f[3], at)
	}
}

// signedTilt is degrees below the horizon.
func signedTilt(v int) float64 {
	if v > 18000 {
		v -= 36000
	}
	return float64(v) / 100
}

func clamp(v, low, high float64) float64 { return math.Min(math.Max(v, low), high) }

// call goes to a preset. Of the numbers with a meaning of their own only those of the
// Pelco text are known: 21 hex turns round, 22 hex goes to zero pan. A number that was
// never set does nothing.
func (d *Dome) call(n byte, at time.Time) {
	pan, _ := d.pan.state(at)
	switch n {
	case 0x21:
		d.pan.seek(at, pan+halfround, d.o.PresetSpeed)
		return
	case 0x22:
		d.seekPan(at, 0)
		return
	}
	p, ok := d.presets[n]
	if !ok {
		return
	}
	d.seekPan(at, p.Pan)
	d.tilt.seek(at, p.Tilt, d.o.PresetSpeed)
	d.zoom.seek(at, p.Zoom, 1/d.o.ZoomTime.Seconds())
}

// seekPan turns the shorter way round.
func (d *Dome) seekPan(at time.Time, target float64) {
	pos, _ := d.pan.state(at)
	way := math.Mod(target-pos, unwound)
	switch {
	case way > halfround:
		way -= unwound
	case way < -halfround:
		way += unwound
	}
	d.pan.seek(at, pos+way, d.o.PresetSpeed)
}

// answer sends the position that was asked for.
func (d *Dome) answer(op byte, at time.Time) {
	if !d.o.Queries {
		return
	}
	p := d.pose(at)
	var code byte
	var value int
	switch op {
	case opQueryPan:
		code, value = opPan, int(math.Round(p.Pan*100))%36000
	case opQueryTilt:
		code, value = opTilt, (int(math.Round(-p.Tilt*100))+36000)%36000
	case opQueryZoom:
		code, value = opZoom, int(math.Round(p.Zoom*0xFFFF))
	}
	d.port.Send(reply(d.o.Address, code, value), at.Add(d.o.Delay))
}
