package uplink

import (
	"time"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/uplink/mqtt"
)

const (
	// maxFlight bounds how many messages wait for PUBACK; what they weigh is bounded by
	// what the path carries (rate.go).
	maxFlight = 32
	// keptFlight is how many of them the backlog leaves free, and a quarter of the bytes
	// too, so that an alarm finds a place at once.
	keptFlight = 8
	// ackIn is how long the oldest may wait before the session is given up.
	ackIn = time.Minute
)

// item is a message and what it came from.
type item struct {
	msg mqtt.Message
	// rec is the journal record's identity, zero for what came from RAM.
	rec        journal.ID
	historical bool
	lane       lane
	part       *transfer // of which this is a message,
	number     int       // and which one
}

// flight is an item on its way.
type flight struct {
	item
	receipt mqtt.Receipt
	sent    sent
}

// window is what waits for PUBACK, oldest first. A broker acknowledges in the order
// of arrival (MQTT 3.1.1, section 4.6), so only the oldest has to be watched.
type window struct {
	flights []flight
	bytes   int
	rate    rate
}

// lane is how urgent a message is for the window.
type lane uint8

const (
	// urgent are results, alarms and what opens a session: the bytes of others do not
	// hold them up, for they stand behind those in the socket anyway.
	urgent lane = iota
	ordinary
	backlog
)

// fits tells whether a message of size bytes may follow; a large one goes alone.
func (w *window) fits(size int, l lane) bool {
	if len(w.flights) == 0 {
		return true
	}
	count, bytes := maxFlight, w.rate.window()
	switch l {
	case urgent:
		bytes = mostFlightBytes
	case backlog:
		count, bytes = count-keptFlight, bytes-bytes/4
	}
	return len(w.flights) < count && w.bytes+size <= bytes
}

// push adds a message that was handed over.
func (w *window) push(f flight) {
	f.sent = w.rate.leave(f.receipt.Sent, len(w.flights) == 0)
	w.flights = append(w.flights, f)
	w.bytes += size(f.msg)
}

// done is the signal of the oldest; nil where there is none.
func (w *window) done() <-chan struct{} {
	if len(w.flights) == 0 {
		return nil
	}
	return w.flights[0].receipt.Done()
}

// pop takes the oldest if its fate is known; delivered is false where the library
// gave it up.
func (w *window) pop() (f flight, delivered, known bool) {
	select {
	case <-w.done():
	default:
		return flight{}, false, false
	}
	f = w.flights[0]
	if !f.receipt.Delivered() {
		return f, false, true
	}
	w.flights[0] = flight{}
	w.flights = w.flights[1:]
	w.bytes -= size(f.msg)
	w.rate.arrive(time.Now(), f.sent, size(f.msg))
	return f, true, true
}

// sweep takes all that were acknowledged, in whatever order: the session is over.
func (w *window) sweep() (done []flight, open int) {
	for _, f := range w.flights {
		if f.receipt.Delivered() {
			done = append(done, f)
		} else if f.rec.Seq != 0 {
			open++
		}
	}
	w.flights, w.bytes = nil, 0
	return done, open
}

// size is what a message weighs in the window.
func size(m mqtt.Message) int { return len(m.Topic) + len(m.Payload) }
