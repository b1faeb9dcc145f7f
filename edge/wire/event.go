package wire

import (
	"fmt"
	"strconv"
	"time"
)

// The types of our CloudEvents.
const (
	TypeResult    = "fuqiao.edged.result"
	TypeCamera    = "fuqiao.edged.camera"
	TypeRaised    = "fuqiao.edged.condition.raised"
	TypeCleared   = "fuqiao.edged.condition.cleared"
	TypeGap       = "fuqiao.edged.gap"
	TypeRunClosed = "fuqiao.edged.run.closed"
	TypeRefused   = "fuqiao.edged.gateway.refused"
	TypeClock     = "fuqiao.edged.gateway.clock"
	TypeTwin      = "fuqiao.edged.gateway.twin"
	TypeSummary   = "fuqiao.edged.telemetry.summary"
)

// ClassStep is the class of what is published from RAM: a state before the terminal, or a
// repeat. Its numbers may have holes.
const ClassStep = "step"

// Record is what is journalled of a result or event: all of its envelope that is
// known before the journal gives it a number.
type Record struct {
	Type    string `json:"type"`
	Subject string `json:"subject,omitzero"`
	// Time is absent while the clock is unknown; MonoMS counts from the run's start.
	Time   time.Time `json:"time,omitzero"`
	MonoMS int64     `json:"mono_ms"`
	Data   Raw       `json:"data"`
}

// NewRecord makes a journal record around data.
func NewRecord(typ, subject string, t time.Time, monoMS int64, data any) ([]byte, error) {
	raw, err := Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", typ, err)
	}
	return Marshal(Record{Type: typ, Subject: subject, Time: t, MonoMS: monoMS, Data: raw})
}

// MediaRef names a picture or a clip that belongs to an event.
type MediaRef struct {
	// SHA256 is of the content in hex, Size its length in bytes; absent where it was not
	// kept.
	SHA256 string `json:"sha256,omitzero"`
	MIME   string `json:"mime"`
	Size   int64  `json:"size,omitzero"`
	// Dropped is why it was not kept: "size", "quota" or "storage".
	Dropped string `json:"dropped,omitzero"`
}

// Manifest goes before the parts of a picture or clip, on the topic media/{sha256}. Run
// and Seq are the record's identity in class media; Event is the act of the event that
// it belongs to. The parts are 1 … Parts, each of PartBytes but the last.
type Manifest struct {
	Event     string `json:"event"`
	Run       Run    `json:"run"`
	Seq       uint64 `json:"seq"`
	MIME      string `json:"mime"`
	Size      int64  `json:"size"`
	PartBytes int    `json:"part_bytes"`
	Parts     int    `json:"parts"`
	// Gone is why no part follows: "quota", the clip was given up for want of room since.
	Gone string `json:"gone,omitzero"`
	// Historical marks what was kept while there was no session.
	Historical bool `json:"historical,omitzero"`
}

// CloudEvent is a CloudEvents 1.0 message in the JSON format, structured mode. Its
// id is the record's identity within the source: run-class-seq. The extension
// attributes run, class, seq and monoms repeat it in parts; seq and monoms are
// strings because an Integer of CloudEvents has only 32 bits (spec 1.0.2, Type
// System).
type CloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitzero"`
	Time            time.Time `json:"time,omitzero"`
	DataContentType string    `json:"datacontenttype"`
	Run             Run       `json:"run"`
	Class           string    `json:"class"`
	Seq             string    `json:"seq"`
	MonoMS          string    `json:"monoms"`
	// Historical marks what was kept while there was no session.
	Historical bool `json:"historical,omitzero"`
	Data       Raw  `json:"data"`
}

// EventSource is the source of all events of a gateway, a URI reference.
func EventSource(root, gateway string) string { return "/" + root + "/v1/" + gateway }

// EventID is the identity of a record as one word.
func EventID(run Run, class string, seq uint64) string {
	return string(run) + "-" + class + "-" + strconv.FormatUint(seq, 10)
}

// Envelope wraps a journalled record for the wire. The same record always gives
// the same bytes, so whatever is sent twice is equal.
func Envelope(root, gateway string, run Run, class string, seq uint64, record []byte) ([]byte, error) {
	var r Record
	if err := Unmarshal(record, &r); err != nil {
		return nil, fmt.Errorf("record %s: %w", EventID(run, class, seq), err)
	}
	return Marshal(CloudEvent{
		SpecVersion: "1.0", ID: EventID(run, class, seq), Source: EventSource(root, gateway),
		Type: r.Type, Subject: r.Subject, Time: r.Time, DataContentType: "application/json",
		Run: run, Class: class, Seq: strconv.FormatUint(seq, 10), MonoMS: strconv.FormatInt(r.MonoMS, 10), Data: r.Data,
	})
}

// DecodeEvent reads an event and checks what the specification requires of every
// CloudEvent.
func DecodeEvent(b []byte) (CloudEvent, error) {
	var e CloudEvent
	if err := Unmarshal(b, &e); err != nil {
		return CloudEvent{}, err
	}
	if e.SpecVersion != "1.0" || e.ID == "" || e.Source == "" || e.Type == "" {
		return CloudEvent{}, Malformed("a CloudEvent has specversion 1.0, id, source and type")
	}
	return e, nil
}

// Refused is the data of gateway.refused, sent at most once a minute: how many
// payloads were turned away since the last one, by cause, and the SHA-256 of one.
type Refused struct {
	Counts map[string]uint64 `json:"counts"`
	SHA256 string            `json:"sha256,omitzero"`
}

// ConditionEvent is the data of a condition raised or cleared.
type ConditionEvent struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Subject  string `json:"subject,omitzero"`
	Text     string `json:"text,omitzero"`
	Remedy   string `json:"remedy,omitzero"`
	Detail   string `json:"detail,omitzero"`
}

// TwinEvent is the data of a gateway.twin event: a box with this gateway's name and
// certificate works in a run that is none of this box's.
type TwinEvent struct {
	Run Run `json:"run"`
}

// ClockEvent maps a run's monotonic time to wall time from one moment on.
type ClockEvent struct {
	Run     Run       `json:"run"`
	MonoMS  int64     `json:"mono_ms"`
	Time    time.Time `json:"time"`
	ErrorMS float64   `json:"error_ms"`
	Source  string    `json:"source"`
}
