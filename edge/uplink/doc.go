// Package uplink keeps the gateway in touch with the platform. One loop owns one
// session at a time: it connects, subscribes, announces the gateway (presence,
// inventory, states), passes orders, stops and session frames on to bounded queues,
// and sends what the journal holds, the most urgent first, until the broker has
// acknowledged it.
//
// Nothing here decides what a message says: the assembly gives functions for
// presence and inventory, and the order desk judges what came in.
//
// # What is promised
//
//   - A record of the journal is sent in every session until its PUBACK, always with
//     the same identity; the platform de-duplicates by it.
//   - An order that finds the queue full is neither lost nor acknowledged: the
//     session is opened anew when the queue is empty, and the broker delivers again.
//     Stops and session frames have queues of their own.
//   - Presence, inventory and states are last-value: the newest is published at each
//     connect, an older one never after a newer.
//   - Without broker, network or certificates the loop goes on trying; each wait is
//     random (see Cap), so that a street that comes back does not come back at once.
package uplink
