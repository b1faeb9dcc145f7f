package demo

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
)

// steps is the story.
func steps() []step {
	return []step{
		{"edged starts: dome stopped three times, amplifiers off before anything else", (*story).start},
		{"A broadcast in Chinese on both horns of zone market", (*story).broadcast},
		{"The dome stores a preset, is moved away, and is called back to it", (*story).preset},
		{"A stick holds the dome and turns it, then the stick's link is cut", (*story).stick},
		{"The camera reports an intrusion", (*story).event},
		{"The uplink is cut for 10 s while events arrive, then restored", (*story).outage},
		{"A forged and a replayed order", (*story).strangers},
		{"kill -9 in mid-broadcast; the service manager runs -safe and starts it again", (*story).kill},
		{"SIGTERM: everything to rest, exit 0", (*story).end},
	}
}

func (st *story) start(ctx context.Context) error {
	if err := until(ctx, "three stops on the wire", func() bool { return len(st.Domes[0].Stops()) >= 3 }); err != nil {
		return err
	}
	st.wires()
	reqs := st.Pins.Requests()
	taken := 0
	for _, r := range reqs {
		for i := range r.Offsets {
			if r.Outputs[i] && !r.Levels[i] {
				taken++
			}
		}
	}
	st.line("pin", "AMP1 and AMP2 taken as outputs together with their safe level")
	var on time.Time
	for _, h := range st.Horns {
		if at, _ := st.span(h.Relay); !at.IsZero() {
			on = at
		}
	}
	life := st.Service.Lives()[0]
	st.line("service", "ready after %d ms", life.Ready.Sub(life.Started).Milliseconds())
	return all(unless(taken == 2, "%d outputs were taken at their safe level, not 2", taken),
		unless(on.IsZero(), "an amplifier blinked"))
}

// say sends an announcement that will be heard once on each target.
func (st *story) say(ctx context.Context, text string, targets ...string) (string, error) {
	id, err := st.Platform.Send(ctx, wire.Order{Target: targets, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: text}})
	st.orders = append(st.orders, id)
	return id, err
}

// order sends any other order to one device and waits for its terminal.
func (st *story) order(ctx context.Context, o wire.Order) (wire.Result, error) {
	id, err := st.Platform.Send(ctx, o)
	if err != nil {
		return wire.Result{}, err
	}
	st.orders = append(st.orders, id)
	r, err := st.Platform.Await(ctx, id, o.Target[0])
	if err == nil {
		st.line("result", "%s on %s: %s", o.Action, r.Device, verdict(r))
	}
	return r, err
}

// verdict is a result in words.
func verdict(r wire.Result) string {
	s := string(r.Status)
	if r.Reason != "" {
		s += " (" + string(r.Reason) + ")"
	}
	if r.Evidence != "" {
		s += ", evidence " + r.Evidence
	}
	return s
}

func (st *story) broadcast(ctx context.Context) error {
	const text = "各位居民，请勿占道经营。谢谢配合！"
	id, err := st.say(ctx, text, "zone:market")
	if err != nil {
		return err
	}
	st.spoken[text] += len(st.Horns)
	var checks []string
	for _, h := range st.Horns {
		r, err := st.Platform.Await(ctx, id, h.ID)
		if err != nil {
			return err
		}
		checks = append(checks, unless(r.Status == wire.Done && r.Evidence == "acknowledged", "%s: %s", h.ID, verdict(r)))
		if err := st.Pins.WaitLevel(ctx, h.Relay, false); err != nil {
			return fmt.Errorf("amplifier of %s stays on: %w", h.ID, err)
		}
	}
	st.wires()
	for _, h := range st.Horns {
		u := last(h.Chip.Utterances())
		st.line(h.ID, "said %s (%.1f s)", u.Text, u.Ended.Sub(u.Started).Seconds())
		on, off := st.span(h.Relay)
		checks = append(checks, unless(u.Text == text && !u.Cut, "%s said %q", h.ID, u.Text),
			unless(on.Add(300*time.Millisecond).Before(u.Started) && off.After(u.Ended), "%s: the amplifier was not on before the first sound and after the last", h.ID))
	}
	return all(checks...)
}

// span is the last time that a relay was on.
func (st *story) span(relay int) (on, off time.Time) {
	for _, e := range st.Pins.Edges() {
		switch {
		case e.Offset != relay:
		case e.Level:
			on, off = e.At, time.Time{}
		default:
			off = e.At
		}
	}
	return on, off
}

// last is the newest utterance, an empty one where there is none.
func last(all []speech.Utterance) speech.Utterance {
	if len(all) == 0 {
		return speech.Utterance{}
	}
	return all[len(all)-1]
}

