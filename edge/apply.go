package edge

import (
	"context"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/intake"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/uplink"
)

// source is a camera that is watched.
type source struct {
	*intake.Camera
	unit *supervise.Unit
	end  func() // lets go of what opening it took
}

// Apply takes a new configuration in while everything goes on, if nothing has changed but
// what can be exchanged so: the uplink, groups and zones, what devices are called and
// where they stand, limits, cameras. False: nothing was done, and it needs a new life.
// Nobody's stick is let go and nothing that is being said is cut for the change of a name.
func (g *Gateway) Apply(ctx context.Context, next Setup) bool {
	ctx = context.WithoutCancel(ctx) // the end comes by Stop, in order
	old := g.s()
	changed := config.Diff(old.File, next.File)
	if (old.File.Uplink.Broker == "") != (next.File.Uplink.Broker == "") || slices.ContainsFunc(changed, func(p string) bool { return !exchangeable(p) }) {
		return false
	}
	g.at.Store(&next)
	g.log.Info("configuration taken in", "changed", changed)
	g.health.Clear("config.refused", "")
	has := func(tops ...string) bool {
		return slices.ContainsFunc(changed, func(p string) bool {
			top, _, _ := strings.Cut(p, ".")
			return slices.Contains(tops, top)
		})
	}
	if has("limits") {
		g.desk.SetLimits(limitsOf(next.File))
		g.hall.SetMaxSay(time.Duration(next.File.Limits.MaxSayS) * time.Second)
	}
	if has("groups", "zones", "devices") {
		g.dir.Replace(g.entries())
	}
	if has("cameras") {
		g.exchangeCameras(ctx, old)
	}
	if was, is := old.File.Uplink, next.File.Uplink; was.TelemetryS != is.TelemetryS {
		g.telemetry.Stop(patience)
		g.startTelemetry(ctx)
	}
	if was, is := old.File.Uplink, next.File.Uplink; was.Upload != is.Upload {
		g.stopUpload()
		g.startUpload(ctx)
	}
	if has("uplink", "groups", "zones", "devices", "cameras") { // other addresses, subscriptions or inventory
		g.uplink.Change(g.uplinkConfig())
	} else {
		g.uplink.Announce() // the hash of the configuration may be another
	}
	return true
}

// exchangeable tells whether what stands at a path can be exchanged in a running gateway.
func exchangeable(path string) bool {
	top, rest, _ := strings.Cut(path, ".")
	switch top {
	case "uplink", "groups", "zones", "limits", "cameras":
		return true
	case "devices":
		_, key, _ := strings.Cut(rest, ".")
		key, _, _ = strings.Cut(key, ".")
		return slices.Contains([]string{"name", "address", "location", "grid", "codes"}, key)
	}
	return false
}

func limitsOf(f *config.File) command.Limits {
	return command.Limits{Repeat: f.Limits.MaxRepeat, TextRunes: f.Limits.MaxTextRunes}
}

// openCamera makes one camera's runner.
func (g *Gateway) openCamera(ctx context.Context, id string, d config.Device) (*source, error) {
	dev, end, err := g.opener(id, d)(ctx)
	if err != nil {
		return nil, err
	}
	return &source{end: end, Camera: &intake.Camera{
		ID: id, Log: g.log.With("device", id), Watcher: dev.(drivers.Watcher), Keep: g.keepEvent, KeepMedia: g.keepMedia,
	}}, nil
}

// exchangeCameras ends those that have changed or gone, and begins those that are new.
func (g *Gateway) exchangeCameras(ctx context.Context, old *Setup) {
	now := g.s()
	same := func(id string) bool {
		a, was := old.File.Cameras[id]
		b, is := now.File.Cameras[id]
		only := func(d config.Device) *config.File { return &config.File{Cameras: map[string]config.Device{id: d}} }
		return was && is && len(config.Diff(only(a), only(b))) == 0
	}
	var kept []*source
	for _, c := range g.sources() {
		if same(c.ID) {
			kept = append(kept, c)
			continue
		}
		c.unit.Stop(patience)
		c.end()
		g.health.Clear("secret.missing", c.ID)
	}
	for id, d := range now.File.Cameras {
		if same(id) {
			continue
		}
		c, err := g.openCamera(ctx, id, d)
		if err != nil { // the configuration was judged: it is a mistake of ours
			g.log.Error("camera not opened", "device", id, "error", err)
			continue
		}
		c.unit = g.tree.Start(ctx, floorIntake, "camera "+id, c.Camera)
		kept = append(kept, c)
	}
	g.camsMu.Lock()
	defer g.camsMu.Unlock()
	g.cams = kept
}

// sources are the cameras that are watched now.
func (g *Gateway) sources() []*source {
	g.camsMu.Lock()
	defer g.camsMu.Unlock()
	return slices.Clone(g.cams)
}

// uplinkConfig is what of the uplink a reload may exchange.
func (g *Gateway) uplinkConfig() uplink.Changeable {
	f := g.s().File
	c := uplink.Changeable{
		Broker: f.Uplink.Broker, Fallback: f.Uplink.Fallback, Groups: g.groups(), Ack: uplink.Ack(f.Uplink.Ack), Ceiling: f.Uplink.MaxKbitS * 1000 / 8,
		ReconnectCap: time.Duration(f.Uplink.ReconnectCapMS) * time.Millisecond, Feeds: g.feeds(),
	}
	if slices.ContainsFunc(append([]string{f.Uplink.Broker}, f.Uplink.Fallback...), func(b string) bool { return strings.HasPrefix(b, "mqtts:") }) {
		c.TLS = g.certs.config
	}
	return c
}
