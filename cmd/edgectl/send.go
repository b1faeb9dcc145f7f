package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// sending is what send and stop have in common.
type sending struct {
	*access
	to       []string
	priority string
	class    string
	valid    time.Duration
	wait     time.Duration
	dry      bool
}

func (t *tool) send() *cobra.Command {
	s := &sending{}
	c := &cobra.Command{
		Use:   "send ACTION [NAME=VALUE…]",
		Short: t.p.Say("sign an order, send it, and print its results as they come"),
		Example: "  edgectl send speaker.say --to horn-1 text=请勿占道经营 repeat=2 voice.volume=80\n" +
			"  edgectl send dome.goto --to gate-3 preset=1\n" +
			"  edgectl send dome.move --to gate-3 pan=0.5 lease_ms=2000\n" +
			"  edgectl send speaker.say --to zone:north --priority urgent text=…",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(t.p.Sprintf("name an action; one of %s", strings.Join(offered(), " ")))
			}
			if _, ok := wire.Info(wire.Action(args[0])); !ok {
				return usage(t.p.Sprintf("%q is no action; one of %s", args[0], strings.Join(offered(), " ")))
			}
			a, err := t.arguments(wire.Action(args[0]), args[1:])
			if err != nil {
				return err
			}
			return t.deliver(c.Context(), s, wire.Action(args[0]), a)
		},
	}
	t.sending(c, s)
	c.Flags().BoolVar(&s.dry, "dry-run", false, t.p.Say("ask what would happen; nothing moves, nothing sounds"))
	return c
}

func (t *tool) stop() *cobra.Command {
	s := &sending{}
	c := &cobra.Command{
		Use:     "stop",
		Short:   t.p.Say("stop domes and silence speakers at once"),
		Example: "  edgectl stop --to gate-3\n  edgectl stop --to '*'",
		Args:    t.exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return t.deliver(c.Context(), s, wire.AllStop, nil)
		},
	}
	t.sending(c, s)
	return c
}

func (t *tool) sending(c *cobra.Command, s *sending) {
	s.access = t.access(c, true)
	f := c.Flags()
	f.StringSliceVar(&s.to, "to", nil, t.p.Say("targets: a device, group:…, zone:…, grid:…, code:…, *"))
	f.StringVar(&s.priority, "priority", "normal", t.p.Say("emergency, urgent, normal or background"))
	f.StringVar(&s.class, "class", "actual", t.p.Say("actual, exercise or test"))
	f.DurationVar(&s.valid, "valid", 30*time.Second, t.p.Say("how long the order may still be begun"))
	f.DurationVar(&s.wait, "wait", time.Minute, t.p.Say("how long to wait for results"))
}

func offered() []string {
	var out []string
	for _, a := range wire.Actions() {
		if a.Offered {
			out = append(out, string(a.Action))
		}
	}
	return out
}

// arguments makes the action's arguments from name=value pairs: a value that is JSON
// is taken as it is, all else is text; a dot goes into an object. They are judged here
// as the gateway will judge them.
func (t *tool) arguments(action wire.Action, pairs []string) (any, error) {
	tree := map[string]any{}
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return nil, usage(t.p.Sprintf("%q: write name=value", p))
		}
		node := tree
		path := strings.Split(name, ".")
		for _, step := range path[:len(path)-1] {
			next, ok := node[step].(map[string]any)
			if !ok {
				next = map[string]any{}
				node[step] = next
			}
			node = next
		}
		var v any
		if name == "text" || json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		node[path[len(path)-1]] = v
	}
	info, _ := wire.Info(action)
	if info.Args == nil {
		return tree, nil
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	args := info.Args()
	if err := wire.Strict(raw, wire.MaxCommand, args); err != nil {
		return nil, usage(err.Error())
	}
	if err := args.Validate(); err != nil {
		return nil, usage(err.Error())
	}
	return args, nil
}

