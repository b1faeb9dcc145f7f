package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"

	"fuqiao/edged/edge/wire"
)

// readGaps reads class gap through: what it tells of is done, and a record that a
// later one contains is so too.
func (j *Journal) readGaps() error {
	type placed struct {
		gap gap
		st  *stream
		seq Seq
	}
	newest := map[gapKey]placed{}
	for _, r := range j.runs {
		st := r.streams[gapRank]
		for _, s := range st.segs {
			err := j.eachRecord(s, func(f frame, data []byte) {
				j.mu.Lock()
				defer j.mu.Unlock()
				if f.kind == kindRecord {
					j.readClosed(data)
					return
				}
				g, err := decodeGap(data)
				if err != nil || rankOf(g.class) < 0 {
					return
				}
				for _, of := range j.runs {
					if of.id == g.run {
						t := of.streams[rankOf(g.class)]
						t.done, _ = t.done.with(g.span)
						t.hurt = t.hurt.without(g.span)
					}
				}
				key := gapKey{g.run, rankOf(g.class), g.why}
				if old, ok := newest[key]; ok && old.gap.span.First >= g.span.First && old.gap.span.Last <= g.span.Last {
					old.st.done, _ = old.st.done.with(Range{old.seq, old.seq})
				}
				newest[key] = placed{g, st, f.seq}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// readClosed notes which classes of which run have been closed already.
func (j *Journal) readClosed(data []byte) {
	var e struct {
		Type string `json:"type"`
		Data Closed `json:"data"`
	}
	if !bytes.HasPrefix(data, []byte(`{"type":"`+wire.TypeRunClosed+`"`)) || json.Unmarshal(data, &e) != nil || rankOf(e.Data.Class) < 0 {
		return
	}
	for _, r := range j.runs {
		if r.id == e.Data.Run {
			r.told[rankOf(e.Data.Class)] = true
		}
	}
}

// eachRecord calls do for every record of a segment that verifies.
func (j *Journal) eachRecord(s *segment, do func(frame, []byte)) error {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
	}
	defer func() { _ = f.Close() }() // only read
	sc := scanSegment(f, s.head, s.end)
	for {
		step, err := sc.next()
		if err != nil {
			return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
		}
		switch step.found {
		case foundRecord:
			if step.frame.seq <= s.last {
				do(step.frame, step.data)
			}
		case foundEnd, foundTorn:
			return nil
		}
	}
}