func (st *story) preset(ctx context.Context) error {
	d := st.Domes[0]
	home := d.Pose()
	set, err := st.order(ctx, wire.Order{Target: []string{d.ID}, Action: wire.DomePreset, Args: &wire.PresetArgs{Preset: 5, Do: "set"}})
	if err != nil {
		return err
	}
	moved, err := st.order(ctx, wire.Order{Target: []string{d.ID}, Action: wire.DomeMove, Args: &wire.MoveArgs{Pan: 0.8, Tilt: 0.3, LeaseMS: 800}})
	if err != nil {
		return err
	}
	away := d.Pose()
	back, err := st.order(ctx, wire.Order{Target: []string{d.ID}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 5}})
	if err != nil {
		return err
	}
	near := func() bool {
		p := d.Pose()
		return !p.Moving() && turned(p.Pan, home.Pan) < 0.1 && math.Abs(p.Tilt-home.Tilt) < 0.1
	}
	if err := until(ctx, "the dome back at its preset", near); err != nil {
		return err
	}
	st.wires()
	st.line(d.ID, "pan %.1f° → %.1f° → %.1f°", home.Pan, away.Pan, d.Pose().Pan)
	ok := func(r wire.Result) bool { return r.Status == wire.DoneUnverified && r.Evidence == "commanded" }
	return all(unless(ok(set) && ok(moved) && ok(back), "results: %s; %s; %s", verdict(set), verdict(moved), verdict(back)),
		unless(away.Pan != home.Pan && !away.Moving(), "after its lease the dome was at %.1f°, moving %v", away.Pan, away.Moving()))
}

func (st *story) stick(ctx context.Context) error {
	const lease = time.Second
	d := st.Domes[0]
	from := d.Pose()
	stick, err := st.Platform.TakeStick(ctx, d.ID, wire.Speeds{Pan: -0.5}, platform.Hold{Lease: lease})
	if err != nil {
		return err
	}
	st.orders = append(st.orders, stick.Order)
	begun := time.Now()
	if err := until(ctx, "the dome turning for 1.5 s on a lease of 1 s", func() bool {
		_, moving := d.MovingSince()
		return moving && time.Since(begun) > 1500*time.Millisecond
	}); err != nil {
		return err
	}
	stops := len(d.Stops())
	cut := stick.Cut()
	if err := until(ctx, "three stops after the cut", func() bool { return len(d.Stops()) >= stops+3 }); err != nil {
		return err
	}
	first := d.Stops()[stops]
	r, err := st.Platform.Await(ctx, stick.Order, d.ID)
	if err != nil {
		return err
	}
	st.wires()
	late := first.Sub(cut) - lease
	st.line(d.ID, "turned %.0f°; stopped %d ms after the lease's end", turned(from.Pan, d.Pose().Pan), late.Milliseconds())
	if r.Session == nil {
		return fmt.Errorf("result without a report of the session: %s", verdict(r))
	}
	st.line("result", "%s: %d frames, %d lost", verdict(r), r.Session.Frames, r.Session.Lost)
	return all(unless(late < 250*time.Millisecond, "stopped %d ms after the lease's end", late.Milliseconds()),
		unless(r.Reason == wire.Lapsed, "result: %s", verdict(r)),
		unless(!d.Pose().Moving(), "the dome still moves"))
}

// turned is the way between two pan angles.
func turned(a, b float64) float64 {
	d := math.Abs(a - b)
	return min(d, 360-d)
}

// shot posts one camera event and remembers it if it was taken.
func (st *story) shot(ctx context.Context, kind string) error {
	id := fmt.Sprintf("shot-%d", len(st.events)+1)
	status, err := st.Camera.Event(ctx, id, kind)
	if err != nil {
		return err
	}
	if status != 202 {
		return fmt.Errorf("camera was answered %d", status)
	}
	st.events = append(st.events, id)
	return nil
}

// arrived tells how often each camera event has come to the platform.
func (st *story) arrived() map[string]int {
	n := map[string]int{}
	st.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			for _, id := range st.events {
				if e.What.Type == wire.TypeCamera && strings.Contains(string(e.What.Data), `"`+id+`"`) {
					n[id]++
				}
			}
		}
	})
	return n
}

func (st *story) event(ctx context.Context) error {
	if err := st.shot(ctx, "intrusion"); err != nil {
		return err
	}
	answered := time.Now()
	if err := until(ctx, "the event at the platform", func() bool { return len(st.arrived()) == len(st.events) }); err != nil {
		return err
	}
	st.line(st.Camera.ID, "202 after the journal had synced; at the platform %d ms later", time.Since(answered).Milliseconds())
	return nil
}
