package street

import (
	"fmt"
	"strings"

	"fuqiao/edged/testbench/pki"
)

// Line rates as in the field: domes at 2400 (Pelco's usual), speech chips at 9600 (the
// only rate of a SYN6288 as delivered).
const (
	domeBaud = 2400
	hornBaud = 9600
)

// config writes the street's configuration as a technician would.
func (s *Street) config(own pki.Pair) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("gateway: %s", Gateway)
	say("uplink:")
	way := s.Link.Addr()
	if s.o.Direct {
		way = s.addr
	}
	say("  broker: %s", "mqtts://"+way)
	say("  ca: %s", s.CA.File())
	say("  cert: %s", own.Cert)
	say("  key: %s", own.Key)
	say("  reconnect_cap_ms: %d", s.o.ReconnectMS)
	say("  telemetry_s: %d", s.o.TelemetryS)
	say("state:\n  dir: %s", s.State)
	say("authority:\n  trust: %s", s.Trust.File)
	say("limits:\n  max_say_s: 60")
	s.configWires(say)
	s.configDevices(say)
	say("cameras:\n  %s:\n    model: webhook\n    name: 菜市场东门枪机", s.Camera.ID)
	say("    options: {listen: %s, path: %s, secret: %s}", s.Camera.Addr, s.Camera.Path, s.Camera.ID)
	b.WriteString(s.o.Extra)
	return b.String()
}

func (s *Street) configWires(say func(string, ...any)) {
	if len(s.Domes)+len(s.Horns) > 0 {
		say("buses:")
	}
	if len(s.Domes) > 0 {
		say("  rs485-1: {port: %s, baud: %d, gap_ms: 10}", s.RS485.Link(), domeBaud)
	}
	for i, h := range s.Horns {
		say("  uart-%d: {port: %s, baud: %d}", i+1, h.Wire.Link(), hornBaud)
	}
	if len(s.Horns) > 0 {
		say("outputs:")
	}
	for i := range s.Horns {
		say("  relay-%d: {chip: gpiochip0, line: AMP%d, max_on_s: 120}", i+1, i+1)
	}
	say("inputs:\n  cabinet-door: {chip: gpiochip0, line: DOOR, pull: up}")
	if len(s.Horns) > 0 {
		say("amplifiers:")
	}
	for i, h := range s.Horns {
		say("  %s: {output: relay-%d, warm_up_ms: 300, tail_ms: 300, max_on_s: 100, min_off_s: 0, speakers: [%s]}", h.Amplifier, i+1, h.ID)
	}
}

func (s *Street) configDevices(say func(string, ...any)) {
	if len(s.Domes)+len(s.Horns) == 0 {
		return
	}
	say("devices:")
	for _, d := range s.Domes {
		say("  %s:\n    model: pelco-d\n    name: 小闸口%d号球机", d.ID, d.Address)
		say("    options: {bus: rs485-1, address: %d}", d.Address)
	}
	var ids []string
	for i, h := range s.Horns {
		say("  %s:\n    model: syn6288\n    name: 小闸口%d号号角", h.ID, i+1)
		say("    options: {bus: uart-%d, volume: 80}", i+1)
		ids = append(ids, h.ID)
	}
	if len(ids) > 0 {
		say("zones:\n  market: [%s]", strings.Join(ids, ", "))
	}
}
