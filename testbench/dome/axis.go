package dome

import (
	"math"
	"time"
)

// axis is one motor: where it is follows from what it was told, for any time, without
// anything ticking. Units are degrees (or the zoom's range), degrees/s, degrees/s².
type axis struct {
	min, max float64 // end stops; equal: none
	accel    float64

	at   time.Time
	pos  float64
	vel  float64
	plan []leg
}

// leg is a time of constant acceleration; dur < 0 lasts for ever.
type leg struct {
	dur   time.Duration
	accel float64
}

func (a *axis) limited() bool { return a.min != a.max }

// state is position and speed at t.
func (a *axis) state(t time.Time) (pos, vel float64) {
	pos, vel = a.pos, a.vel
	left := t.Sub(a.at)
	for _, l := range a.plan {
		if left <= 0 {
			break
		}
		d := l.dur
		if d < 0 || d > left {
			d = left
		}
		s := d.Seconds()
		pos += vel*s + l.accel*s*s/2
		vel += l.accel * s
		left -= d
	}
	if a.limited() { // rounding only: the plans end at the stops
		pos = math.Min(math.Max(pos, a.min), a.max)
	}
	if math.Abs(vel) < 1e-5 { // durations are whole nanoseconds
		vel = 0
	}
	return pos, vel
}

// rest is when the axis stands still; ok is false while it turns for ever.
func (a *axis) rest() (t time.Time, ok bool) {
	t = a.at
	for _, l := range a.plan {
		if l.dur < 0 {
			return time.Time{}, false
		}
		t = t.Add(l.dur)
	}
	return t, true
}

// begin makes t the start of a new plan.
func (a *axis) begin(t time.Time) {
	a.pos, a.vel = a.state(t)
	a.at, a.plan = t, a.plan[:0:0]
}

// drive turns at speed from t on, for ever or up to the end stop.
func (a *axis) drive(t time.Time, speed float64) {
	a.begin(t)
	pos, vel := a.pos, a.vel
	if vel*speed < 0 { // brake first: the end stop may be met on the way
		pos, vel = a.ramp(pos, vel, 0)
	}
	pos, vel = a.ramp(pos, vel, speed)
	if vel == 0 || speed == 0 {
		return
	}
	if !a.limited() {
		a.plan = append(a.plan, leg{dur: -1})
		return
	}
	a.plan = append(a.plan, leg{dur: seconds((a.stop(vel) - pos) / vel)}, hit(vel))
}

// stop is the end stop in the direction of v.
func (a *axis) stop(v float64) float64 {
	if v > 0 {
		return a.max
	}
	return a.min
}

// hit takes all speed away in no time, as a mechanical stop does.
func hit(vel float64) leg {
	return leg{dur: time.Millisecond, accel: -vel / time.Millisecond.Seconds()}
}

// ramp appends the change of speed from vel to want, cut short by the end stop, and
// returns where and how fast it ends.
func (a *axis) ramp(pos, vel, want float64) (float64, float64) {
	if vel == want {
		return pos, vel
	}
	acc := math.Copysign(a.accel, want-vel)
	s := (want - vel) / acc
	end := pos + vel*s + acc*s*s/2
	way := vel
	if way == 0 {
		way = want
	}
	if a.limited() && (end-a.stop(way))*way > 0 {
		s, _ = meet(a.stop(way)-pos, vel, acc)
		v := vel + acc*s
		a.plan = append(a.plan, leg{seconds(s), acc}, hit(v))
		return a.stop(way), 0
	}
	a.plan = append(a.plan, leg{seconds(s), acc})
	return end, want
}

// meet is when a way has been gone that begins at vel and changes by acc.
func meet(way, vel, acc float64) (s, end float64) {
	root := math.Sqrt(math.Max(vel*vel+2*acc*way, 0))
	s = (-vel + math.Copysign(root, way)) / acc
	if s < 0 || math.IsNaN(s) {
		s = 0
	}
	return s, way
}

// seek goes to target from t on, at most at speed, and stops there.
func (a *axis) seek(t time.Time, target, speed float64) {
	a.begin(t)
	pos, _ := a.ramp(a.pos, a.vel, 0)
	way := target - pos
	if math.Abs(way) < 1e-9 {
		return
	}
	top := math.Min(speed, math.Sqrt(math.Abs(way)*a.accel))
	up := seconds(top / a.accel)
	acc := math.Copysign(a.accel, way)
	even := seconds((math.Abs(way) - top*top/a.accel) / top)
	a.plan = append(a.plan, leg{up, acc}, leg{dur: even}, leg{up, -acc})
}

func seconds(s float64) time.Duration {
	return time.Duration(math.Max(s, 0) * float64(time.Second))
}
