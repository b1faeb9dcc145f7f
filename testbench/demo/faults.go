package demo

import (
	"context"
	"fmt"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/proxy"
)

func (st *story) outage(ctx context.Context) error {
	const long, every = 10 * time.Second, 500 * time.Millisecond
	before := len(st.events)
	if err := st.Link.Set(proxy.Cut); err != nil {
		return err
	}
	cut := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for time.Since(cut) < long-every {
		if err := st.shot(ctx, "motion"); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// A lease that ends during an outage stops the dome as ever: nothing here needs the
	// platform. What was accepted stays on disk.
	kept := len(st.events) - before
	reached := len(st.arrived()) - before
	if err := until(ctx, "the end of the outage", func() bool { return time.Since(cut) >= long }); err != nil {
		return err
	}
	if err := st.Link.Set(proxy.Pass); err != nil {
		return err
	}
	restored := time.Now()
	st.line("link", "cut for %.1f s; %d events answered 202, %d of them seen at the platform", restored.Sub(cut).Seconds(), kept, reached)
	if err := st.Online(ctx); err != nil {
		return err
	}
	back := time.Since(restored)
	if err := until(ctx, "all events at the platform", func() bool { return len(st.arrived()) == len(st.events) }); err != nil {
		return fmt.Errorf("%d of %d events arrived: %w", len(st.arrived()), len(st.events), err)
	}
	late := 0
	st.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Historical {
				late++
			}
		}
	})
	st.line("link", "online %d ms after its return, all %d there after %d ms", back.Milliseconds(), kept, time.Since(restored).Milliseconds())
	return all(unless(reached == 0, "%d events passed a cut link", reached), unless(late >= kept, "%d records were marked historical", late))
}

// passed is how many frames and edges there were.
func (st *story) passed() int {
	n := len(st.Pins.Edges()) + len(st.RS485.Frames())
	for _, h := range st.Horns {
		n += len(h.Wire.Frames())
	}
	return n
}

func (st *story) strangers(ctx context.Context) error {
	before := st.passed()
	forged := wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: "海啸警报"}}
	for _, how := range []platform.Forgery{platform.BadSignature, platform.OtherKey, platform.Altered} {
		if _, err := st.Platform.Forge(ctx, forged, how); err != nil {
			return err
		}
	}
	// The first announcement once more, byte for byte.
	if err := st.Platform.Replay(ctx, st.orders[0], false); err != nil {
		return err
	}
	repeated := func() (n int) {
		for _, r := range st.Platform.Results(st.orders[0]) {
			if r.What.Repeat {
				n++
			}
		}
		return n
	}
	if err := until(ctx, "the stored results of the replayed order", func() bool { return repeated() == len(st.Horns) }); err != nil {
		return err
	}
	// An order that is known to be handled after them shows that they were handled.
	if _, err := st.order(ctx, wire.Order{Target: []string{"horn-1"}, Action: wire.SpeakerVolume, Args: &wire.VolumeArgs{Volume: 60}}); err != nil {
		return err
	}
	refused := map[string]uint64{}
	if err := until(ctx, "one report of what was refused", func() bool { refused = st.refusals(); return len(refused) > 0 }); err != nil {
		return err
	}
	st.wires()
	st.line("wires", "nothing: 3 forgeries and 1 replay moved no byte and no edge")
	st.line("result", "the replay was answered with its stored results; refused: %v", refused)
	return all(unless(st.passed() == before, "%d frames and edges", st.passed()-before))
}

// refusals is the last gateway.refused.
func (st *story) refusals() map[string]uint64 {
	var d wire.Refused
	st.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Type == wire.TypeRefused && wire.Unmarshal(e.What.Data, &d) != nil {
				d.Counts = nil
			}
		}
	})
	return d.Counts
}

func (st *story) kill(ctx context.Context) error {
	const text = "现在播报停水通知，明天上午八点到十二点停水，请提前做好准备。"
	h := st.Horns[0]
	said := len(h.Chip.Utterances())
	id, err := st.say(ctx, text, h.ID)
	if err != nil {
		return err
	}
	st.spoken[text]++
	if err := until(ctx, "speech", func() bool {
		return len(h.Chip.Utterances()) > said && h.Chip.Speaking() && time.Since(last(h.Chip.Utterances()).Started) > time.Second
	}); err != nil {
		return err
	}
	on := st.Pins.Level(h.Relay)
	lives := len(st.Service.Lives())
	killed := time.Now()
	if err := st.Service.Kill9(); err != nil {
		return err
	}
	if err := st.Pins.WaitLevel(ctx, h.Relay, false); err != nil {
		return fmt.Errorf("amplifier stays on: %w", err)
	}
	off := time.Since(killed)
	if err := until(ctx, "silence", func() bool { return !h.Chip.Speaking() }); err != nil {
		return err
	}
	if err := st.Service.WaitReady(ctx, lives+1); err != nil {
		return err
	}
	if err := st.Online(ctx); err != nil {
		return err
	}
	r, err := st.Platform.Await(ctx, id, h.ID)
	if err != nil {
		return err
	}
	st.wires()
	times := 0
	for _, u := range h.Chip.Utterances() {
		if u.Text == text {
			times++
		}
	}
	next := st.Service.Lives()[lives]
	st.line("pin", "AMP1 off %d ms after the kill; ready again %d ms after its start", off.Milliseconds(), next.Ready.Sub(next.Started).Milliseconds())
	st.line("result", "%s; said %d times", verdict(r), times)
	return all(unless(on, "the amplifier was not on when it was killed"), unless(r.Status == wire.Unknown, "result: %s", verdict(r)),
		unless(times == 1, "said %d times", times))
}

func (st *story) end(ctx context.Context) error {
	if err := st.drained(ctx); err != nil {
		return err
	}
	asked := time.Now()
	stops := len(st.Domes[0].Stops())
	life, err := st.Service.Stop(ctx)
	if err != nil {
		return err
	}
	st.wires()
	st.line("service", "%s after %d ms", life.How, life.Ended.Sub(asked).Milliseconds())
	return all(unless(life.How == "exit 0", "%s", life.How), unless(life.Ended.Sub(asked) < 5*time.Second, "took %v", life.Ended.Sub(asked)),
		unless(len(st.Domes[0].Stops()) >= stops+3, "no stops at the end"))
}
