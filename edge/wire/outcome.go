package wire

import (
	"context"
	"errors"

	"fuqiao/edged/drivers/fault"
)

// Outcome is how an act on one device ended, before it is made a Result with the
// order's identity and the time.
type Outcome struct {
	Status   Status
	Reason   Reason
	Detail   string
	Evidence string
	Said     int
	Planned  int
	Lost     string
	Session  *SessionReport
}

// Refuse is the outcome of an act that was not begun.
func Refuse(r Reason, detail string) Outcome {
	return Outcome{Status: Rejected, Reason: r, Detail: detail}
}

// cause is an error with which an act is cut, and that knows the outcome that it
// stands for; context.Cause carries it to whoever reports.
type cause struct {
	text string
	out  Outcome
}

func (c cause) Error() string { return c.text }

// ByStop is the cause of an act's end: a stop reached the act.
func ByStop() error { return cause{"stopped", Outcome{Status: Cancelled, Reason: Stopped}} }

// ByCancel is the cause of an act's end: a command.cancel named the act.
func ByCancel() error { return cause{"cancelled", Outcome{Status: Cancelled}} }

// ByPriority is the cause of an act's end: something more important took the device.
func ByPriority() error { return cause{"preempted", Outcome{Status: Preempted}} }

// BySupersede is the cause of an act's end: an order that names this one replaced it.
func BySupersede() error { return cause{"superseded", Outcome{Status: Cancelled, Reason: Superseded}} }

// ByShutdown is the cause of an act's end: the daemon is asked to end.
func ByShutdown() error { return cause{"shutting down", Outcome{Status: Cancelled, Reason: Shutdown}} }

// ByLimit is the cause of an act's end: the act went on for longer than any act may.
func ByLimit() error { return cause{"longer than allowed", Outcome{Status: Failed, Reason: Limit}} }

// ByHang is the cause of an act's end: the driver did not return and was given up.
func ByHang() error {
	return cause{"the driver did not come back", Outcome{Status: Failed, Reason: Internal}}
}

// Failure turns an error into an outcome. It is the only place where a class of
// drivers/fault becomes a reason of the contract; evidence is what was known when
// it failed.
func Failure(err error, evidence string) Outcome {
	var c cause
	if errors.As(err, &c) {
		out := c.out
		out.Detail, out.Evidence = err.Error(), evidence
		return out
	}
	out := Outcome{Status: Failed, Reason: Internal, Detail: err.Error(), Evidence: evidence}
	switch fault.Of(err) {
	case fault.BadInput:
		out.Status, out.Reason = Rejected, BadArgs
	case fault.Unsupported:
		out.Status, out.Reason = Rejected, Unsupported
	case fault.Full:
		out.Status, out.Reason = Rejected, Busy
	case fault.NoReply:
		out.Reason = NoReply
	case fault.Refused:
		out.Reason = DeviceRefused
	case fault.PortLost:
		out.Reason = PortLost
	case fault.Reset:
		out.Reason = DeviceReset
	default:
		if errors.Is(err, context.DeadlineExceeded) {
			out.Reason = NoReply
		}
	}
	return out
}
