// Package street stands up one neighbourhood around the real, unmodified edged: its
// serial lines with domes and speech chips, the GPIO chip whose relays key the
// amplifiers, a camera that reports events, the broker behind a link that can be cut,
// the central platform, and the service manager. Demo, runs, benches and the daemon's
// own tests live in it.
//
// Whoever uses it calls kernel.Main first in main or TestMain.
package street
