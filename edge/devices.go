package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/bus"
	"fuqiao/edged/edge/command"
	"fuqiao/edged/edge/supervise"
	"fuqiao/edged/edge/wire"
)

// openDevices opens every dome and speaker through the catalog and gives it to the
// station; cameras get a runner of their own.
func (g *Gateway) openDevices(ctx context.Context) error {
	var errs []error
	for id, d := range g.s().File.Devices {
		errs = append(errs, g.station.Add(ctx, id, g.opener(id, d)))
	}
	for id, d := range g.s().File.Cameras {
		c, err := g.openCamera(ctx, id, d)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		g.cams = append(g.cams, c)
	}
	return errors.Join(errs...)
}

// opener makes one device, at start and again after its driver hung: what an opening
// has started ends with it.
func (g *Gateway) opener(id string, d config.Device) func(ctx context.Context) (drivers.Device, func(), error) {
	model := g.s().Catalog[d.Model]
	claims := g.s().Claims[id]
	return func(ctx context.Context) (drivers.Device, func(), error) {
		ctx, end := context.WithCancel(ctx)
		log := g.log.With("device", id, "model", d.Model)
		p := drivers.Parts{
			Device: id, Log: log,
			Output: g.output(claims.Outputs),
			Secret: g.secret,
			Serve: func(ctx context.Context, hostport, path string, h http.Handler) error {
				return g.servers.Serve(ctx, hostport, path, h)
			},
			Go: func(name string, run func(context.Context) error) {
				g.tree.Start(ctx, floorDevices, id+" "+name, supervise.Func(run))
			},
			Raise: func(code, detail string) { g.health.Raise(code, id, detail) },
			Clear: func(code string) { g.health.Clear(code, id) },
		}
		if b := g.buses[claims.Bus]; b != nil {
			p.Line = b.Attach(id, bus.Options{})
		}
		dev, err := model.Open(ctx, d.Options, p)
		if err != nil {
			end()
			return nil, nil, fmt.Errorf("%s (%s): %w", id, d.Model, err)
		}
		return dev, end, nil
	}
}

// output hands out only what the device has claimed.
func (g *Gateway) output(claimed []string) func(string) (drivers.Output, error) {
	return func(name string) (drivers.Output, error) {
		if !slices.Contains(claimed, name) {
			return nil, fmt.Errorf("output %s was not claimed", name)
		}
		return g.pins.Output(name)
	}
}

// secret reads a named secret: from $CREDENTIALS_DIRECTORY, where the service
// manager puts what it has unsealed, or from secrets/ in the state directory, where
// only our own user may read it.
func (g *Gateway) secret(name string) ([]byte, error) {
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			return trimNewline(raw), nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("secret %s: %w", name, err)
		}
	}
	path := g.s().below(filepath.Join("secrets", name))
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm()&0o077 != 0 || ok && int(st.Uid) != os.Getuid() {
		return nil, fmt.Errorf("secret %s: %s must belong to the daemon's user and have mode 0600, it has %v", name, path, info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", name, err)
	}
	return trimNewline(raw), nil
}

// secretsEvery is how often missing secrets are looked for again.
const secretsEvery = 10 * time.Second

// watchSecrets raises a condition for each device whose secret is not there or may be
// read by others, and clears it when that is mended.
func (g *Gateway) watchSecrets(ctx context.Context) error {
	tick := time.NewTicker(secretsEvery)
	defer tick.Stop()
	for {
		for id, claims := range g.s().Claims {
			var errs []error
			for _, name := range claims.Secrets {
				_, err := g.secret(name)
				errs = append(errs, err)
			}
			if err := errors.Join(errs...); err != nil {
				g.health.Raise("secret.missing", id, err.Error())
			} else {
				g.health.Clear("secret.missing", id)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// trimNewline drops the line end that editors and echo leave behind a secret.
func trimNewline(raw []byte) []byte {
	for len(raw) > 0 && (raw[len(raw)-1] == '\n' || raw[len(raw)-1] == '\r') {
		raw = raw[:len(raw)-1]
	}
	return raw
}

// powers are the actions that a device of a kind offers here.
func powers(kind string, dev drivers.Device) []wire.Action {
	switch kind {
	case "speaker":
		return []wire.Action{wire.SpeakerSay, wire.SpeakerStop, wire.SpeakerVolume}
	case "dome":
		out := []wire.Action{wire.DomeAcquire, wire.DomeRelease, wire.DomeMove, wire.DomeStop, wire.DomeGoto}
		if _, ok := dev.(drivers.PresetStore); ok {
			out = append(out, wire.DomePreset)
		}
		return out
	case "output":
		return []wire.Action{wire.OutputSet}
	}
	return nil
}

// entries lists everything that orders can be sent to.
func (g *Gateway) entries() (list []command.Entry) {
	for id, d := range g.s().File.Devices {
		dev, err := g.station.Device(id)
		if err != nil {
			continue
		}
		kind := g.s().Catalog[d.Model].Kind
		list = append(list, command.Entry{ID: id, Kind: kind, Model: d.Model, Addresses: g.addresses(id, d), Powers: powers(kind, dev)})
	}
	for id := range g.remoteOutputs() {
		list = append(list, command.Entry{ID: id, Kind: "output", Model: "gpio", Addresses: g.addresses(id, config.Device{}), Powers: powers("output", nil)})
	}
	return list
}

// remoteOutputs are the outputs that the platform may switch: marked so, and owned
// by no amplifier.
func (g *Gateway) remoteOutputs() map[string]drivers.Output {
	owned := map[string]bool{}
	for _, a := range g.s().File.Amplifiers {
		owned[a.Output] = true
	}
	out := map[string]drivers.Output{}
	for name, o := range g.s().File.Outputs {
		if o.Remote && !owned[name] {
			if p, err := g.pins.Output(name); err == nil {
				out[name] = p
			}
		}
	}
	return out
}

// addresses are the words of a target that mean the device.
func (g *Gateway) addresses(id string, d config.Device) []string {
	var out []string
	for name, members := range g.s().File.Groups {
		if slices.Contains(members, id) {
			out = append(out, "group:"+name)
		}
	}
	for name, members := range g.s().File.Zones {
		if slices.Contains(members, id) {
			out = append(out, "zone:"+name)
		}
	}
	if d.Grid != "" {
		out = append(out, "grid:"+d.Grid)
	}
	for _, c := range []string{d.Codes.GB28181, d.Codes.EBR} {
		if c != "" {
			out = append(out, "code:"+c)
		}
	}
	return out
}
