package command

import (
	"context"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/broadcast"
	"fuqiao/edged/edge/ptz"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/wire"
)

const (
	defaultLease = time.Second            // contract.md, Two kinds of action
	leastLease   = 600 * time.Millisecond // over MQTT (contract.md, Sessions)
	defaultMax   = 10 * time.Minute       // of a session that names none
	stopTime     = 3 * time.Second
)

// act carries an order out on its devices.
func (d *Desk) act(o *wire.Order, ids []string, unledgered bool) {
	info, _ := wire.Info(o.Action)
	acts := make([]*act, len(ids))
	for i, id := range ids {
		acts[i] = &act{d: d, o: o, device: id, once: info.Kind == wire.Once && !unledgered, unledgered: unledgered}
	}
	if o.Action.Stop() {
		d.stop(acts)
		return
	}
	for _, a := range acts {
		d.one(a)
	}
}

// one begins an order on one device.
func (d *Desk) one(a *act) {
	switch args := a.o.Args.(type) {
	case *wire.SayArgs:
		d.say(a, args)
	case *wire.VolumeArgs:
		d.c.Hall.SetVolume(a.device, args.Volume)
		a.End(wire.Outcome{Status: wire.DoneUnverified, Evidence: drivers.Commanded.String()})
	case *wire.OutputArgs:
		d.output(a, args.On)
	case *wire.MoveArgs:
		lease := defaultLease
		if args.LeaseMS > 0 {
			lease = time.Duration(args.LeaseMS) * time.Millisecond
		}
		d.c.Domes[a.device].Move(d.ptz(a), drivers.Velocity{Pan: args.Pan, Tilt: args.Tilt, Zoom: args.Zoom}, lease)
	case *wire.GotoArgs:
		d.c.Domes[a.device].Goto(d.ptz(a), args.Preset)
	case *wire.PresetArgs:
		d.c.Domes[a.device].Preset(d.ptz(a), args.Preset, args.Do)
	case *wire.SessionArgs:
		d.acquire(a, args.Session)
	case *wire.CancelArgs:
		d.cancel(a, args)
	case *wire.ReleaseArgs:
		d.halt(d.c.Domes[a.device].Release(d.ptz(a), args.Session))
	default:
		a.End(wire.Refuse(wire.Unsupported, "no act for "+string(a.o.Action)))
	}
}

// ptz is the order as the arbiter sees it.
func (d *Desk) ptz(a *act) ptz.Act {
	return ptz.Act{ID: a.o.Act(), Kid: a.o.Kid, Seq: a.o.Seq, Rank: max(a.o.Priority.Rank(), 0), Issued: a.o.Issued, Role: a.o.Person, Step: a.Step, End: a.End}
}

func (d *Desk) acquire(a *act, s wire.SessionSpec) {
	pub, err := s.Key()
	if err != nil {
		a.End(wire.Refuse(wire.BadArgs, err.Error()))
		return
	}
	lease, longest := defaultLease, defaultMax
	if s.LeaseMS > 0 {
		lease = time.Duration(s.LeaseMS) * time.Millisecond
	}
	if s.MaxMS > 0 {
		longest = time.Duration(s.MaxMS) * time.Millisecond
	}
	if lease < leastLease {
		a.End(wire.Refuse(wire.BadArgs, "session.lease_ms: at least 600 over MQTT"))
		return
	}
	d.c.Domes[a.device].Acquire(d.ptz(a), s.ID, pub, lease, longest)
}

