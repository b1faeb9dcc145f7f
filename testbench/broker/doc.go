// Package broker is an MQTT broker inside the testbench: mochi-mqtt on a real TCP port,
// with TLS, client certificates and access by common name, or plain on loopback.
//
// It is set up so that a gateway cannot tell it from Mosquitto 2.0 with default settings,
// as far as mochi goes:
//
//   - a publish that the access rules deny is acknowledged and thrown away (mochi would
//     disconnect);
//   - a message is given to its subscribers before its PUBACK (mochi: after it);
//   - one client has room for 20 messages in flight and 1,000 queued, then the newest is
//     dropped. mochi sends all of them at once: Mosquitto's window of 20 is not kept
//     (mochi's own window takes a lock twice and can stop for good);
//   - queued messages keep their order (mochi sorts by whole seconds; here each message
//     gets a number instead, which holds for the latest 65,536 messages);
//   - no DISCONNECT is sent to an MQTT 3.1.1 client that is taken over, kicked or left at
//     shutdown: its connection is closed;
//   - nothing is kept over a restart, neither retained messages nor sessions.
package broker
