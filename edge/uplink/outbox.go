package uplink

import (
	"fmt"
	"slices"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/uplink/mqtt"
	"fuqiao/edged/edge/wire"
)

const (
	// maxSteps and maxPacks bound what waits in RAM for a place in the window: steps
	// between an order's terminals, and telemetry.
	maxSteps = 256
	maxPacks = 8
	// maxUp is the largest upward message (contract, ground rule 4).
	maxUp = 128 << 10
)

// Online tells whether there is a session now.
func (u *Uplink) Online() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.st.Connected
}

// Publish sends a message that is worth nothing later: a state of an order before
// its terminal (wire.ChanResult), telemetry, an event. It goes out at QoS 1 from RAM.
// Without a session, or where too much is waiting already, it is dropped and counted,
// and the error is of class fault.Full; of telemetry the oldest goes first.
func (u *Uplink) Publish(c wire.Channel, payload []byte) error {
	if len(payload) > maxUp {
		return fmt.Errorf("publish to %s: %d bytes, %d are allowed: %w", c, len(payload), maxUp, fault.BadInput)
	}
	m := mqtt.Message{Topic: u.topics.Of(u.c.Gateway, c), QoS: 1, Payload: slices.Clone(payload)}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case !u.st.Connected:
		u.st.DroppedOffline++
		return fmt.Errorf("publish to %s: no session: %w", c, fault.Full)
	case c != wire.ChanTelemetry && len(u.steps) >= maxSteps:
		u.st.DroppedSteps++
		return fmt.Errorf("publish to %s: %d messages are waiting: %w", c, len(u.steps), fault.Full)
	case c != wire.ChanTelemetry:
		u.steps = append(u.steps, m)
	default:
		if len(u.packs) >= maxPacks {
			u.st.DroppedPacks++
			u.packs = slices.Delete(u.packs, 0, 1)
		}
		u.packs = append(u.packs, m)
	}
	u.stir()
	return nil
}

// Announce makes the presence go out anew, with what Config.Presence then says, at
// most once per 5 s: the clock wants a beacon, a hash has changed.
func (u *Uplink) Announce() {
	u.announce.Store(true)
	u.stir()
}

// takeStep takes the oldest step.
func (u *Uplink) takeStep() (mqtt.Message, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return shift(&u.steps)
}

// takePack takes the oldest telemetry pack.
func (u *Uplink) takePack() (mqtt.Message, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return shift(&u.packs)
}

// emptyOutbox drops what was meant for a session that is over.
func (u *Uplink) emptyOutbox() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.st.DroppedOffline += uint64(len(u.steps) + len(u.packs))
	u.steps, u.packs = nil, nil
}

// shift takes the first of a list.
func shift[T any](list *[]T) (first T, ok bool) {
	if len(*list) == 0 {
		return first, false
	}
	var none T
	first, (*list)[0] = (*list)[0], none // let go of the payload
	*list = (*list)[1:]
	return first, true
}

// stir wakes the loop.
func (u *Uplink) stir() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}
