package wire

import "time"

// Run is the 64 random bits chosen at each start of the daemon, as 16 hex digits on the wire.
type Run string

// Status is a state of an order's life.
type Status string

// The states; from Done on they are terminal.
const (
	Received       Status = "received"
	Accepted       Status = "accepted"
	Queued         Status = "queued"
	Running        Status = "running"
	Done           Status = "done"
	DoneUnverified Status = "done_unverified"
	Partial        Status = "partial"
	Failed         Status = "failed"
	Rejected       Status = "rejected"
	Expired        Status = "expired"
	Preempted      Status = "preempted"
	Cancelled      Status = "cancelled"
	Missed         Status = "missed"
	Unknown        Status = "unknown"
)

// Terminal tells whether s ends an order's life on a device.
func (s Status) Terminal() bool {
	switch s {
	case Received, Accepted, Queued, Running:
		return false
	}
	return true
}

// Reason says why a result is not good. The list is closed; texts in two languages
// stand in the message catalogue.
type Reason string

// The reasons of the contract.
const (
	UnknownField  Reason = "unknown_field"
	BadArgs       Reason = "bad_args"
	Unsupported   Reason = "unsupported"
	NoMatch       Reason = "no_match"
	DuplicateOf   Reason = "duplicate_of"
	Replayed      Reason = "replayed"
	IDReused      Reason = "id_reused"
	Stale         Reason = "stale"
	NotAllowed    Reason = "not_allowed"
	TwoPerson     Reason = "two_person"
	KeyRevoked    Reason = "key_revoked"
	Rate          Reason = "rate"
	ClockReason   Reason = "clock"
	Storage       Reason = "storage"
	Busy          Reason = "busy"
	Killed        Reason = "killed"
	QuietHours    Reason = "quiet_hours"
	NoiseBudget   Reason = "noise_budget"
	Limit         Reason = "limit"
	Privacy       Reason = "privacy"
	Held          Reason = "held"
	NoSession     Reason = "no_session"
	PortLost      Reason = "port_lost"
	NoReply       Reason = "no_reply"
	DeviceRefused Reason = "device_refused"
	DeviceReset   Reason = "device_reset"
	CannotSay     Reason = "cannot_say"
	Lapsed        Reason = "lease_lapsed"
	Stopped       Reason = "stopped"
	Shutdown      Reason = "shutdown"
	Crash         Reason = "crash"
	Superseded    Reason = "superseded"
	MainsLost     Reason = "mains_lost"
	Internal      Reason = "internal"
)

// Result is one step of an order's life on one device (Device empty: the order as
// a whole, only where no device was resolved). It is the data of a CloudEvent.
type Result struct {
	Order  string `json:"order"`
	Kid    string `json:"kid"`
	Device string `json:"device,omitzero"`
	Seq    uint64 `json:"order_seq"`
	Run    Run    `json:"run"`
	Act    string `json:"act"`
	Action Action `json:"action"`
	Status Status `json:"status"`
	Reason Reason `json:"reason,omitzero"`
	// Detail is English text for a maintainer: never parsed.
	Detail   string `json:"detail,omitzero"`
	Evidence string `json:"evidence,omitzero"`
	// Time is absent while the clock is unknown; MonoMS counts from the run's start.
	Time        time.Time `json:"time,omitzero"`
	MonoMS      int64     `json:"mono_ms"`
	Clock       string    `json:"clock"`
	Correlation string    `json:"correlation,omitzero"`
	Repeat      bool      `json:"repeat,omitzero"`
	Unledgered  bool      `json:"unledgered,omitzero"`
	DryRun      bool      `json:"dry_run,omitzero"`
	// Said of Planned repetitions or sentences were said (speaker actions).
	Said    int `json:"said,omitzero"`
	Planned int `json:"planned,omitzero"`
	// Lost lists characters that the speaker could not carry.
	Lost string `json:"lost,omitzero"`
	// Session is how a session went.
	Session *SessionReport `json:"session,omitzero"`
}

// SessionReport is the account of a held stick or a live talk.
type SessionReport struct {
	ID        string `json:"id"`
	Frames    uint64 `json:"frames"`
	Lost      uint64 `json:"lost"`
	Bad       uint64 `json:"bad"`
	GapMS     int64  `json:"longest_gap_ms"`
	OverrunMS int64  `json:"overrun_ms"`
}
