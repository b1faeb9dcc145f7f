package edge

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/local"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/telemetry"
	"fuqiao/edged/edge/uplink"
	"fuqiao/edged/edge/wire"
)

// askEvery is how often a box that does not know the time asks for it (contract.md,
// presence); floorEvery is how often the floor of the clock is kept.
const (
	askEvery   = time.Minute
	floorEvery = 10 * time.Minute
)

// startDesk starts everything through which orders go.
func (g *Gateway) startDesk(ctx context.Context) {
	f := g.s().File
	g.certs = g.newCerts()
	change := g.uplinkConfig()
	g.uplink = uplink.New(uplink.Config{
		Gateway: f.Gateway, Root: f.Root, Run: g.run, Changeable: change, Journal: g.journal, Wrap: g.wrap, Media: g.openMedia,
		Presence: func(s uplink.Session, state string) []byte { return g.presence(s.Number, state == wire.Online) },
		Ours:     g.runs.ours, Twin: g.twin, OldGroups: g.oldGroups, KeepGroups: g.keepGroups, Go: g.spawn(floorUplink), Unsure: func() bool { return !g.clock.Now().Known() },
		Inventory: g.inventory, Beacon: g.beacon, Notice: g.uplinkNotice, Log: g.log,
	})
	g.desk = command.New(command.Config{
		Gateway: f.Gateway, Root: f.Root, Log: g.log, Run: g.run, Began: g.began, Clock: g.clock,
		Authority: g.trust, Ledger: g.ledger, Directory: g.dir, Station: g.station, Domes: g.domes, Hall: g.hall,
		Outputs: g.remoteOutputs(), Keep: g.keepResult, Publish: g.publishResult, Refused: g.refuse, AskTime: g.uplink.Announce,
		Limits: limitsOf(f),
	})
	start := func(floor int, name string, run func(context.Context) error) {
		g.tree.Start(ctx, floor, name, supervise.Func(run))
	}
	start(floorResults, "notes", g.desk.Notes)
	start(floorResults, "results", g.desk.Results)
	g.desk.Recover()
	start(floorDesks, "late ledger", func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-g.found:
				g.desk.Recover()
			}
		}
	})
	start(floorDesks, "intents", g.desk.Intents)
	start(floorDesks, "orders that wait for the clock", g.desk.Clocks)
	start(floorStops, "stop path", func(ctx context.Context) error { return g.desk.Stops(ctx, g.uplink.Stops()) })
	start(floorStops, "session frames", g.frames)
	start(floorDesks, "order desk", func(ctx context.Context) error { return g.desk.Orders(ctx, g.uplink.Orders()) })
	start(floorUplink, "uplink", g.uplink.Run)
	g.startUpload(ctx)
	g.deskUp.Store(true)
}

// feeds says where the records of each class go, the most urgent first.
func (g *Gateway) feeds() []uplink.Feed {
	feeds := []uplink.Feed{
		{Class: journal.Result, Channel: wire.ChanResult, Urgent: true},
		{Class: journal.Alarm, Channel: wire.ChanEvent, Urgent: true},
		{Class: journal.Gap, Channel: wire.ChanEvent, Urgent: true},
		{Class: journal.Event, Channel: wire.ChanEvent},
		{Class: journal.Telemetry, Channel: wire.ChanEvent},
	}
	if g.s().File.Uplink.Upload == "" {
		feeds = append(feeds, uplink.Feed{Class: journal.Media, Channel: wire.ChanMedia})
	}
	return feeds
}

// startUpload sends pictures and clips by HTTPS, where that is asked for.
func (g *Gateway) startUpload(ctx context.Context) {
	f := g.s().File
	if f.Uplink.Upload == "" {
		return
	}
	up := uplink.UploadConfig{
		URL: f.Uplink.Upload, Gateway: f.Gateway, Journal: g.journal, Media: g.openMedia, Notice: g.notice(""), Log: g.log,
		Rate: func() float64 { return g.uplink.Stats().Rate },
	}
	if strings.HasPrefix(f.Uplink.Upload, "https:") {
		up.TLS = g.certs.config
	}
	g.upload = g.tree.Start(ctx, floorUplink, "upload", uplink.NewUpload(up))
}

func (g *Gateway) stopUpload() {
	if g.upload != nil {
		g.upload.Stop(patience)
		g.upload = nil
		g.health.Clear("uplink.upload", "")
	}
}

// startOutside starts what only looks and tells.
func (g *Gateway) startOutside(ctx context.Context) {
	f := g.s().File
	start := func(name string, run func(context.Context) error) {
		g.tree.Start(ctx, floorOutside, name, supervise.Func(run))
	}
	start("device states", g.states)
	start("refusals", g.tellRefusals)
	start("clock", g.watchClock)
	start("secrets", g.watchSecrets)
	start("certificate", g.watchCerts)
	g.startTelemetry(ctx)
	start("local socket", local.New(local.Config{
		Socket: SocketPath(f), Groups: f.Local.Groups, Log: g.log, Status: func() any { return g.status() }, Spawn: g.spawn(floorOutside),
		Tried: func(error) { g.coming.came("local socket") },
	}).Run)
}

