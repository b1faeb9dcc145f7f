package platform

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// Seen is one message with the time at which it arrived.
type Seen[T any] struct {
	At       time.Time
	Retained bool
	// Again tells that a message with the same identity had been seen before.
	Again bool
	What  T
}

// Result is a result with the identity of its event.
type Result struct {
	wire.Result
	Event string
}

// Books are all that the gateway has said, in order of arrival.
type Books struct {
	Presences []Seen[wire.Presence]
	Inventory []wire.DeviceInfo // the latest, complete or not
	Index     wire.InventoryIndex
	// States are the latest of each device, StateLog all of them.
	States   map[string]wire.DeviceState
	StateLog []Seen[wire.DeviceState]
	// Results are on the topic result, Events on event; both count in Streams.
	Results   []Seen[Result]
	Events    []Seen[wire.CloudEvent]
	Telemetry []Seen[wire.Pack]
	// Streams are the numbered records by run and class.
	Streams map[StreamID]*Stream
	// Files are the pictures and clips by their SHA-256.
	Files map[string]*File
	// InMemory are the runs that have said that their disk takes nothing: what they kept in
	// memory has numbers above those that a later run knows of.
	InMemory map[wire.Run]bool
	// Bad are messages that are not as the contract says.
	Bad []string
	// Sent are the orders of this platform.
	Sent []Sent

	parts   map[int]wire.InventoryPart
	byOrder map[string][]int // places in Results
}

func newBooks() Books {
	return Books{States: map[string]wire.DeviceState{}, Streams: map[StreamID]*Stream{}, Files: map[string]*File{}, InMemory: map[wire.Run]bool{}, parts: map[int]wire.InventoryPart{}, byOrder: map[string][]int{}}
}

// receive takes one message. It never waits.
func (p *Platform) receive(m mqtt.Message) {
	at := time.Now()
	topic, err := p.topics.Parse(m.Topic)
	payload := slices.Clone(m.Payload)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.mu.Changed()
	if err == nil && len(payload) > 0 { // an empty retained message clears
		err = p.enter(topic, payload, m.Retained, at)
	}
	if err != nil {
		p.books.Bad = append(p.books.Bad, fmt.Sprintf("%s: %v", m.Topic, err))
	}
	if !p.mute.Load() {
		m.Ack()
	}
}

// enter writes one message into the books; p.mu is held.
func (p *Platform) enter(topic wire.Topic, payload []byte, retained bool, at time.Time) error {
	b := &p.books
	switch topic.Channel {
	case wire.ChanPresence:
		var v wire.Presence
		if err := wire.Unmarshal(payload, &v); err != nil {
			return err
		}
		b.Presences = append(b.Presences, Seen[wire.Presence]{At: at, Retained: retained, What: v})
		if v.State == wire.Online && v.Nonce != "" && !p.dumb.Load() {
			select {
			case p.asked <- v:
			default:
			}
		}
	case wire.ChanInventory:
		return b.inventory(topic.Leaf, payload)
	case wire.ChanState:
		var v wire.DeviceState
		if err := wire.Unmarshal(payload, &v); err != nil {
			return err
		}
		if len(payload) > wire.MaxState || v.Device != topic.Leaf {
			return fmt.Errorf("state of %q in %d bytes", v.Device, len(payload))
		}
		b.States[v.Device] = v
		b.StateLog = append(b.StateLog, Seen[wire.DeviceState]{At: at, Retained: retained, What: v})
	case wire.ChanResult, wire.ChanEvent:
		return b.event(topic.Channel, payload, at)
	case wire.ChanTelemetry:
		var v wire.Pack
		if err := wire.Unmarshal(payload, &v); err != nil {
			return err
		}
		b.Telemetry = append(b.Telemetry, Seen[wire.Pack]{At: at, What: v})
		return v.Validate()
	case wire.ChanMedia:
		return b.file(topic.Leaf, topic.Part, payload, at)
	default:
		return fmt.Errorf("not subscribed to")
	}
	return nil
}

// inventory takes the index or a part.
func (b *Books) inventory(leaf string, payload []byte) error {
	if leaf == "" {
		return wire.Unmarshal(payload, &b.Index)
	}
	var part wire.InventoryPart
	if err := wire.Unmarshal(payload, &part); err != nil {
		return err
	}
	if len(payload) > wire.MaxInventoryPart || strconv.Itoa(part.Part) != leaf {
		return fmt.Errorf("part %d in %d bytes", part.Part, len(payload))
	}
	b.parts[part.Part] = part
	b.Inventory = nil
	for _, n := range slices.Sorted(maps.Keys(b.parts)) {
		b.Inventory = append(b.Inventory, b.parts[n].Devices...)
	}
	return nil
}

// event takes a result or an event. One that breaks the contract is entered too.
func (b *Books) event(c wire.Channel, payload []byte, at time.Time) error {
	e, err := wire.DecodeEvent(payload)
	if err != nil {
		return err
	}
	// Whether it is late belongs to the delivery; all the rest belongs to the record and
	// must be the same each time.
	prompt := e
	prompt.Historical = false
	record, err := wire.Marshal(prompt)
	if err != nil {
		return err
	}
	again, err := b.count(e, sha256.Sum256(record))
	if c == wire.ChanEvent {
		b.Events = append(b.Events, Seen[wire.CloudEvent]{At: at, Again: again, What: e})
		return errors.Join(err, b.account(e))
	}
	r := Result{Event: e.ID}
	if bad := wire.Unmarshal(e.Data, &r.Result); bad != nil {
		return errors.Join(err, bad)
	}
	b.byOrder[r.Order] = append(b.byOrder[r.Order], len(b.Results))
	b.Results = append(b.Results, Seen[Result]{At: at, Again: again, What: r})
	if e.Subject != r.Device {
		err = errors.Join(err, fmt.Errorf("subject %q is not the device %q", e.Subject, r.Device))
	}
	return err
}

// Look calls f with the books; f must keep nothing of them and not call the platform.
func (p *Platform) Look(f func(b *Books)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.books)
}

// AwaitOnline waits for a presence beyond the first skip ones that says online and was
// published while the platform listened: its gateway hears orders from then on. It returns
// the presence and how many there were up to it, the skip of the next call.
func (p *Platform) AwaitOnline(ctx context.Context, skip int) (wire.Presence, int, error) {
	var found wire.Presence
	n := skip
	err := p.Until(ctx, func(b *Books) bool {
		for ; n < len(b.Presences); n++ {
			if pr := b.Presences[n]; pr.What.State == wire.Online && !pr.Retained {
				found = pr.What
				n++
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, n, fmt.Errorf("gateway %s is not online: %w", p.o.Gateway, err)
	}
	return found, n, nil
}

// Until waits until look is true of the books; look must not call the platform.
func (p *Platform) Until(ctx context.Context, look func(b *Books) bool) error {
	return p.mu.Until(ctx, func() bool { return look(&p.books) })
}