// say puts an announcement into the hall.
func (d *Desk) say(a *act, args *wire.SayArgs) {
	switch n := len([]rune(args.Text)); {
	case n > d.limits.Load().TextRunes:
		a.End(wire.Refuse(wire.Limit, "the text is longer than limits.max_text_runes allows"))
		return
	case args.Repeat > d.limits.Load().Repeat:
		a.End(wire.Refuse(wire.Limit, "repeat is above limits.max_repeat"))
		return
	}
	a.Step(wire.Accepted)
	o := a.o
	d.c.Hall.Say(broadcast.Request{
		Act: o.Act(), Speaker: a.device, Rank: max(o.Priority.Rank(), 0),
		Text: args.Text, Chime: args.Chime, Volume: args.Voice.Volume, Repeat: max(args.Repeat, 1),
		Expired: func() bool { return d.expired(o) },
		Queued: func() {
			if a.once {
				d.c.Ledger.Queued(o, a.device)
			}
		},
		Begin: func(ctx context.Context) error {
			if !a.once {
				return nil
			}
			return d.c.Ledger.Begin(ctx, o, a.device)
		},
		Step: a.Step, End: a.End,
	})
}

// expired tells whether the order must not begin any more. With the clock unknown
// the order had been judged when it was known, or it would not be here.
func (d *Desk) expired(o *wire.Order) bool {
	now := d.c.Clock.Now()
	return now.Known() && now.Time.Add(now.Error).After(o.NotAfter)
}

func (d *Desk) output(a *act, on bool) {
	out := d.c.Outputs[a.device]
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := out.Set(ctx, on); err != nil {
		a.End(wire.Failure(err, drivers.None.String()))
		return
	}
	a.End(wire.Outcome{Status: wire.DoneUnverified, Evidence: drivers.Commanded.String()})
}

// stop silences and halts all devices of the order at the same time, past every
// queue: who had them is cut here and now, the wires are waited for by the crew, so
// that a port that hangs holds up no other stop.
func (d *Desk) stop(acts []*act) {
	for _, a := range acts {
		e, _ := d.c.Directory.Entry(a.device)
		switch e.Kind {
		case "dome":
			act := d.ptz(a)
			act.Rank = a.o.Reach.Rank()
			d.halt(d.c.Domes[a.device].Seize(act))
		case "speaker":
			d.silence(a)
		case "output":
			d.halt(func(ctx context.Context) {
				if err := d.c.Outputs[a.device].Halt(ctx); err != nil {
					a.End(wire.Failure(err, drivers.None.String()))
					return
				}
				a.End(wire.Outcome{Status: wire.DoneUnverified, Evidence: drivers.Commanded.String()})
			})
		}
	}
}

// halt gives one halt to the crew; a nil one is none.
func (d *Desk) halt(do func(context.Context)) {
	if do == nil {
		return
	}
	d.crew.Do("halt", func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		do(ctx)
	})
}

// silence cuts a speaker's announcements that the key may reach, and sends the stop
// even where nothing was being said: what the box does not know of may still sound.
func (d *Desk) silence(a *act) {
	reach := a.o.Reach.Rank()
	above := false
	d.c.Station.Cut(a.device, wire.ByStop(), func(j station.Job) bool {
		above = above || j.Rank > reach
		return j.Rank <= reach
	})
	if above {
		a.End(wire.Refuse(wire.Held, "an announcement above this key's highest priority goes on"))
		return
	}
	d.halt(func(ctx context.Context) {
		if err := d.c.Station.Halt(ctx, a.device); err != nil {
			a.End(wire.Failure(err, drivers.None.String()))
			return
		}
		a.End(d.halted(a.device))
	})
}

// halted is what a halt without error is worth on this device.
func (d *Desk) halted(id string) wire.Outcome {
	evidence := drivers.Commanded
	if dev, err := d.c.Station.Device(id); err == nil {
		if e, ok := dev.(drivers.Evident); ok {
			evidence = e.Evidence()
		}
	}
	out := wire.Outcome{Status: wire.DoneUnverified, Evidence: evidence.String()}
	if evidence >= drivers.Acknowledged {
		out.Status = wire.Done
	}
	return out
}

// dry answers what would happen, and does nothing.
func (d *Desk) dry(o *wire.Order, ids []string) {
	for _, id := range ids {
		out := wire.Outcome{Status: wire.DoneUnverified, Detail: "dry run: nothing was done"}
		if d.c.Station.Busy(id) {
			out.Detail = "dry run: it would have to wait"
		}
		(&act{d: d, o: o, device: id}).End(out)
	}
}