// startTelemetry samples and publishes the gateway's values.
func (g *Gateway) startTelemetry(ctx context.Context) {
	f := g.s().File
	box := telemetry.NewBox(f.State.Dir)
	g.telemetry = g.tree.Start(ctx, floorOutside, "telemetry", telemetry.New(telemetry.Config{
		Base: "urn:dev:ops:" + f.Root + "-" + f.Gateway + ":", Every: time.Duration(f.Uplink.TelemetryS) * time.Second, Log: g.log,
		Sources: []telemetry.Source{box.Values, g.counters}, Now: g.known, Began: g.began, Online: g.uplink.Online,
		Publish: func(pack []byte) {
			if err := g.uplink.Publish(wire.ChanTelemetry, pack); err != nil {
				g.log.Debug("telemetry dropped", "error", err)
			}
		},
		Keep: g.keepSummary,
	}))
}

// publishResult sends a state before the terminal, or a repeat, from RAM.
func (g *Gateway) publishResult(r wire.Result) {
	rec, err := wire.NewRecord(wire.TypeResult, r.Device, r.Time, r.MonoMS, r)
	if err != nil {
		g.log.Error("result not encoded", "act", r.Act, "error", err)
		return
	}
	raw, err := wire.Envelope(g.s().File.Root, g.s().File.Gateway, g.run, wire.ClassStep, g.steps.Add(1), rec)
	if err != nil {
		g.log.Error("result not encoded", "act", r.Act, "error", err)
		return
	}
	if err := g.uplink.Publish(wire.ChanResult, raw); err != nil {
		g.log.Debug("step dropped", "act", r.Act, "status", r.Status)
	}
}

// wrap makes the message of a journal record. What was kept without a session is
// marked, and is otherwise the same.
func (g *Gateway) wrap(rec journal.Record, historical bool) []byte {
	raw, err := wire.Envelope(g.s().File.Root, g.s().File.Gateway, rec.ID.Run, string(rec.ID.Class), uint64(rec.ID.Seq), rec.Data)
	if err != nil {
		// It stood on disk with a good checksum and is no record of ours: it is passed on
		// as it is rather than lost.
		g.log.Error("record without an envelope", "run", rec.ID.Run, "class", rec.ID.Class, "seq", rec.ID.Seq, "error", err)
		return rec.Data
	}
	if historical {
		raw = append([]byte(`{"historical":true,`), raw[1:]...)
	}
	return raw
}

// keepSummary journals one telemetry pack of an outage.
func (g *Gateway) keepSummary(ctx context.Context, pack []byte) error {
	rec, err := wire.NewRecord(wire.TypeSummary, "", g.stamp(), g.mono(), wire.Raw(pack))
	if err != nil {
		return err
	}
	return g.keep(ctx, journal.Telemetry, rec)
}

// beacon takes a time beacon: signed by a key that may, for this run and the latest nonce.
func (g *Gateway) beacon(payload []byte, _ time.Time) {
	b, err := g.trust.VerifyBeacon(payload)
	if err != nil {
		g.refuse("beacon", payload)
		return
	}
	if b.Run != g.run || !g.clock.Beacon(b.Nonce, b.Time) {
		g.log.Info("time beacon not taken", "run", b.Run)
		return
	}
	g.log.Info("time taken from a beacon", "time", b.Time)
}

// watchClock asks for the time while it is not trusted, tells the platform how this
// run's monotonic time maps to wall time when that is found, and keeps the floor.
func (g *Gateway) watchClock(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	asked, kept := time.Now(), time.Time{}
	told := false
	for {
		r := g.clock.Now()
		if r.Known() {
			g.health.Clear("clock.unknown", "")
			if !told {
				told = g.tellClock(ctx) == nil
			}
			if time.Since(kept) >= floorEvery {
				kept = time.Now()
				g.keepFloor(r.Time)
			}
		} else {
			g.health.Raise("clock.unknown", "", "")
		}
		if !r.Known() && time.Since(asked) >= askEvery {
			asked = time.Now()
			g.uplink.Announce()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (g *Gateway) tellClock(ctx context.Context) error {
	r := g.clock.Now()
	rec, err := wire.NewRecord(wire.TypeClock, "", r.Time.UTC().Truncate(time.Millisecond), g.mono(), wire.ClockEvent{
		Run: g.run, MonoMS: g.mono(), Time: r.Time.UTC().Truncate(time.Millisecond), ErrorMS: float64(r.Error.Microseconds()) / 1000, Source: r.Source,
	})
	if err != nil {
		return err
	}
	return g.keep(ctx, journal.Event, rec)
}

// floor is a time that has surely passed: the build, the last time that we knew, the
// beginning of our own certificate.
func (g *Gateway) floor() time.Time {
	t := g.s().Built
	if raw, err := os.ReadFile(g.s().below("clock")); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && time.Unix(n, 0).After(t) {
			t = time.Unix(n, 0)
		}
	}
	if raw, err := os.ReadFile(g.s().below(g.s().File.Uplink.Cert)); err == nil {
		if block, _ := pem.Decode(raw); block != nil {
			if c, err := x509.ParseCertificate(block.Bytes); err == nil && c.NotBefore.After(t) {
				t = c.NotBefore
			}
		}
	}
	return t
}

// keepFloor writes the time without a sync: an old floor is as good as none is bad,
// and the card is spared.
func (g *Gateway) keepFloor(t time.Time) {
	if g.state == nil {
		return
	}
	if err := os.WriteFile(g.s().below("clock"), []byte(strconv.FormatInt(t.Unix(), 10)+"\n"), 0o600); err != nil {
		g.log.Warn("clock floor not kept", "error", err)
	}
}

// SocketPath is where the daemon of a configuration listens for edgectl.
func SocketPath(f *config.File) string {
	if f.Local.Socket != "" {
		return f.Local.Socket
	}
	return filepath.Join(f.State.Dir, "edged.sock")
}
