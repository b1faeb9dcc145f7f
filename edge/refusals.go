package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"
	"time"

	"fuqiao/edged/edge/authority"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// refusals counts payloads that get no result, and tells of them at most once a minute.
type refusals struct {
	mu     sync.Mutex
	counts map[string]uint64
	total  map[string]uint64
	hash   string
}

func (g *Gateway) refuse(why string, payload []byte) {
	r := &g.refused
	sum := sha256.Sum256(payload)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]uint64{}
	}
	if r.total == nil {
		r.total = map[string]uint64{}
	}
	r.counts[why]++
	r.total[why]++
	r.hash = hex.EncodeToString(sum[:])
}

// refusedTotal is how many payloads were refused in this run.
func (g *Gateway) refusedTotal() (n uint64) {
	g.refused.mu.Lock()
	defer g.refused.mu.Unlock()
	for _, c := range g.refused.total {
		n += c
	}
	return n
}

// tellRefusals sends gateway.refused: the first at once, then at most one a minute.
func (g *Gateway) tellRefusals(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !last.IsZero() && time.Since(last) < time.Minute {
			continue
		}
		g.refused.mu.Lock()
		counts, hash := g.refused.counts, g.refused.hash
		g.refused.counts = nil
		g.refused.mu.Unlock()
		if len(counts) == 0 {
			continue
		}
		last = time.Now()
		g.log.Warn("payloads refused", "counts", counts, "sha256", hash)
		if counts[string(authority.Forged)]+counts[string(authority.UnknownKey)] > 0 {
			g.health.Pulse("orders.forged", "", hash)
		}
		rec, err := wire.NewRecord(wire.TypeRefused, "", g.stamp(), g.mono(), wire.Refused{Counts: counts, SHA256: hash})
		if err == nil {
			err = g.keep(ctx, journal.Event, rec)
		}
		if err != nil {
			g.log.Warn("refusals not journalled", "error", err)
		}
	}
}
