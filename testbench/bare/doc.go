// Package bare is what the benches compare the gateway with: the same work done by the
// least program that can do it. The difference between the two is what the gateway's
// promises cost.
//
//   - Relay is a process that subscribes to one topic and writes what arrives into a
//     serial port: paho with its defaults and a plain *os.File, no signature, no ledger,
//     no bus. It is a process of its own, as the daemon is, so that both are scheduled
//     alike.
//   - Log is a file that is overwritten in place, one write and one fdatasync for as
//     many records as wait: no identity, no checksum, no reading back.
//
// Whoever starts a relay calls Main first in main or TestMain.
package bare
