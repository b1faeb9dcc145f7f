// Package command turns a verified order into acts on devices and their results:
// authority → ledger → station, broadcast, ptz → result. It sees only wire.Order,
// never a signature or a topic's bytes.
package command

import (
	"slices"
	"strings"
	"sync/atomic"

	"fuqiao/edged/edge/wire"
)

// Entry is what the directory knows of one device.
type Entry struct {
	ID, Kind, Model string
	// Addresses are the words of a target that mean it: group:market, zone:north,
	// grid:370811001, code:….
	Addresses []string
	// Powers are actions that this device offers.
	Powers []wire.Action
}

// Directory answers which devices an order means.
type Directory struct{ now atomic.Pointer[listing] }

// listing is a directory at one time.
type listing struct {
	entries map[string]Entry
	order   []string
}

// NewDirectory makes a directory of the gateway's devices.
func NewDirectory(entries []Entry) *Directory {
	d := &Directory{}
	d.Replace(entries)
	return d
}

// Replace exchanges all entries at once.
func (d *Directory) Replace(entries []Entry) {
	l := &listing{entries: map[string]Entry{}}
	for _, e := range entries {
		l.entries[e.ID] = e
		l.order = append(l.order, e.ID)
	}
	slices.Sort(l.order)
	d.now.Store(l)
}

// Entry finds a device.
func (d *Directory) Entry(id string) (Entry, bool) {
	e, ok := d.now.Load().entries[id]
	return e, ok
}

// Resolve returns the devices that targets mean, each once, in order of id, and the
// single device ids that are not ours. Patterns (group:, zone:, grid:, code:, *)
// mean only devices of the order's kind; a single id is taken as it is, so that an
// act that it cannot do is answered under its name.
func (d *Directory) Resolve(targets []string, action wire.Action) (ids, strangers []string) {
	now, want := d.now.Load(), map[string]bool{}
	for _, t := range targets {
		if kind, _ := wire.ParseTarget(t); kind == wire.ByDevice {
			if _, ok := now.entries[t]; ok {
				want[t] = true
			} else {
				strangers = append(strangers, t)
			}
			continue
		}
		for _, id := range now.order {
			if e := now.entries[id]; e.fits(action) && wire.MatchTarget(t, id, e.Addresses) {
				want[id] = true
			}
		}
	}
	for _, id := range now.order {
		if want[id] {
			ids = append(ids, id)
		}
	}
	return ids, strangers
}

// fits tells whether an action is for this kind of device at all.
func (e Entry) fits(action wire.Action) bool {
	kind, _, _ := strings.Cut(string(action), ".")
	return kind == e.Kind || kind == "all" && e.Kind != "camera" || kind != "speaker" && kind != "dome" && kind != "all"
}

// offers tells whether the device can do the action.
func (e Entry) offers(a wire.Action) bool { return slices.Contains(e.Powers, a) }
