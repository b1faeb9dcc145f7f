package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/bare"
	"fuqiao/edged/testbench/dome"
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/serial"
	"fuqiao/edged/testbench/street"
)

const (
	latencyMessages = 300
	relayTopic      = "fuqiao/bare"
	relayBytes      = 7 // a Pelco-D frame
	topicRoot       = "fuqiao"
)

// wireLatency measures three lanes through one broker over TLS, one after another for
// each message: the bare relay, a once order (one durable write before its first byte)
// and a state order (none).
func wireLatency(ctx context.Context, e play.Env) (rows []play.Row, err error) {
	n := e.N
	if n == 0 {
		n = latencyMessages
	}
	s, err := street.New(ctx, street.Options{Edged: e.Edged, Dir: e.Dir, Horns: -1, Direct: true, Seed: e.Seed, Tee: e.Tee})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	relay, end, err := relayLane(ctx, e.Dir, s)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	once := orderLane(s, "once", func(i int) wire.Order {
		return wire.Order{Action: wire.DomePreset, Args: &wire.PresetArgs{Preset: 1 + i%32, Do: "set"}}
	})
	state := orderLane(s, "state", func(i int) wire.Order {
		return wire.Order{Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 1 + i%32}}
	})
	syncs, err := interleave(ctx, e.Dir, n, []*lane{relay, once, state})
	if err != nil {
		return nil, err
	}
	r, f := relay.took, syncs
	return []play.Row{
		informs("wire-latency-relay-p50", ms(r.p50()), "ms"),
		informs("wire-latency-relay-p99", ms(r.p99()), "ms"),
		informs("wire-latency-fdatasync-p50", ms(f.p50()), "ms"),
		informs("wire-latency-fdatasync-p99", ms(f.p99()), "ms"),
		below("wire-latency-once-p50", once.took.p50(), r.p50()+f.p50()+time.Millisecond, "≤ relay + fdatasync + 1 ms"),
		below("wire-latency-once-p99", once.took.p99(), r.p99()+f.p99()*3/2+2*time.Millisecond, "≤ relay + 1.5 fdatasync + 2 ms"),
		below("wire-latency-state-p50", state.took.p50(), r.p50()+time.Millisecond/2, "≤ relay + 0.5 ms"),
		informs("wire-latency-state-p99", ms(state.took.p99()), "ms"),
	}, nil
}

// informs is a row without a bar.
func informs(name string, value float64, unit string) play.Row {
	return play.Row{Name: name, Value: value, Unit: unit, Holds: true}
}

// below is a row whose limit is the bar itself, measured in the same run.
func below(name string, value, limit time.Duration, bar string) play.Row {
	return play.Beside(name, ms(value), ms(limit), "ms", bar, value <= limit)
}

// orderLane is the daemon's way. make needs no target.
func orderLane(s *street.Street, name string, make func(i int) wire.Order) *lane {
	device, topic := s.Domes[0].ID, wire.Topics{Root: topicRoot}.Of(street.Gateway, wire.ChanCommand)
	var id string
	return &lane{
		name: name, wire: s.RS485,
		prepare: func(i int) ([]byte, error) {
			o := make(i)
			o.Target = []string{device}
			o, payload, err := s.Platform.Sign(o)
			id = o.ID
			return payload, err
		},
		publish: func(payload []byte) error { return s.Broker.Publish(topic, payload, false, 1) },
		settle: func(ctx context.Context) error {
			r, err := s.Platform.Await(ctx, id, device)
			if err == nil && r.Status != wire.DoneUnverified {
				err = fmt.Errorf("%s %s %s", r.Status, r.Reason, r.Detail)
			}
			return err
		},
	}
}

// relayLane is the bare way: a process of its own, a wire of its own, and messages as long
// as a signed order.
func relayLane(ctx context.Context, dir string, s *street.Street) (l *lane, end func() error, err error) {
	w, err := serial.New(serial.Options{Link: filepath.Join(dir, "bare-tty"), Baud: 2400, Length: dome.Length})
	if err != nil {
		return nil, nil, err
	}
	w.Attach(dome.New(dome.Options{Address: 1}))
	own, err := s.CA.Client("ctl-relay")
	if err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	r, err := bare.StartRelay(ctx, bare.RelayConfig{
		Broker: s.Broker.URL(), CA: s.CA.File(), Cert: own.Cert, Key: own.Key, ClientID: "ctl-relay",
		Topic: relayTopic, QoS: 1, Port: w.Link(), Bytes: relayBytes,
	})
	if err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	return &lane{
		name: "relay", wire: w,
		prepare: func(i int) ([]byte, error) {
			_, payload, err := s.Platform.Sign(wire.Order{Target: []string{s.Domes[0].ID}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 1 + i%32}})
			if err != nil {
				return nil, err
			}
			n := byte(1 + i%32)
			frame := []byte{0xFF, 1, 0, 7, 0, n, 1 + 7 + n} // TF-0002: go to preset
			return append(frame, payload[relayBytes:]...), nil
		},
		publish: func(payload []byte) error { return s.Broker.Publish(relayTopic, payload, false, 1) },
		settle:  func(ctx context.Context) error { return pause(ctx, w.LineTime(relayBytes)) },
	}, func() error { return errors.Join(r.Close(), w.Close(), os.Remove(filepath.Join(dir, "bare"))) }, nil
}
