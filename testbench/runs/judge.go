package runs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/speech"
)

// finish waits for the last terminals and until the platform has every record.
func (n *nemesis) finish(ctx context.Context) {
	for _, g := range n.sent {
		if g.once && !g.ended {
			n.await(ctx, g)
		}
	}
	for len(n.missing()) > 0 {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			n.fault(fmt.Errorf("not arrived: %s (the broker has dropped %d)", strings.Join(n.missing(), ", "), n.Broker.Counts().Dropped))
			break
		}
	}
	if _, err := n.Service.Stop(ctx); err != nil {
		n.fault(err)
	}
}

// missing names the numbered records that the platform has not got and nobody has
// accounted for, and tells of each whether it has been at the broker.
func (n *nemesis) missing() (out []string) {
	for _, r := range n.Platform.Account() {
		for _, seq := range r.Lost {
			id := wire.EventID(r.Run, r.Class, seq)
			at := "never sent"
			for _, m := range n.Broker.Messages() {
				if bytes.Contains(m.Payload, []byte(`"`+id+`"`)) {
					at = "at the broker " + m.At.Format("15:04:05.000000")
				}
			}
			out = append(out, fmt.Sprintf("%s of %d (%s)", id, r.Produced, at))
		}
	}
	return out
}

// tally are the figures of a run.
type tally struct {
	orders, copies, done, unknown, cut, none int
	events, pictures, twice                  int
	slowest                                  time.Duration
}

// judge balances the books. The error names each promise that did not hold.
func (n *nemesis) judge(kills int) (string, error) {
	var t tally
	var bad []error
	perDevice := map[string]int{}
	for _, g := range n.sent {
		t.orders++
		t.copies += g.copies
		switch {
		case g.out.Status == wire.Done, g.out.Status == wire.DoneUnverified:
			t.done++
		case g.out.Status == wire.Unknown:
			t.unknown++
			perDevice[g.device]++
		case !g.ended && !g.once:
			t.cut++
		default:
			t.none++
		}
		if g.once {
			bad = append(bad, n.terminals(g))
		}
	}
	for device, u := range perDevice {
		if u > kills {
			bad = append(bad, fmt.Errorf("%s: %d orders unknown after %d kills", device, u, kills))
		}
	}
	if t.done*10 < t.orders*9 {
		bad = append(bad, fmt.Errorf("%d of %d orders were done, less than 90 %%", t.done, t.orders))
	}
	if t.orders < kills*perKill {
		bad = append(bad, fmt.Errorf("%d orders are less than %d per kill", t.orders, perKill))
	}
	bad = append(bad, n.heard(), n.stored(), n.events(&t))
	for _, v := range n.Violations() {
		bad = append(bad, fmt.Errorf("the law of the bus: %s", v))
	}
	n.Platform.Look(func(b *platform.Books) {
		for _, m := range b.Bad {
			bad = append(bad, fmt.Errorf("against the contract: %s", m))
		}
	})
	if len(n.starts) > 0 {
		t.slowest = slices.Max(n.starts)
	}
	return fmt.Sprintf("%d kills; %d orders (%d copies sent): %d done, %d unknown, %d moves cut, %d other; %d events and %d pictures acknowledged, %d sent twice; slowest start %d ms",
		kills, t.orders, t.copies, t.done, t.unknown, t.cut, t.none, t.events, t.pictures, t.twice, t.slowest.Milliseconds()), errors.Join(bad...)
}

// terminals: a once order has one terminal; one that came again after a crash is equal.
func (n *nemesis) terminals(g *given) error {
	var first *wire.Result
	for _, r := range n.Platform.Results(g.id) {
		if !r.What.Status.Terminal() || r.What.Repeat || r.Again {
			continue
		}
		if first == nil {
			first = &r.What.Result
		} else if first.Status != r.What.Status || first.Run != r.What.Run || first.MonoMS != r.What.MonoMS {
			return fmt.Errorf("order %s on %s ended twice: %s and %s", g.id, g.device, first.Status, r.What.Status)
		}
	}
	if first == nil {
		return fmt.Errorf("order %s on %s has no terminal", g.id, g.device)
	}
	return nil
}

