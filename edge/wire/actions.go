package wire

// Scope is the right that an action needs, as the trust file's keys list it.
type Scope string

// Rights that are not the name of one action.
const (
	// ScopeStop is what every stop needs on its target.
	ScopeStop Scope = "stop"
	// ScopeCancel lets a key cancel another key's order.
	ScopeCancel Scope = "cancel"
	// ScopeTime lets a key sign time beacons. The pattern * does not cover it.
	ScopeTime Scope = "time"
)

// ActionInfo is what the contract says of one action.
type ActionInfo struct {
	Action Action
	// Kind decides whether an intent stands on disk before the act.
	Kind Kind
	// Scope is the right that a key needs.
	Scope Scope
	// Devices: the order is carried out on devices and needs a target.
	Devices bool
	// Offered: this version carries it out. All else answers rejected:
	// unsupported, and its arguments may be any object.
	Offered bool
	// Args makes the action's empty argument struct; nil where none is defined yet.
	Args func() Args
}

// Stop tells whether the action silences or halts: it may come by the stop topic,
// overtakes everything and is never refused as busy.
func (a Action) Stop() bool { return a == SpeakerStop || a == DomeStop || a == AllStop }

// Info looks an action up.
func Info(a Action) (ActionInfo, bool) {
	for _, row := range Actions() {
		if row.Action == a {
			return row, true
		}
	}
	return ActionInfo{}, false
}

// Actions is the table of all actions of the contract, in its order.
func Actions() []ActionInfo {
	const devices, offered = true, true
	return []ActionInfo{
		{SpeakerSay, Once, "speaker.say", devices, offered, func() Args { return new(SayArgs) }},
		{SpeakerPlay, Once, "speaker.play", devices, false, nil},
		{SpeakerLive, Once, "speaker.live", devices, false, func() Args { return new(SessionArgs) }},
		{SpeakerCAP, Once, "speaker.cap", devices, false, nil},
		{SpeakerCountdown, Once, "speaker.countdown", devices, false, nil},
		{SpeakerStop, State, ScopeStop, devices, offered, func() Args { return new(NoArgs) }},
		{SpeakerVolume, State, "speaker.volume", devices, offered, func() Args { return new(VolumeArgs) }},
		{SpeakerTest, Once, "speaker.test", devices, false, nil},
		{DomeAcquire, Once, "dome.acquire", devices, offered, func() Args { return new(SessionArgs) }},
		{DomeRelease, State, "dome.release", devices, offered, func() Args { return new(ReleaseArgs) }},
		{DomeMove, State, "dome.move", devices, offered, func() Args { return new(MoveArgs) }},
		{DomeStop, State, ScopeStop, devices, offered, func() Args { return new(NoArgs) }},
		{DomeGoto, State, "dome.goto", devices, offered, func() Args { return new(GotoArgs) }},
		{DomePreset, Once, "dome.preset", devices, offered, func() Args { return new(PresetArgs) }},
		{DomeTour, Once, "dome.tour", devices, false, nil},
		{DomeAux, Once, "dome.aux", devices, false, nil},
		{DomeCalibrate, Once, "dome.calibrate", devices, false, nil},
		{DomeLimits, Once, "dome.limits", devices, false, nil},
		{AllStop, State, ScopeStop, devices, offered, func() Args { return new(NoArgs) }},
		{CommandCancel, Once, "command.cancel", false, offered, func() Args { return new(CancelArgs) }},
		{OutputSet, Once, "output.set", devices, offered, func() Args { return new(OutputArgs) }},
		{AssetPut, Once, "asset.put", false, false, nil},
		{AssetDelete, Once, "asset.delete", false, false, nil},
		{SchedulePut, Once, "schedule.put", false, false, nil},
		{ScheduleDelete, Once, "schedule.delete", false, false, nil},
		{RulePut, Once, "rule.put", false, false, nil},
		{RuleDelete, Once, "rule.delete", false, false, nil},
		{MediaFetch, Once, "media.fetch", false, false, func() Args { return new(FetchArgs) }},
		{ConfigApply, Once, "config.apply", false, false, nil},
		{ConfigConfirm, Once, "config.confirm", false, false, nil},
		{ConfigRollback, Once, "config.rollback", false, false, nil},
		{DeviceMaint, Once, "device.maintenance", devices, false, nil},
		{DiagRun, Once, "diag.run", false, false, nil},
		{LogFetch, Once, "log.fetch", false, false, nil},
		{KeysPut, Once, "keys.put", false, false, nil},
		{SecretPut, Once, "secret.put", false, false, nil},
		{UpdateInstall, Once, "update.install", false, false, nil},
		{GatewayRestart, Once, "gateway.restart", false, false, nil},
	}
}

// Reasons lists every reason of the contract, in its order.
func Reasons() []Reason {
	return []Reason{
		UnknownField, BadArgs, Unsupported, NoMatch, DuplicateOf, Replayed, IDReused, Stale, NotAllowed, TwoPerson,
		KeyRevoked, Rate, ClockReason, Storage, Busy, Killed, QuietHours, NoiseBudget, Limit, Privacy, Held, NoSession,
		PortLost, NoReply, DeviceRefused, DeviceReset, CannotSay, Lapsed, Stopped, Shutdown, Crash, Superseded,
		MainsLost, Internal,
	}
}

// Statuses lists every state of an order's life, in its order.
func Statuses() []Status {
	return []Status{
		Received, Accepted, Queued, Running,
		Done, DoneUnverified, Partial, Failed, Rejected, Expired, Preempted, Cancelled, Missed, Unknown,
	}
}
