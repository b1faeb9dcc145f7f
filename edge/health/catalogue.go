// Package health is what can be wrong with a box, as data: a closed catalogue of
// conditions with severity, text and damping, and the set of those that are raised
// now. Whoever finds something raises a code; nobody writes a free-text alarm.
package health

import "time"

// Severity says who has to move.
type Severity string

// The severities.
const (
	// Alarm: a promise to the public is broken or about to be. Somebody drives out.
	Alarm Severity = "alarm"
	// Warning: it still works, by a reserve that is being used up.
	Warning Severity = "warning"
	// Note: worth knowing, nothing to do.
	Note Severity = "note"
)

// Condition is one entry of the catalogue.
type Condition struct {
	// Code is the name in state, telemetry and events.
	Code     string
	Severity Severity
	// Text says in English what is wrong, Remedy what to do; both are keys of the
	// message catalogue.
	Text, Remedy string
	// RaiseAfter and ClearAfter damp: the cause must last that long before the
	// condition is seen, or seen to be gone.
	RaiseAfter, ClearAfter time.Duration
}

// Catalogue lists every condition of this version. It is a function and not a
// variable so that nobody can change it.
func Catalogue() []Condition {
	return []Condition{
		{"bus.port_lost", Alarm, "the serial port is not there", "check the cable and the adapter; the port is opened again by itself when it comes back", 0, 0},
		{"bus.locked", Alarm, "another program holds the serial port", "stop the other program (fuser shows it)", 0, 0},
		{"bus.write_stalled", Alarm, "the serial port takes no bytes", "check flow control and the adapter; the port is reset by itself", 0, 0},
		{"bus.foreign_bytes", Warning, "bytes on the wire that belong to no device", "look for a second master, a wrong baud rate or a missing terminator", 0, 60 * time.Second},
		{"pin.chip_lost", Alarm, "the GPIO chip is not there", "compare the chip's name with gpioinfo", 0, 0},
		{"pin.busy", Alarm, "another program holds the GPIO line", "stop the other program (gpioinfo shows it)", 0, 0},
		{"pin.max_on", Alarm, "an output was on for its longest time and has been switched off", "look for an announcement that does not end", 0, 5 * time.Minute},
		{"device.no_reply", Warning, "the device does not answer", "check its power, address and wiring", 0, 0},
		{"device.reset", Warning, "the device restarted by itself", "check its power supply, and what else draws from it", 0, 5 * time.Minute},
		{"device.hung", Alarm, "a driver did not come back from a call and was given up", "send the log to the maintainer", 0, 10 * time.Minute},
		{"amplifier.stuck_on", Alarm, "an amplifier could not be switched off", "check the relay and its output", 0, 0},
		{"camera.listen", Warning, "the address for camera events cannot be listened on", "check the address of the network interface", 0, 0},
		{"journal.storage", Alarm, "the disk takes no records", "check the card: full, read-only or worn out", 0, 0},
		{"journal.damage", Warning, "damaged records were found and set aside", "copy the journal and replace the card", 0, time.Hour},
		{"journal.dropped", Warning, "records were dropped because the budget is used up", "see why the uplink is away, or raise the budget", 0, time.Hour},
		{"ledger.storage", Alarm, "the ledger cannot be written", "check the card: full, read-only or worn out", 0, 0},
		{"uplink.offline", Warning, "no session with the broker", "check the network, the broker's address and the certificates", 10 * time.Second, 0},
		{"uplink.tls", Warning, "the broker's certificate was refused, or our own cannot be read", "see the detail: wrong CA, wrong name or expired", 0, 0},
		{"uplink.certificate_refused", Alarm, "the broker refuses our certificate", "it may be revoked or expired: issue a new one and put it in its place", 0, 0},
		{"uplink.refused", Warning, "the broker refuses a group's topics", "check the broker's access rules", 0, 0},
		{"uplink.acl", Alarm, "the broker takes what we publish and drops it", "check the broker's access rules for this gateway's name", 0, 0},
		{"uplink.twin", Alarm, "another box works under this gateway's name", "find the copied box or certificate and take it off the network", 0, 0},
		{"certificate.kept", Warning, "the new certificate cannot be used, the old one is", "see the detail: write certificate and key again, both of one pair", 0, 0},
		{"certificate.month", Note, "our certificate ends within 30 days", "issue a new one and put it in its place; no restart is needed", 0, 0},
		{"certificate.week", Warning, "our certificate ends within 7 days", "issue a new one and put it in its place; no restart is needed", 0, 0},
		{"certificate.day", Alarm, "our certificate ends within a day", "issue a new one and put it in its place; no restart is needed", 0, 0},
		{"uplink.upload", Warning, "pictures and clips cannot be uploaded", "see the detail: the server, its certificate or its answer", 30 * time.Second, 0},
		{"uplink.not_configured", Note, "no broker is configured", "set uplink.broker", 0, 0},
		{"uplink.orders_dropped", Warning, "orders came faster than they can be taken", "find the sender that floods", 0, time.Minute},
		{"clock.unknown", Warning, "the time is not known", "orders with an expiry wait for a time beacon; check NTP", 30 * time.Second, 0},
		{"trust.missing", Alarm, "there is no valid trust file: no signed order can be obeyed", "provision the trust file", 0, 0},
		{"secret.missing", Alarm, "a secret that the configuration names is not there", "put it into secrets/ below the state directory, mode 0600, owned by the daemon's user", 0, 0},
		{"config.refused", Warning, "a changed configuration was refused and the old one goes on", "run edged -check on it", 0, 0},
		{"orders.forged", Warning, "orders came that no trusted key has signed", "find out who can publish at the broker", 0, 10 * time.Minute},
	}
}
