package journal

import (
	"encoding/json"
	"fmt"
	"time"

	"fuqiao/edged/edge/wire"
)

// reason says why records are missing.
type reason string

const (
	reasonQuota   reason = "quota"   // the budget is used up
	reasonCeiling reason = "ceiling" // the class has reached its own
	reasonDamage  reason = "damage"  // they do not verify
	reasonMissing reason = "missing" // their segment is gone
	reasonUnsure  reason = "unsure"  // they are gone, and so is what knew whether they were acknowledged
	reasonMemory  reason = "memory"  // the disk took nothing and the memory was full
	reasonExpired reason = "expired" // they are older than the class keeps them
)

// loss is a run of numbers of one stream that will never be delivered.
type loss struct {
	stream *stream
	span   Range
	bytes  int64
	why    reason
}

// gap is a gap record. On disk it is a JSON array of 128 bytes or less,
//
//	[run, class, first, last, count, bytes, reason, mono_ms]
//
// and Next gives it out as a JSON object (expand).
type gap struct {
	run    wire.Run
	class  Class
	span   Range
	count  uint64
	bytes  uint64
	why    reason
	monoMS int64
}

func (g gap) encode() []byte {
	return fmt.Appendf(nil, `[%q,%q,%d,%d,%d,%d,%q,%d]`, g.run, g.class, g.span.First, g.span.Last, g.count, g.bytes, g.why, g.monoMS)
}

func decodeGap(b []byte) (g gap, err error) {
	t := []any{&g.run, &g.class, &g.span.First, &g.span.Last, &g.count, &g.bytes, &g.why, &g.monoMS}
	n := len(t)
	if err := json.Unmarshal(b, &t); err != nil {
		return gap{}, err
	}
	if len(t) != n || g.span.First == 0 || g.span.Last < g.span.First {
		return gap{}, fmt.Errorf("journal: gap record %q: not [run, class, first, last, count, bytes, reason, mono_ms]", b)
	}
	return g, nil
}

// envelope is the outside of the journal's own records.
type envelope struct {
	Type string `json:"type"`
	Time string `json:"time,omitzero"`
	Data any    `json:"data"`
}

func wrap(kind string, wall int64, data any) ([]byte, error) {
	e := envelope{Type: kind, Data: data}
	if wall > 0 {
		e.Time = time.UnixMilli(wall).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return json.Marshal(e)
}

// Gone is the data of a gap event: these records were produced and will
// not be delivered. Reason is quota, ceiling, damage, missing, unsure, memory or expired; Bytes
// is 0 where it is not known.
type Gone struct {
	Run    wire.Run `json:"run"`
	Class  Class    `json:"class"`
	First  Seq      `json:"first"`
	Last   Seq      `json:"last"`
	Count  uint64   `json:"count"`
	Bytes  uint64   `json:"bytes"`
	Reason string   `json:"reason"`
	MonoMS int64    `json:"mono_ms"`
}

// expand makes what the platform sees of a gap record.
func (g gap) expand(wall int64) ([]byte, error) {
	return wrap(wire.TypeGap, wall, Gone{g.run, g.class, g.span.First, g.span.Last, g.count, g.bytes, string(g.why), g.monoMS})
}

// expandGap does so from what is on disk.
func expandGap(b []byte, wall int64) ([]byte, error) {
	g, err := decodeGap(b)
	if err != nil {
		return nil, err
	}
	return g.expand(wall)
}

// Closed is the data of a run.closed event: no record of that run and class has a
// number above Last, whatever was under way when it ended. Why is clean, crash or
// torn; Cut is how many bytes of a torn tail were cut.
type Closed struct {
	Run    wire.Run `json:"run"`
	Class  Class    `json:"class"`
	Last   Seq      `json:"last"`
	Cut    int64    `json:"cut"`
	Why    string   `json:"why"`
	MonoMS int64    `json:"mono_ms"`
}

// gapKey names what gap records may be merged with each other.
type gapKey struct {
	run  wire.Run
	rank int
	why  reason
}

func (l loss) key() gapKey { return gapKey{l.stream.run.id, l.stream.rank, l.why} }

// openGap is the newest gap record of its key, and its number.
type openGap struct {
	gap gap
	seq Seq
}

// tell makes losses durable as gap records, with one commit, and counts their
// numbers as done. A loss that follows the last one of its kind widens that one's
// record: the new record replaces it, if nobody has been given it yet.
func (j *Journal) tell(list []loss) error {
	return j.tellBy(list, func(records [][]byte) (Seq, error) { return j.putOwn(kindGap, records...) })
}

// tellBy does so with what takes the records and gives the number of the last.
func (j *Journal) tellBy(list []loss, put func([][]byte) (Seq, error)) error {
	if list = merge(list); len(list) == 0 {
		return nil
	}
	gaps := make([]gap, len(list))
	old := make([]*openGap, len(list))
	records := make([][]byte, len(list))
	for i, l := range list {
		g := gap{l.stream.run.id, classOf(l.stream.rank), l.span, uint64(l.span.Last-l.span.First) + 1, uint64(l.bytes), l.why, j.sinceOpen().Milliseconds()}
		if old[i] = j.hide(l.key(), g.span); old[i] != nil {
			g.span.First = old[i].gap.span.First
			g.count += old[i].gap.count
			g.bytes += old[i].gap.bytes
		}
		gaps[i], records[i] = g, g.encode()
	}
	last, err := put(records)
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.letGo(gapRank)
	own := j.current().streams[gapRank]
	for i, l := range list {
		if old[i] != nil {
			replaced := Range{old[i].seq, old[i].seq}
			own.hurt = own.hurt.without(replaced)
			if err == nil {
				j.markDone(own, replaced)
			}
		}
		if err == nil {
			j.gaps[l.key()] = &openGap{gaps[i], last - Seq(len(list)-1-i)}
			j.markDone(l.stream, l.span)
			l.stream.hurt = l.stream.hurt.without(l.span)
		}
	}
	return err
}

// merge joins losses that follow each other.
func merge(list []loss) (out []loss) {
	for _, l := range list {
		if n := len(out); n > 0 && out[n-1].key() == l.key() && out[n-1].span.Last+1 == l.span.First {
			out[n-1].span.Last = l.span.Last
			out[n-1].bytes += l.bytes
			continue
		}
		out = append(out, l)
	}
	return out
}

// hide takes the open gap record that ends just before span out of Next's sight,
// nil where there is none or it has been given out.
func (j *Journal) hide(key gapKey, span Range) *openGap {
	old := j.gaps[key]
	if old == nil || old.gap.span.Last+1 != span.First {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if old.seq <= j.handed {
		return nil
	}
	own := j.current().streams[gapRank]
	own.hurt, _ = own.hurt.with(Range{old.seq, old.seq})
	return old
}

// tellFound tells what readers found damaged, and what load found missing.
func (j *Journal) tellFound() error {
	j.mu.Lock()
	list := j.losses
	j.losses = nil
	var open []loss
	for _, l := range list {
		for _, r := range l.stream.done.missing(l.span) {
			open = append(open, loss{l.stream, r, l.bytes, l.why})
		}
	}
	j.mu.Unlock()
	if len(open) == 0 {
		return nil
	}
	if err := j.tell(open); err != nil {
		j.mu.Lock()
		j.losses = append(open, j.losses...)
		j.mu.Unlock()
		return err
	}
	j.hurtAt = j.sinceOpen()
	l := open[0]
	j.notice("journal.damage", fmt.Sprintf("class %s of run %s: %d to %d (%s)", classOf(l.stream.rank), l.stream.run.id, l.span.First, l.span.Last, l.why), true)
	return nil
}
