package edge

import "fuqiao/edged/edge/telemetry"

// counters are the gateway's own values for telemetry.
func (g *Gateway) counters() []telemetry.Value {
	var out []telemetry.Value
	add := func(name, unit string, v, step float64) {
		out = append(out, telemetry.Value{Name: name, Unit: unit, V: v, Step: step})
	}
	for _, b := range g.busStatus() {
		p := "bus/" + b.ID + "/"
		add(p+"frames", "", float64(b.Frames), 0)
		add(p+"bytes_out", "B", float64(b.BytesOut), 0)
		add(p+"bytes_in", "B", float64(b.BytesIn), 0)
		add(p+"timeouts", "", float64(b.Timeouts), 1)
		add(p+"checksum_errors", "", float64(b.Corrupt), 1)
		add(p+"foreign_bytes", "", float64(b.Foreign), 1)
		add(p+"reopens", "", float64(b.Reopens), 1)
	}
	for _, c := range g.journalStatus() {
		p := "journal/" + c.Class + "/"
		add(p+"depth", "", float64(c.Records), 100)
		add(p+"oldest", "s", c.OldestS, 600)
		add(p+"dropped", "", float64(c.Dropped), 1)
	}
	u := g.uplink.Stats()
	add("uplink/rtt", "s", u.RTT.Seconds(), 0.5)
	add("uplink/bytes_in", "B", float64(u.BytesIn), 0)
	add("uplink/bytes_out", "B", float64(u.BytesOut), 0)
	add("uplink/sessions", "", float64(u.Sessions), 1)
	add("orders/refused", "", float64(g.refusedTotal()), 1)
	add("conditions", "", float64(len(g.health.Active())), 1)
	return out
}
