package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

func (t *tool) watch() *cobra.Command {
	var a *access
	var all bool
	var limit time.Duration
	c := &cobra.Command{
		Use:     "watch",
		Short:   t.p.Say("show presence, state, results, events and telemetry of a gateway"),
		Example: "  edgectl watch --gateway xiaozhakou-1\n  edgectl watch --telemetry --json | jq .",
		Args:    t.exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			topics := wire.Topics{Root: a.root}
			got := make(chan mqtt.Message, 256)
			s, err := t.connect(c.Context(), a, func(m mqtt.Message) {
				m.Payload = append([]byte(nil), m.Payload...)
				select {
				case got <- m:
				default: // a terminal that does not keep up loses lines, the broker nothing
				}
			})
			if err != nil {
				return err
			}
			defer func() { _ = s.Close(c.Context()) }()
			filters := map[string]byte{
				topics.Of(a.gateway, wire.ChanPresence): 1, topics.State(a.gateway, "+"): 1,
				topics.Of(a.gateway, wire.ChanResult): 1, topics.Of(a.gateway, wire.ChanEvent): 1,
			}
			if all {
				filters[topics.Of(a.gateway, wire.ChanTelemetry)] = 1
			}
			if err := s.Subscribe(c.Context(), filters); err != nil {
				return err
			}
			var end <-chan time.Time
			if limit > 0 {
				timer := time.NewTimer(limit)
				defer timer.Stop()
				end = timer.C
			}
			for {
				select {
				case m := <-got:
					if err := t.showMessage(topics, m); err != nil {
						return err
					}
				case <-s.Done():
					return fmt.Errorf("%s: %w", t.p.Sprintf("the broker has gone"), s.Err())
				case <-end:
					return nil
				case <-c.Context().Done():
					return nil
				}
			}
		},
	}
	a = t.access(c, false)
	c.Flags().BoolVar(&all, "telemetry", false, t.p.Say("telemetry too"))
	c.Flags().DurationVar(&limit, "for", 0, t.p.Say("end after this time (default: when interrupted)"))
	return c
}

// showMessage prints one message as a line that can be read aloud.
func (t *tool) showMessage(topics wire.Topics, m mqtt.Message) error {
	topic, err := topics.Parse(m.Topic)
	if err != nil {
		return nil //nolint:nilerr // nobody subscribed to it; it is not what is watched
	}
	if t.json {
		return t.value(struct {
			Topic    string          `json:"topic"`
			Retained bool            `json:"retained,omitempty"`
			Payload  json.RawMessage `json:"payload"`
		}{m.Topic, m.Retained, m.Payload})
	}
	now := time.Now().Format("15:04:05")
	switch topic.Channel {
	case wire.ChanPresence:
		var p wire.Presence
		if wire.Unmarshal(m.Payload, &p) == nil {
			clock := "-" // a will does not know it
			if p.Clock != "" {
				clock = t.p.Say(p.Clock)
			}
			t.say("%s %s: %s, session %d, run %s, clock %s", now, topic.Gateway, t.p.Say(p.State), p.Session, p.Run, clock)
		}
	case wire.ChanState:
		var s wire.DeviceState
		if wire.Unmarshal(m.Payload, &s) == nil {
			line := fmt.Sprintf("%s %-12s %s", now, s.Device, t.p.Say(s.State))
			if s.Moving != nil && *s.Moving {
				line += ", " + t.p.Sprintf("moving for %s, %d ms left", s.Holder, s.RemainingMS)
			}
			if len(s.Faults) > 0 {
				line += ": " + strings.Join(s.Faults, ", ")
			}
			_, err = fmt.Fprintln(t.out, line)
		}
	case wire.ChanResult, wire.ChanEvent:
		err = t.showEvent(now, m.Payload)
	case wire.ChanTelemetry:
		var p wire.Pack
		if wire.Unmarshal(m.Payload, &p) == nil {
			for _, v := range p {
				if v.Value != nil {
					fmt.Fprintf(t.out, "%s   %-32s %s\n", now, v.Name, amount(*v.Value, v.Unit))
				}
			}
		}
	}
	return err
}

// digits behind the point for a number below 1024: none for a whole one.
func digits(v float64) int {
	if v == math.Trunc(v) {
		return 0
	}
	return 1
}

// amount is a measured value as a person reads it.
func amount(v float64, unit string) string {
	switch {
	case unit == "B":
		for _, u := range []string{"B", "KiB", "MiB"} {
			if v < 1024 {
				return strconv.FormatFloat(v, 'f', digits(v), 64) + " " + u
			}
			v /= 1024
		}
		unit = "GiB"
	case unit == "/": // a ratio (RFC 8428 section 12.1)
		v, unit = v*100, "%"
	case unit == "s" && v > 0 && v < 1:
		v, unit = v*1000, "ms"
	}
	if v == math.Trunc(v) {
		return strings.TrimSpace(strconv.FormatFloat(v, 'f', -1, 64) + " " + unit)
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'g', 4, 64) + " " + unit)
}

func (t *tool) showEvent(now string, payload []byte) error {
	e, err := wire.DecodeEvent(payload)
	if err != nil {
		_, err := fmt.Fprintf(t.out, "%s ? %s\n", now, payload)
		return err
	}
	if e.Type == wire.TypeResult {
		var r wire.Result
		if wire.Unmarshal(e.Data, &r) == nil {
			fmt.Fprintf(t.out, "%s ", now)
			return t.showResult(r)
		}
	}
	_, err = fmt.Fprintf(t.out, "%s %-12s %s %s\n", now, e.Subject, strings.TrimPrefix(e.Type, "fuqiao.edged."), e.Data)
	return err
}
