// Package systemd is the daemon's side of the service manager: readiness, status
// and watchdog (sd_notify(3)), beside the unit files that this directory holds.
// Without a service manager every call does nothing.
package systemd

import (
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready says that start-up is over: outputs are safe, domes have been stopped,
// orders are taken.
func Ready() error { return notify(daemon.SdNotifyReady) }

// Reloading and then Ready frame a SIGHUP.
func Reloading() error { return notify(daemon.SdNotifyReloading) }

// Stopping says that the end has begun.
func Stopping() error { return notify(daemon.SdNotifyStopping) }

// Status sets the one line that `systemctl status` shows.
func Status(line string) error { return notify("STATUS=" + line) }

// Alive feeds the watchdog once.
func Alive() error { return notify(daemon.SdNotifyWatchdog) }

// WatchdogEvery is how often Alive must be called at least (WATCHDOG_USEC), 0 where
// no watchdog is set.
func WatchdogEvery() (time.Duration, error) { return daemon.SdWatchdogEnabled(false) }

func notify(state string) error {
	_, err := daemon.SdNotify(false, state)
	return err
}
