// Package process plays the service manager for the real daemon: it starts the unmodified
// binary under the kernel stand-in, waits for READY=1, looks after its watchdog, runs
// `edged -safe FILE` after every death and starts it again, as the unit file in systemd/
// asks systemd to do. What the daemon logs is kept line by line.
//
// Whoever uses it calls kernel.Main first in main or TestMain.
package process
