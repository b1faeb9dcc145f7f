// Package tty opens one serial port and makes it safe to use. It is the only
// importer of github.com/tarm/serial, which opens and configures the line and does
// nothing else: its reads end in io.EOF on silence, its writes have no deadline and
// its Close can hang behind a Read.
//
// So a port is opened twice. The first descriptor is ours, an *os.File with
// O_NOCTTY, O_NONBLOCK and O_CLOEXEC on which all reading and writing is done with
// deadlines; it takes the lock before anything is changed, so that a second program
// cannot disturb the line of the first. The second is tarm's: it sets speed and
// parity and is closed at once, while the settings stay because the first one is
// still open (Linux keeps termios per terminal, not per descriptor).
//
// Symbolic links (/dev/serial/by-id/…, by-path/…) are followed anew at every Open,
// which is how a port comes back under another name.
package tty
