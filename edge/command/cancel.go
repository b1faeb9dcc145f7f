package command

import (
	"context"
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
	mine := func(act string) bool {
		rest, ok := strings.CutSuffix(act, ":"+args.ID)
		kid := strings.TrimPrefix(rest, "cmd:")
		return ok && (everybodys || kid == a.o.Kid)
	}
	d.mu.Lock()
	if len(d.tombs) >= maxTombs {
		clear(d.tombs)
	}
	d.tombs[args.ID] = tomb{kid: a.o.Kid, any: everybodys}
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	for _, dome := range d.c.Domes {
		dome.Cancel(ctx, mine)
	}
	for _, id := range d.c.Station.IDs() {
		d.c.Station.Cut(id, wire.ByCancel(), func(j station.Job) bool { return mine(j.Act) })
	}
	a.End(wire.Outcome{Status: wire.DoneUnverified, Evidence: drivers.Commanded.String()})
}

// cancelled tells whether o's tombstone stands.
func (d *Desk) cancelled(o *wire.Order) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	t, ok := d.tombs[o.ID]
	return ok && (t.any || t.kid == o.Kid)
}
