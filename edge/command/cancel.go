package command

import (
	"strings"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/station"
	"fuqiao/edged/edge/wire"
)

// tomb stands for an order that was cancelled, perhaps before it came: it is not
// begun any more. any: the canceller may cancel orders of other keys.
type tomb struct {
	kid string
	any bool
}

// maxTombs bounds the tombstones; the oldest order that could still come is 24 h old,
// and nobody cancels a thousand a day.
const maxTombs = 1024

// cancel ends the order that args names, wherever it is, and leaves a tombstone.
func (d *Desk) cancel(a *act, args *wire.CancelArgs) {
	everybodys := d.c.Authority.MayCancel(a.o)
	d.bury(args.ID, tomb{kid: a.o.Kid, any: everybodys})
	d.end(args.ID, a.o.Kid, everybodys, wire.ByCancel())
	a.End(wire.Outcome{Status: wire.DoneUnverified, Evidence: drivers.Commanded.String()})
}

// supersede ends the order of the same key that o replaces.
func (d *Desk) supersede(o *wire.Order) {
	d.bury(o.Supersedes, tomb{kid: o.Kid})
	d.end(o.Supersedes, o.Kid, false, wire.BySupersede())
}

func (d *Desk) bury(id string, t tomb) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.tombs) >= maxTombs {
		clear(d.tombs)
	}
	d.tombs[id] = t
}

// end cuts an order of a key (or of any) on every device.
func (d *Desk) end(id, kid string, any bool, cause error) {
	mine := func(act string) bool {
		rest, ok := strings.CutSuffix(act, ":"+id)
		return ok && (any || strings.TrimPrefix(rest, "cmd:") == kid)
	}
	for _, dome := range d.c.Domes {
		d.halt(dome.Cancel(mine, cause))
	}
	for _, id := range d.c.Station.IDs() {
		d.c.Station.Cut(id, cause, func(j station.Job) bool { return mine(j.Act) })
	}
}

// cancelled tells whether o's tombstone stands.
func (d *Desk) cancelled(o *wire.Order) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.tombs[o.ID]
	return ok && (t.any || t.kid == o.Kid)
}
