package street

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/broker"
	"fuqiao/edged/testbench/dome"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/pki"
	"fuqiao/edged/testbench/platform"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/serial"
	"fuqiao/edged/testbench/speech"
)

// Gateway is the name of the street's gateway.
const Gateway = "xiaozhakou-1"

// Options of a street. Edged and Dir are needed; other zero values take those in brackets.
type Options struct {
	// Edged is the daemon's binary.
	Edged string
	// Dir takes everything that the street needs on disk; it must exist.
	Dir string
	// Domes hang on one RS-485 line, addresses from 1; Horns have a chip, a UART, a relay
	// and an amplifier each; [1 and 1]. A negative number is none.
	Domes, Horns int
	// Speech is how the chips are.
	Speech speech.Options
	// Extra is added to the configuration, whole top-level blocks; Change may alter the
	// whole text before it is written.
	Extra  string
	Change func(config string) string
	// TelemetryS is the interval [2]; ReconnectMS the uplink's cap [300].
	TelemetryS, ReconnectMS int
	// Hooks are faults of the kernel around the daemon.
	Hooks []kernel.Hook
	// Restart is the manager's RestartSec [1 s]; negative: a dead daemon stays dead.
	Restart time.Duration
	// Direct: the daemon reaches the broker without the link, as what it is compared with.
	Direct bool
	// Watchdog is the manager's WatchdogSec [10 s].
	Watchdog time.Duration
	// Platform is how the platform is; broker, gateway and trust are filled in.
	Platform platform.Options
	// Tee gets what the daemon prints.
	Tee io.Writer
	// Log is for the testbench's own parts; nil throws it away.
	Log *slog.Logger
	// Seed makes the wires repeatable.
	Seed uint64
	// Outside starts a broker that is none of ours, with the street's certificates, and
	// returns its host:port; Street.Broker is nil then.
	Outside func(ctx context.Context, ca *pki.CA) (addr string, err error)
	// Cold: the daemon is not started; Start does it.
	Cold bool
}

// Horn is one loudspeaker with all that belongs to it.
type Horn struct {
	ID        string
	Amplifier string
	Wire      *serial.Wire
	Chip      *speech.Chip
	// Relay is the offset of its amplifier's line on Street.Pins.
	Relay int
}

// Dome is one dome camera.
type Dome struct {
	ID      string
	Address byte
	*dome.Dome
}

// Street is one neighbourhood.
type Street struct {
	o Options
	// File is the configuration, State the daemon's state directory, Socket its socket.
	File, State, Socket string

	CA       *pki.CA
	Broker   *broker.Broker
	Link     *proxy.Proxy // between daemon and broker
	Trust    *platform.Trust
	Platform *platform.Platform
	Pins     *kernel.Chip
	RS485    *serial.Wire // all domes hang here
	Domes    []Dome
	Horns    []Horn
	Camera   Camera
	Service  *process.Service

	addr      string // of the broker
	presences int    // seen so far
	session   string // of the latest Online
}

// New stands everything up and, unless it is to stay cold, waits until the daemon is
// online and told the time.
func New(ctx context.Context, o Options) (s *Street, err error) {
	o.defaults()
	s = &Street{o: o, File: filepath.Join(o.Dir, "edged.yaml"), State: filepath.Join(o.Dir, "state")}
	s.Socket = filepath.Join(s.State, "edged.sock")
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("street: %w", err), s.Close())
			s = nil
		}
	}()
	if err := s.net(ctx); err != nil {
		return s, err
	}
	if err := s.wires(); err != nil {
		return s, err
	}
	if err := s.provision(); err != nil {
		return s, err
	}
	if o.Cold {
		return s, nil
	}
	return s, s.Start(ctx)
}