// heard: each text was said once if it is done, and never twice.
func (n *nemesis) heard() error {
	said := map[string][]speech.Utterance{}
	for _, h := range n.Horns {
		for _, u := range h.Chip.Utterances() {
			said[h.ID+u.Text] = append(said[h.ID+u.Text], u)
		}
	}
	var bad []error
	for _, g := range n.sent {
		if g.text == "" {
			continue
		}
		us := said[g.device+g.text]
		delete(said, g.device+g.text)
		whole := len(us) == 1 && !us[0].Cut
		switch {
		case len(us) > 1:
			bad = append(bad, fmt.Errorf("%s said %q %d times", g.device, g.text, len(us)))
		case g.out.Status == wire.Done && !whole:
			bad = append(bad, fmt.Errorf("%s: %q is done and was not heard to its end: %+v", g.device, g.text, us))
		}
	}
	for text, us := range said {
		// A cut announcement may be heard in part; nothing else may be heard at all.
		if !slices.ContainsFunc(n.sent, func(g *given) bool { return strings.HasPrefix(g.device+g.text, text) }) {
			bad = append(bad, fmt.Errorf("nobody asked for %q (%d times)", text, len(us)))
		}
	}
	return errors.Join(bad...)
}

// stored: each preset was stored as often as the orders that did it.
func (n *nemesis) stored() error {
	var bad []error
	for _, d := range n.Domes {
		least, most := map[int]int{}, map[int]int{}
		for _, g := range n.sent {
			if g.device != d.ID || g.preset == 0 {
				continue
			}
			switch g.out.Status {
			case wire.DoneUnverified, wire.Done:
				least[g.preset]++
				most[g.preset]++
			case wire.Unknown:
				most[g.preset]++
			}
		}
		for _, c := range d.Changes() {
			if c.What == "preset set" {
				least[c.Number]--
				most[c.Number]--
			}
		}
		for number := range most {
			if least[number] > 0 || most[number] < 0 {
				bad = append(bad, fmt.Errorf("%s: preset %d was stored %d times too few or %d too often", d.ID, number, max(least[number], 0), max(-most[number], 0)))
			}
		}
	}
	return errors.Join(bad...)
}

// arrived lists the ids of the camera events that have come, each as often as it is a
// record of its own.
func (n *nemesis) arrived() (ids []string) {
	n.Platform.Look(func(b *platform.Books) {
		for _, e := range b.Events {
			if e.What.Type != wire.TypeCamera {
				continue
			}
			var c struct {
				ID string `json:"camera_event_id"`
			}
			if wire.Unmarshal(e.What.Data, &c) == nil && !e.Again {
				_, id, _ := strings.Cut(c.ID, " ") // behind its source
				ids = append(ids, id)
			}
		}
	})
	return ids
}

// events: what was answered 202 has arrived.
func (n *nemesis) events(t *tally) error {
	came := map[string]int{}
	for _, id := range n.arrived() {
		came[id]++
	}
	t.events = len(n.shots)
	var missing []string
	for id := range n.shots {
		switch {
		case came[id] == 0:
			missing = append(missing, id)
		case came[id] > 1:
			t.twice++
		}
	}
	n.Platform.Look(func(b *platform.Books) {
		for _, sha := range n.pictures {
			if f := b.Files[sha]; f == nil || f.Whole() == nil {
				missing = append(missing, "picture "+sha)
			}
		}
	})
	t.pictures = len(n.pictures)
	switch {
	case len(missing) > 0:
		return fmt.Errorf("%d events were answered 202 and are lost: %q", len(missing), missing)
	case t.events == 0:
		return errors.New("no camera event was taken")
	}
	return nil
}
