package edge

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/edge/wire"
)

// Status is the answer to `edgectl status`.
type Status struct {
	Gateway    string            `json:"gateway"`
	Version    string            `json:"version"`
	Run        string            `json:"run"`
	UpS        float64           `json:"up_s"`
	Clock      ClockStatus       `json:"clock"`
	Uplink     UplinkStatus      `json:"uplink"`
	Conditions []ConditionStatus `json:"conditions"`
	Devices    []DeviceStatus    `json:"devices"`
	Buses      []BusStatus       `json:"buses"`
	Journal    []ClassStatus     `json:"journal"`
	Trust      uint64            `json:"trust_version"`
	Refused    uint64            `json:"refused"`
}

// ClockStatus is the clock's reading.
type ClockStatus struct {
	Time    time.Time `json:"time"`
	ErrorMS float64   `json:"error_ms"`
	Quality string    `json:"quality"`
	Source  string    `json:"source"`
}

// UplinkStatus is the session with the broker.
type UplinkStatus struct {
	Broker    string `json:"broker"`
	Connected bool   `json:"connected"`
	// Verified: what we publish comes back to us, so the broker's rules let us work.
	Verified bool    `json:"verified"`
	Session  uint64  `json:"session"`
	SinceS   float64 `json:"since_s"`
	Reason   string  `json:"reason,omitzero"`
	RTTMS    float64 `json:"rtt_ms"`
	BytesIn  int64   `json:"bytes_in"`
	BytesOut int64   `json:"bytes_out"`
}

// ConditionStatus is one raised condition.
type ConditionStatus struct {
	Code     string  `json:"code"`
	Severity string  `json:"severity"`
	Subject  string  `json:"subject,omitzero"`
	Text     string  `json:"text"`
	Remedy   string  `json:"remedy"`
	Detail   string  `json:"detail,omitzero"`
	SinceS   float64 `json:"since_s"`
}

// DeviceStatus is one dome, speaker or camera.
type DeviceStatus struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitzero"`
	Kind   string `json:"kind"`
	Model  string `json:"model"`
	State  string `json:"state"`
	Doing  string `json:"doing,omitzero"`
	Events uint64 `json:"events,omitzero"`
}

// BusStatus is one serial line's counters.
type BusStatus struct {
	ID       string `json:"id"`
	Port     string `json:"port"`
	Open     bool   `json:"open"`
	Frames   uint64 `json:"frames"`
	BytesOut uint64 `json:"bytes_out"`
	BytesIn  uint64 `json:"bytes_in"`
	Timeouts uint64 `json:"timeouts"`
	Corrupt  uint64 `json:"checksum_errors"`
	Foreign  uint64 `json:"foreign_bytes"`
	Reopens  uint64 `json:"reopens"`
	Stalls   uint64 `json:"stalls"`
}

// ClassStatus is one journal class.
type ClassStatus struct {
	Class   string  `json:"class"`
	Records int64   `json:"records"`
	Bytes   int64   `json:"bytes"`
	OldestS float64 `json:"oldest_s"`
	Dropped uint64  `json:"dropped"`
}

// status gathers what the gateway knows of itself.
func (g *Gateway) status() Status {
	now := g.clock.Now()
	u := g.uplink.Stats()
	s := Status{
		Gateway: g.s().File.Gateway, Version: g.s().Version, Run: string(g.run), UpS: time.Since(g.began).Seconds(),
		Clock:  ClockStatus{Time: now.Time, ErrorMS: float64(now.Error.Microseconds()) / 1000, Quality: string(now.Quality), Source: now.Source},
		Uplink: UplinkStatus{Broker: cmp.Or(u.Broker, g.s().File.Uplink.Broker), Verified: u.Verified, Connected: u.Connected, Session: u.Session, SinceS: u.Since.Seconds(), Reason: u.Reason, RTTMS: float64(u.RTT.Microseconds()) / 1000, BytesIn: u.BytesIn, BytesOut: u.BytesOut},
		Buses:  g.busStatus(), Journal: g.journalStatus(), Trust: g.trust.TrustVersion(), Refused: g.refusedTotal(),
	}
	for _, c := range g.health.Active() {
		s.Conditions = append(s.Conditions, ConditionStatus{Code: c.Code, Severity: string(c.Severity), Subject: c.Subject, Text: c.Text, Remedy: c.Remedy, Detail: c.Detail, SinceS: c.Since.Seconds()})
	}
	for id, d := range g.s().File.Devices {
		s.Devices = append(s.Devices, g.deviceStatus(id, d))
	}
	for _, c := range g.sources() {
		d := g.s().File.Cameras[c.ID]
		s.Devices = append(s.Devices, DeviceStatus{ID: c.ID, Name: d.Name, Kind: "camera", Model: d.Model, State: wire.StateReady, Events: c.Counts().Kept + c.Counts().Held})
	}
	slices.SortFunc(s.Devices, func(a, b DeviceStatus) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

func (g *Gateway) deviceStatus(id string, d config.Device) DeviceStatus {
	s := DeviceStatus{ID: id, Name: d.Name, Kind: g.s().Catalog[d.Model].Kind, Model: d.Model}
	var st wire.DeviceState
	if err := wire.Unmarshal(g.deviceState(id), &st); err == nil {
		s.State = st.State
	}
	if a := g.domes[id]; a != nil {
		if st := a.State(); st.Moving {
			s.Doing = fmt.Sprintf("moving %+.2f %+.2f for %s", st.Velocity.Pan, st.Velocity.Tilt, st.Holder)
		}
	}
	if sp, ok := g.hall.Speaking(id); ok {
		s.Doing = fmt.Sprintf("%s part %d/%d", sp.Act, sp.Part, sp.Parts)
	}
	return s
}

func (g *Gateway) busStatus() []BusStatus {
	var out []BusStatus
	for name, b := range g.buses {
		st := b.Stats()
		out = append(out, BusStatus{
			ID: name, Port: g.s().File.Buses[name].Port, Open: st.Open, Frames: st.Frames, BytesOut: st.BytesOut, BytesIn: st.BytesIn,
			Timeouts: st.Timeouts, Corrupt: st.Corrupt, Foreign: st.Foreign, Reopens: st.Reopens, Stalls: st.Stalls,
		})
	}
	slices.SortFunc(out, func(a, b BusStatus) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (g *Gateway) journalStatus() []ClassStatus {
	var out []ClassStatus
	for class, c := range g.journal.Stats().Classes {
		out = append(out, ClassStatus{Class: string(class), Records: c.Records, Bytes: c.Bytes, OldestS: c.Oldest.Seconds(), Dropped: c.Dropped})
	}
	slices.SortFunc(out, func(a, b ClassStatus) int { return cmp.Compare(a.Class, b.Class) })
	return out
}
