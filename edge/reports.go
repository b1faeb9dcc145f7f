package edge

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/edge/clock"
	"fuqiao/edged/edge/health"
	"fuqiao/edged/edge/intake"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// mono is the time since the run began, in ms.
func (g *Gateway) mono() int64 { return time.Since(g.began).Milliseconds() }

// stamp is the present time for a record, zero while it is unknown.
func (g *Gateway) stamp() time.Time {
	r := g.clock.Now()
	if !r.Known() {
		return time.Time{}
	}
	return r.Time.UTC().Truncate(time.Millisecond)
}

// keepEvent journals a camera event and returns when it is on disk.
func (g *Gateway) keepEvent(ctx context.Context, e intake.Stamped) error {
	class := journal.Event
	if e.Alarm {
		class = journal.Alarm
	}
	data := cameraEvent{Camera: e.Camera, Kind: e.Kind, ID: e.ID, Act: e.Act, Alarm: e.Alarm, Media: e.Pictures, Data: e.Data}
	if !e.Time.IsZero() {
		data.CameraTime = e.Time.UTC().Truncate(time.Millisecond)
	}
	rec, err := wire.NewRecord(wire.TypeCamera, e.Camera, g.stamp(), g.mono(), data)
	if err != nil {
		return err
	}
	_, err = g.journal.Append(ctx, class, rec)
	return err
}

// cameraEvent is the data of a camera's event: what the camera said, unchanged, in
// data.
type cameraEvent struct {
	Camera     string          `json:"camera"`
	Kind       string          `json:"kind"`
	ID         string          `json:"camera_event_id,omitzero"`
	Act        string          `json:"act"`
	Alarm      bool            `json:"alarm,omitzero"`
	CameraTime time.Time       `json:"camera_time,omitzero"`
	Media      []wire.MediaRef `json:"media,omitempty"`
	Data       wire.Raw        `json:"data"`
}

// conditionChanged keeps a fault that was raised or cleared; alarms are of their own
// class.
func (g *Gateway) conditionChanged(c health.Change) {
	typ, class := wire.TypeCleared, journal.Event
	if c.Raised {
		typ = wire.TypeRaised
	}
	if c.Severity == health.Alarm {
		class = journal.Alarm
	}
	if _, ok := g.s().File.Devices[c.Subject]; ok {
		g.touch(c.Subject)
	}
	for id, claims := range g.s().Claims {
		if claims.Bus != "" && claims.Bus == c.Subject {
			g.touch(id)
		}
	}
	rec, err := wire.NewRecord(typ, c.Subject, g.stamp(), g.mono(), wire.ConditionEvent{
		Code: c.Code, Severity: string(c.Severity), Subject: c.Subject, Text: c.Text, Remedy: c.Remedy, Detail: c.Detail,
	})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err = g.keep(ctx, class, rec)
	}
	if err != nil {
		g.log.Warn("condition not journalled", "code", c.Code, "error", err)
	}
}

// keep journals a record for which memory is good enough while the disk takes nothing:
// nobody waits for the promise.
func (g *Gateway) keep(ctx context.Context, class journal.Class, rec []byte) error {
	if _, err := g.journal.Append(ctx, class, rec); err != nil && !errors.Is(err, journal.ErrVolatile) {
		return err
	}
	return nil
}

// keepResult journals a terminal result; in memory alone it is on its way but not kept.
func (g *Gateway) keepResult(ctx context.Context, rec []byte) error {
	_, err := g.journal.Append(ctx, journal.Result, rec)
	return err
}

// presence is what the gateway says of itself in a session; the will carries the
// same run and session number.
func (g *Gateway) presence(session uint64, online bool) []byte {
	p := wire.Presence{Contract: wire.Contract, State: wire.Offline, Run: g.run, Session: session}
	if online {
		p.State = wire.Online
		p.Version, p.Boot, p.MonoMS = g.s().Version, g.boot, g.mono()
		p.Config, p.Trust = g.s().Hash, g.trust.TrustHash()
		now := g.clock.Now()
		p.Clock = string(now.Quality)
		if now.Quality != clock.Trusted {
			p.Nonce = nonce()
			g.clock.Ask(p.Nonce)
		}
		p.Next = map[string]uint64{}
		for c, n := range g.journal.NextSeq() {
			p.Next[string(c)] = uint64(n)
		}
	}
	return g.encode(p)
}

func nonce() string {
	var b [16]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}

// encode marshals a message of ours; one that cannot be is a mistake of the program.
func (g *Gateway) encode(v any) []byte {
	raw, err := wire.Marshal(v)
	if err != nil {
		g.log.Error("message not encoded", "type", fmt.Sprintf("%T", v), "error", err)
	}
	return raw
}

func (g *Gateway) deviceInfo(id string, d config.Device) wire.DeviceInfo {
	info := wire.DeviceInfo{
		ID: id, Name: d.Name, Address: d.Address, Kind: g.s().Catalog[d.Model].Kind, Driver: d.Model,
		Grid: d.Grid, GB28181: d.Codes.GB28181, EBR: d.Codes.EBR,
	}
	for name, members := range g.s().File.Groups {
		if slices.Contains(members, id) {
			info.Groups = append(info.Groups, name)
		}
	}
	for name, members := range g.s().File.Zones {
		if slices.Contains(members, id) {
			info.Zones = append(info.Zones, name)
		}
	}
	slices.Sort(info.Groups)
	slices.Sort(info.Zones)
	if e, ok := g.dir.Entry(id); ok {
		for _, a := range e.Powers {
			info.Powers = append(info.Powers, string(a))
		}
	}
	if d.Location != (config.Location{}) {
		info.Location = &wire.GeoLocation{CRS: d.Location.CRS, Lat: d.Location.Lat, Lon: d.Location.Lon}
	}
	return info
}

// deviceState is what changes about a device.
func (g *Gateway) deviceState(id string) []byte {
	s := wire.DeviceState{Device: id, Run: g.run, State: wire.StateReady, Time: g.stamp(), MonoMS: g.mono()}
	bus := g.s().Claims[id].Bus
	for _, c := range g.health.Active() {
		if c.Subject == id || bus != "" && c.Subject == bus {
			s.Faults = append(s.Faults, c.Code)
			if c.Severity == health.Alarm {
				s.State = wire.StateFault
			}
			if c.Code == "bus.port_lost" {
				s.State = wire.StateLost
			}
		}
	}
	if a := g.domes[id]; a != nil {
		st := a.State()
		s.Moving, s.Holder, s.RemainingMS = &st.Moving, st.Holder, st.RemainingMS
	}
	if s.State == wire.StateReady && g.station.Busy(id) {
		s.State = wire.StateBusy
	}
	return g.encode(s)
}

// publishState gives a device's state to the uplink. What it does not take is a mistake
// of ours, for a state has its bounds: the maintainer is to see it.
func (g *Gateway) publishState(id string) {
	if err := g.uplink.SetState(id, g.deviceState(id)); err != nil {
		g.log.Error("device state not published", "device", id, "error", err)
	}
}

// states publishes the state of devices that changed, and of all at the start.
func (g *Gateway) states(ctx context.Context) error {
	for _, id := range g.station.IDs() {
		g.publishState(id)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case id := <-g.changed:
			g.publishState(id)
		}
	}
}
