package telemetry

import (
	"context"
	"log/slog"
	"math"
	"time"

	"fuqiao/edged/edge/wire"
)

// changeEvery is the shortest time between two packs of changes (issue of uplink
// cost: what flaps must not fill the data plan).
const changeEvery = 30 * time.Second

// offlineEvery is how often a summary is kept while there is no session.
const offlineEvery = 5 * time.Minute

// Config of a Reporter.
type Config struct {
	// Base is the base name, which the names of all values follow: the URN of the gateway.
	Base  string
	Every time.Duration
	Log   *slog.Logger
	// Sources are read for each pack.
	Sources []Source
	// Now is the wall time; known is false while the clock is not.
	Now   func() (t time.Time, known bool)
	Began time.Time
	// Online tells whether there is a session; Publish sends a pack from RAM, Keep
	// puts one into the journal.
	Online  func() bool
	Publish func(pack []byte)
	Keep    func(ctx context.Context, pack []byte) error
}

// Reporter sends packs.
type Reporter struct {
	c        Config
	last     map[string]float64
	lastFull time.Time
	lastSome time.Time
	lastKept time.Time
}

// New makes a reporter.
func New(c Config) *Reporter { return &Reporter{c: c, last: map[string]float64{}} }

// Run reports until ctx ends.
func (r *Reporter) Run(ctx context.Context) error {
	tick := time.NewTicker(min(r.c.Every, time.Second))
	defer tick.Stop()
	for {
		if err := r.due(ctx, time.Now()); err != nil {
			r.c.Log.Warn("telemetry summary not kept", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// due makes the pack that is due at now, if any.
func (r *Reporter) due(ctx context.Context, now time.Time) error {
	switch {
	case !r.c.Online():
		if !r.lastKept.IsZero() && now.Sub(r.lastKept) < offlineEvery {
			return nil
		}
		if r.lastKept.IsZero() { // offline only since now: the first summary is due later
			r.lastKept = now
			return nil
		}
		r.lastKept = now
		return r.c.Keep(ctx, r.pack(r.read()))
	case r.lastFull.IsZero() || now.Sub(r.lastFull) >= r.c.Every:
		r.lastFull, r.lastSome, r.lastKept = now, now, time.Time{}
		r.c.Publish(r.pack(r.read()))
	case now.Sub(r.lastSome) >= changeEvery:
		r.lastSome = now
		if some := r.changed(r.read()); len(some) > 0 {
			r.c.Publish(r.pack(some))
		}
	}
	return nil
}

func (r *Reporter) read() []Value {
	var out []Value
	for _, s := range r.c.Sources {
		out = append(out, s()...)
	}
	return out
}

// changed picks the values that moved by their step since they were last told.
func (r *Reporter) changed(all []Value) []Value {
	var out []Value
	for _, v := range all {
		old, told := r.last[v.Name]
		if v.Step > 0 && (!told || math.Abs(v.V-old) >= v.Step) {
			out = append(out, v)
		}
	}
	return out
}

// pack writes values as SenML. While the clock is not known there is no base time,
// which means roughly now (RFC 8428 section 4.5.3); mono says how old the run is.
func (r *Reporter) pack(values []Value) []byte {
	p := make(wire.Pack, 0, len(values)+1)
	for _, v := range values {
		if math.IsNaN(v.V) || math.IsInf(v.V, 0) { // no JSON number; the others are worth having
			r.c.Log.Error("value is not finite", "name", v.Name)
			continue
		}
		r.last[v.Name] = v.V
		p = append(p, wire.Num(v.Name, v.Unit, v.V))
	}
	p = append(p, wire.Num("mono", "s", time.Since(r.c.Began).Seconds()))
	p[0].BaseName = r.c.Base
	if t, known := r.c.Now(); known {
		p[0].BaseTime = float64(t.UnixMilli()) / 1000
	}
	raw, err := wire.Marshal(p)
	if err != nil { // cannot be: all are finite
		r.c.Log.Error("telemetry pack not written", "error", err)
	}
	return raw
}
