package uplink

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

// stateEvery is the shortest time between two states of one device on the wire.
const stateEvery = time.Second

// state is the newest state of a device.
type state struct {
	payload []byte // empty: the device is gone
	dirty   bool
	sent    time.Time // zero: not in this session
}

// SetState says what a device is like now; an empty one that the device is gone, and
// what the broker retained is cleared. It is published at most once per second and
// device, only when it has changed, and again at each connect. A payload over
// wire.MaxState is refused.
func (u *Uplink) SetState(device string, payload []byte) error {
	if !wire.ValidID(device) {
		return fmt.Errorf("state of %q: not a device id: %w", device, fault.BadInput)
	}
	if len(payload) > wire.MaxState {
		return fmt.Errorf("state of %s: %d bytes, %d are allowed: %w", device, len(payload), wire.MaxState, fault.BadInput)
	}
	u.mu.Lock()
	s := u.states[device]
	if s == nil {
		s = &state{dirty: true}
		u.states[device] = s
	}
	s.dirty = s.dirty || !bytes.Equal(s.payload, payload)
	s.payload = slices.Clone(payload)
	u.mu.Unlock()
	u.stir()
	return nil
}

// allDirty makes every state go out again: a new session has begun.
func (u *Uplink) allDirty() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, s := range u.states {
		s.dirty, s.sent = true, time.Time{}
	}
}

// dueIn is how long until the state may go out, 0 or less for now; ok is false where
// there is nothing to say.
func (s *state) dueIn(now time.Time) (left time.Duration, ok bool) {
	if s.sent.IsZero() {
		return 0, s.dirty
	}
	return stateEvery - now.Sub(s.sent), s.dirty
}

// nextState takes a state that is due at now: the one that has waited longest.
func (u *Uplink) nextState(now time.Time) (m mqtt.Message, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var due *state
	var name string
	for device, s := range u.states {
		if left, ok := s.dueIn(now); ok && left <= 0 && (due == nil || s.sent.Before(due.sent)) {
			due, name = s, device
		}
	}
	if due == nil {
		return mqtt.Message{}, false
	}
	due.dirty, due.sent = false, now
	return mqtt.Message{Topic: u.topics.State(u.c.Gateway, name), QoS: 1, Retained: true, Payload: due.payload}, true
}

// stateIn is how long until a state becomes due, 0 for none.
func (u *Uplink) stateIn(now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	var soonest time.Duration
	for _, s := range u.states {
		if left, ok := s.dueIn(now); ok && left > 0 && (soonest == 0 || left < soonest) {
			soonest = left
		}
	}
	return soonest
}

// forget drops the entry of a device that is gone once the broker has been told.
func (u *Uplink) forget(topic string) {
	t, err := u.topics.Parse(topic)
	if err != nil || t.Channel != wire.ChanState {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if s := u.states[t.Leaf]; s != nil && len(s.payload) == 0 && !s.dirty {
		delete(u.states, t.Leaf)
	}
}
