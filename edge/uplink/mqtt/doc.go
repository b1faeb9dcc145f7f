// Package mqtt is the gateway's MQTT 3.1.1 transport: one connection to one broker,
// from CONNECT to the end of the TCP stream. It is the only importer of
// paho.mqtt.golang, and takes from it the codec, the keep-alive and the bookkeeping
// of packet ids, nothing more: no reconnecting, no store on disk, no resuming.
//
// Around paho stands what it lacks:
//
//   - the dialer: no proxy from the environment, TCP_USER_TIMEOUT (a peer that has
//     gone is noticed though the send buffer is full), TCP_NOTSENT_LOWAT (what is
//     urgent does not wait behind a full buffer), TLS with a checked name;
//   - the guard: a net.Conn that reads the fixed headers of what arrives before paho
//     does. Packets that are too large, of a kind that a server never sends, or that
//     would make paho panic end the connection before a byte of them is allocated;
//   - the sender: one loop through which everything goes out, so that a caller never
//     waits on a stalled socket longer than its own context, and an acknowledgement
//     never waits at all.
//
// A Session is used once. Who wants the next one calls Connect again with a fresh
// will; waiting between attempts belongs to the caller.
package mqtt
