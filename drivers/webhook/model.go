package webhook

import (
	"context"
	"time"

	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
)

// options are the keys below `options:` of a camera with this model.
type options struct {
	// Listen is the box's own address on the cameras' network. 0.0.0.0 is taken only
	// because somebody wrote it.
	Listen string `yaml:"listen" need:"true" pattern:"hostport"`
	Path   string `yaml:"path" need:"true" pattern:"urlpath"`
	// Secret names the secret that holds the sender's token.
	Secret string `yaml:"secret" need:"true" pattern:"secret"`
	// MaxKiB bounds one request's body.
	MaxKiB int `yaml:"max_kib" default:"32" range:"1..32"`
	// MaxMediaMiB bounds an event's pictures and clips together; 0 takes none.
	MaxMediaMiB int `yaml:"max_media_mib" default:"20" range:"0..20"`
	// AlarmTypes are the types of event that a person waits for.
	AlarmTypes []string `yaml:"alarm_types"`
}

// Limits of one endpoint.
const (
	// readWithin is how long a sender may take for a body of at most 32 KiB.
	readWithin = 10 * time.Second
	// mediaWithin is how long it may take for pictures and clips.
	mediaWithin = time.Minute
	// storeWithin is how long the journal may take.
	storeWithin = 10 * time.Second
	// atOnce is how many requests of one camera are worked on at a time.
	atOnce = 8
)

// Model is the model webhook.
func Model() drivers.Model {
	return drivers.Model{
		Name: "webhook",
		Kind: "camera",
		Check: func(n config.Node) (drivers.Claims, []config.Problem) {
			var o options
			problems := config.Decode(n, &o)
			if o.Listen == "" || o.Path == "" {
				return drivers.Claims{}, problems // cannot be read
			}
			return drivers.Claims{Listens: []string{o.Listen + o.Path}, Secrets: []string{o.Secret}}, problems
		},
		Open: func(_ context.Context, n config.Node, p drivers.Parts) (drivers.Device, error) {
			var o options
			if problems := config.Decode(n, &o); len(problems) > 0 {
				return nil, problems[0]
			}
			return New(Config{
				Listen: o.Listen, Path: o.Path, Serve: p.Serve, Log: p.Log,
				Token:      func() ([]byte, error) { return p.Secret(o.Secret) },
				MaxBytes:   o.MaxKiB << 10,
				MaxMedia:   int64(o.MaxMediaMiB) << 20,
				AlarmTypes: o.AlarmTypes,
				ReadWithin: readWithin, MediaWithin: mediaWithin, StoreWithin: storeWithin, AtOnce: atOnce,
				Raise: p.Raise, Clear: p.Clear,
			}), nil
		},
	}
}