func (o *Options) defaults() {
	def := func(n *int, to int) {
		if *n == 0 {
			*n = to
		}
		*n = max(*n, 0)
	}
	def(&o.Domes, 1)
	def(&o.Horns, 1)
	def(&o.TelemetryS, 2)
	def(&o.ReconnectMS, 300)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// net makes certificates, broker, link, keys and the platform.
func (s *Street) net(ctx context.Context) (err error) {
	if s.CA, err = pki.New(filepath.Join(s.o.Dir, "pki"), "street"); err != nil {
		return err
	}
	if s.addr, err = s.broker(ctx); err != nil {
		return err
	}
	if s.Link, err = proxy.New(s.addr); err != nil {
		return err
	}
	if s.Trust, err = platform.NewTrust(s.o.Dir, nil); err != nil {
		return err
	}
	own, err := s.CA.Client("ctl-platform")
	if err != nil {
		return err
	}
	p := s.o.Platform
	p.Broker, p.Gateway, p.Trust, p.Log = "mqtts://"+s.addr, Gateway, s.Trust, s.o.Log
	if p.TLS, err = s.CA.ClientTLS(own); err != nil {
		return err
	}
	s.Platform, err = platform.New(ctx, p)
	return err
}

// broker starts ours, or asks for the one from outside.
func (s *Street) broker(ctx context.Context) (addr string, err error) {
	if s.o.Outside != nil {
		return s.o.Outside(ctx, s.CA)
	}
	server, err := s.CA.Server("broker")
	if err != nil {
		return "", err
	}
	tls, err := s.CA.ServerTLS(server)
	if err != nil {
		return "", err
	}
	if s.Broker, err = broker.New(broker.Options{TLS: tls, Log: s.o.Log}); err != nil {
		return "", err
	}
	return s.Broker.Addr(), nil
}

// wires makes the serial lines and what hangs on them, and the GPIO chip.
func (s *Street) wires() (err error) {
	if s.o.Domes > 0 {
		s.RS485, err = serial.New(serial.Options{Link: filepath.Join(s.o.Dir, "rs485-1"), Baud: domeBaud, CheckBaud: true, Length: dome.Length, Seed: s.o.Seed})
		if err != nil {
			return err
		}
	}
	for i := range s.o.Domes {
		d := Dome{ID: fmt.Sprintf("dome-%d", i+1), Address: byte(i + 1)}
		d.Dome = dome.New(dome.Options{Address: d.Address})
		s.RS485.Attach(d.Dome)
		s.Domes = append(s.Domes, d)
	}
	var lines []string
	for i := range s.o.Horns {
		h := Horn{ID: fmt.Sprintf("horn-%d", i+1), Amplifier: fmt.Sprintf("amp-%d", i+1), Relay: i, Chip: speech.New(s.o.Speech)}
		h.Wire, err = serial.New(serial.Options{
			Link: filepath.Join(s.o.Dir, fmt.Sprintf("uart-%d", i+1)), Baud: hornBaud, CheckBaud: true, FullDuplex: true,
			Length: speech.Length, Seed: s.o.Seed + uint64(i) + 1,
		})
		if err != nil {
			return err
		}
		h.Wire.Attach(h.Chip)
		s.Horns = append(s.Horns, h)
		lines = append(lines, fmt.Sprintf("AMP%d", i+1))
	}
	s.Pins = kernel.NewChip("gpiochip0", "pinctrl-street", append(lines, "DOOR")...)
	return nil
}

// provision does what a technician does before the first start: state directory, trust
// file, certificate, secrets, configuration.
func (s *Street) provision() error {
	if err := os.MkdirAll(filepath.Join(s.State, "secrets"), 0o700); err != nil {
		return err
	}
	gateway, err := s.CA.Client(Gateway)
	if err != nil {
		return err
	}
	if s.Camera, err = newCamera("cam-1"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.State, "secrets", s.Camera.ID), []byte(s.Camera.Token+"\n"), 0o600); err != nil {
		return err
	}
	return s.Configure(s.config(gateway))
}

// Configure writes the configuration; the daemon takes it at its next start or reload.
func (s *Street) Configure(text string) error {
	if s.o.Change != nil {
		text = s.o.Change(text)
	}
	return os.WriteFile(s.File, []byte(text), 0o600)
}

// Start starts the daemon and waits until it is ready, online, and told the time.
func (s *Street) Start(ctx context.Context) error {
	if err := s.StartOffline(ctx); err != nil {
		return err
	}
	return s.Online(ctx)
}

// StartOffline starts the daemon and waits until it is ready.
func (s *Street) StartOffline(ctx context.Context) (err error) {
	s.Service, err = process.Start(ctx, process.Config{
		Path: s.o.Edged, File: s.File, Chips: []*kernel.Chip{s.Pins}, Hooks: s.o.Hooks,
		Restart: s.o.Restart, Watchdog: s.o.Watchdog, Tee: s.o.Tee,
	})
	return err
}

// AddHook adds a fault of the kernel before the daemon is started: one that needs to know
// the street's directories.
func (s *Street) AddHook(h kernel.Hook) { s.o.Hooks = append(s.o.Hooks, h) }

// Online waits for a session that is not the one of the last Online; the platform answers
// its presence with the time.
func (s *Street) Online(ctx context.Context) error {
	for {
		p, n, err := s.Platform.AwaitOnline(ctx, s.presences)
		if err != nil {
			return err
		}
		s.presences = n
		if session := fmt.Sprint(p.Run, p.Session); session != s.session {
			s.session = session
			return nil
		}
	}
}

// Send signs and sends an order and waits for its terminal result on one device.
func (s *Street) Send(ctx context.Context, o wire.Order) (wire.Result, error) {
	id, err := s.Platform.Send(ctx, o)
	if err != nil {
		return wire.Result{}, err
	}
	device := ""
	if len(o.Target) == 1 {
		if kind, _ := wire.ParseTarget(o.Target[0]); kind == wire.ByDevice {
			device = o.Target[0]
		}
	}
	return s.Platform.Await(ctx, id, device)
}

// Violations says where the daemon broke the law of a bus. A run with one has failed.
func (s *Street) Violations() []string {
	var all []string
	add := func(w *serial.Wire) {
		for _, v := range w.Violations() {
			all = append(all, filepath.Base(w.Link())+": "+v)
		}
	}
	if s.RS485 != nil {
		add(s.RS485)
	}
	for _, h := range s.Horns {
		add(h.Wire)
	}
	return all
}

// Close ends all that still runs, the daemon by SIGKILL; Service.Stop ends it well.
func (s *Street) Close() error {
	if s.Service != nil {
		s.Service.Kill()
	}
	if s.Platform != nil {
		s.Platform.Close()
	}
	var errs []error
	if s.Link != nil {
		errs = append(errs, s.Link.Close())
	}
	if s.Broker != nil {
		errs = append(errs, s.Broker.Close())
	}
	if s.RS485 != nil {
		errs = append(errs, s.RS485.Close())
	}
	for _, h := range s.Horns {
		errs = append(errs, h.Wire.Close())
	}
	return errors.Join(errs...)
}
