// Package serial is a wire on a pseudo-terminal: at one end the gateway under test
// opens a device node, at the other end simulated devices hear and talk. A pty has no
// baud rate, no direction, no second talker and no plug; all that is made here.
//
//   - Time: what the gateway writes is on the wire byte after byte at line rate (10
//     bits each), however fast the pty took it. Devices hear each byte with the time at
//     which its last bit has passed; their answers leave at line rate too and reach the
//     gateway in pieces, as they do through a USB adapter.
//   - The law of the bus: a pty swallows 4 KiB at once, so a bus that writes ahead looks
//     perfect. Here it is found out: a second frame that is readable before the first
//     one's line time has passed is a violation (Wire.Violations), and the run fails.
//   - The plug: the configuration names a link. Unplug closes the master and removes the
//     link, Replug makes a new pty under the same link.
//   - Nobody there: bytes that reach a port that no process holds are lost, as on a
//     UART. A port whose last holder died is made as good as new (a pty would keep its
//     unread bytes and its TIOCEXCL).
//   - Faults: noise, echo, dropped and garbled frames, deaf and mute wires, late replies,
//     foreign talkers, collisions, a port that takes no bytes.
//
// One goroutine, locked to its thread, is the wire's whole life: devices are called on it,
// in the order of the wire's time, and never at once. A device asks it for later calls
// (Port.At) instead of having goroutines of its own.
package serial