// deliver signs, sends, and follows the results.
func (t *tool) deliver(ctx context.Context, s *sending, action wire.Action, args any) error {
	signer, err := t.signer(s.access)
	if err != nil {
		return err
	}
	if info, _ := wire.Info(action); info.Devices && len(s.to) == 0 {
		return usage(t.p.Sprintf("no target; give --to DEVICE"))
	}
	o := wire.Order{
		ID: ulid.Make().String(), Gateway: s.gateway, Target: s.to, Action: action, Args: args,
		Priority: wire.Priority(s.priority), Class: wire.Class(s.class), DryRun: s.dry,
	}
	signer.Stamp(&o, time.Now(), s.valid)
	payload, err := signer.SignOrder(o)
	if err != nil {
		return err
	}
	results := make(chan wire.Result, 64)
	topics := wire.Topics{Root: s.root}
	session, err := t.connect(ctx, s.access, func(m mqtt.Message) { pick(m, o.ID, results) })
	if err != nil {
		return err
	}
	defer func() { _ = session.Close(context.WithoutCancel(ctx)) }()
	if err := session.Subscribe(ctx, map[string]byte{topics.Of(s.gateway, wire.ChanResult): 1}); err != nil {
		return err
	}
	if err := publish(ctx, session, topics, s.gateway, action, payload); err != nil {
		return err
	}
	if !t.json {
		t.say("%s sent as %s, signed by %s", action, o.ID, signer.Kid())
	}
	return t.follow(ctx, session, results, s.wait)
}

// publish sends an order; a stop goes to its own topic at QoS 0 and QoS 1, and its id
// makes it one.
func publish(ctx context.Context, s *mqtt.Session, topics wire.Topics, gateway string, action wire.Action, payload []byte) error {
	if !action.Stop() {
		return s.Published(ctx, mqtt.Message{Topic: topics.Of(gateway, wire.ChanCommand), Payload: payload, QoS: 1})
	}
	for qos := range byte(2) {
		if err := s.Published(ctx, mqtt.Message{Topic: topics.Of(gateway, wire.ChanStop), Payload: payload, QoS: qos}); err != nil {
			return err
		}
	}
	return nil
}

// pick passes the results of one order on; a reader that is slow loses steps, never
// the terminals, for there are fewer of those than places.
func pick(m mqtt.Message, id string, to chan<- wire.Result) {
	e, err := wire.DecodeEvent(m.Payload)
	if err != nil || e.Type != wire.TypeResult {
		return
	}
	var r wire.Result
	if wire.Unmarshal(e.Data, &r) != nil || r.Order != id {
		return
	}
	select {
	case to <- r:
	default:
	}
}

// follow prints results until every device that was heard of has its terminal and
// nothing new has come for a second.
func (t *tool) follow(ctx context.Context, s *mqtt.Session, results <-chan wire.Result, wait time.Duration) error {
	limit := time.NewTimer(wait)
	defer limit.Stop()
	var quiet <-chan time.Time // nothing is over yet
	open, ended, bad := map[string]bool{}, map[string]bool{}, 0
	for {
		select {
		case r := <-results:
			if ended[r.Device] {
				continue
			}
			if err := t.showResult(r); err != nil {
				return err
			}
			open[r.Device] = !r.Status.Terminal()
			if r.Status.Terminal() {
				ended[r.Device] = true
				if r.Status != wire.Done && r.Status != wire.DoneUnverified {
					bad++
				}
			}
			quiet = nil
			if waiting(open) == 0 {
				quiet = time.After(time.Second)
			}
		case <-quiet:
			if bad > 0 {
				return exit{3, ""}
			}
			return nil
		case <-limit.C:
			return t.late(len(ended), waiting(open), bad, wait)
		case <-s.Done():
			return fmt.Errorf("%s: %w", t.p.Sprintf("the broker has gone"), s.Err())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// late is the end of the wait: nothing was heard, something is still open, or all is
// over and only the second of quiet is missing.
func (t *tool) late(ended, open, bad int, wait time.Duration) error {
	switch {
	case open > 0:
		return exit{4, t.p.Sprintf("%d devices without a result after %v", open, wait)}
	case ended == 0:
		return exit{4, t.p.Sprintf("no result within %v", wait)}
	case bad > 0:
		return exit{3, ""}
	}
	return nil
}

func waiting(open map[string]bool) (n int) {
	for _, o := range open {
		if o {
			n++
		}
	}
	return n
}

func (t *tool) showResult(r wire.Result) error {
	if t.json {
		return t.value(r)
	}
	line := fmt.Sprintf("%-12s %s", r.Device, t.p.Status(string(r.Status)))
	if r.Reason != "" {
		line += ": " + t.p.Reason(string(r.Reason))
	}
	if r.Evidence != "" {
		line += " (" + t.p.Evidence(r.Evidence) + ")"
	}
	if r.Planned > 1 {
		line += t.p.Sprintf(", said %d of %d", r.Said, r.Planned)
	}
	if r.Lost != "" {
		line += t.p.Sprintf(", cannot say: %s", r.Lost)
	}
	if r.Detail != "" {
		line += "\n             " + r.Detail
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
