package journal

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"fuqiao/edged/edge/wire"
)

const (
	formatName = "FORMAT"
	formatText = "fuqiao journal "
	maxAside   = 4 // files set aside for the maintainer; more are used again
)

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
func isNewer(err error) bool   { return errors.Is(err, ErrNewer) }

// load reads the directory without changing it.
func (j *Journal) load() error {
	j.mu.Lock() // an earlier try may have ended half way
	j.runs, j.free, j.losses = []*run{newRun(j.o.Run)}, nil, nil
	j.serial, j.files, j.state, j.aside = 0, 0, 0, 0
	j.mu.Unlock()
	names, err := j.fs.List(j.o.Dir)
	if err != nil {
		return fmt.Errorf("journal %s: %w", j.o.Dir, err)
	}
	if err := j.checkFormat(); err != nil {
		return err
	}
	number, saved, err := j.readState()
	if err != nil {
		return fmt.Errorf("journal %s: reading the state: %w", j.o.Dir, err)
	}
	segs, odd, err := j.readHeaders(names)
	if err != nil {
		return err
	}
	trusted := true
	for _, s := range segs {
		j.serial = max(j.serial, s.head.serial)
		trusted = trusted && number >= s.head.state
		j.state = max(j.state, s.head.state)
	}
	j.state = max(j.state, number)
	if !trusted {
		j.log.Error("journal: the newest state file is lost; what was acknowledged may be sent again", "dir", j.o.Dir, "number", number)
		j.hurtAt = j.sinceOpen()
		j.notice("journal.damage", "the newest state file is lost", true)
	}
	j.mu.Lock()
	j.build(saved, segs)
	j.mu.Unlock()
	if err := j.readEnds(saved); err != nil {
		return err
	}
	if err := j.readGaps(); err != nil {
		return err
	}
	j.mu.Lock()
	missing := j.findMissing(trusted)
	j.mu.Unlock()
	j.place(odd, missing)
	wake(j.grown)
	return nil
}

// checkFormat refuses a newer directory. A FORMAT that cannot be read as ours says
// nothing; the segments carry their version too.
func (j *Journal) checkFormat() error {
	b, err := j.readFile(filepath.Join(j.o.Dir, formatName), pageSize)
	if err != nil {
		return fmt.Errorf("journal %s: reading %s: %w", j.o.Dir, formatName, err)
	}
	var n int
	if _, err := fmt.Sscanf(string(b), formatText+"%d", &n); err == nil && n > version {
		return fmt.Errorf("journal %s: format %d, this program knows up to %d: %w: install the newer version, or move the directory away", j.o.Dir, n, version, ErrNewer)
	}
	return nil
}

// readHeaders looks at every file: segments, and odd ones that are blank or bad.
func (j *Journal) readHeaders(names []string) (segs, odd []*segment, err error) {
	slices.Sort(names)
	for _, name := range names {
		var n int
		if _, err := fmt.Sscanf(name, "seg-%d", &n); err != nil {
			if strings.HasPrefix(name, "bad-") {
				j.countAside(name)
			}
			continue
		}
		j.files = max(j.files, n)
		s := &segment{name: name, named: true, sealed: true, used: true}
		switch l, err := j.readHeader(s); {
		case err != nil:
			j.log.Error("journal: a segment cannot be read and is passed over", "file", name, "error", err)
		case l == lookNewer:
			return nil, nil, fmt.Errorf("journal %s: %s: %w: install the newer version, or move the directory away", j.o.Dir, name, ErrNewer)
		case l == lookGood:
			segs = append(segs, s)
		default:
			s.used = l == lookBad
			odd = append(odd, s)
		}
	}
	slices.SortStableFunc(segs, func(a, b *segment) int { return cmp.Compare(a.head.serial, b.head.serial) })
	return segs, odd, nil
}

func (j *Journal) readHeader(s *segment) (look, error) {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		return lookBad, err
	}
	defer func() { _ = f.Close() }() // only read
	if s.size, err = f.Size(); err != nil {
		return lookBad, err
	}
	page := make([]byte, 2*pageSize)
	n, err := readFull(f, page, 0)
	if err != nil {
		return lookBad, err
	}
	var l look
	s.head, l = decodeHeader(page[:n])
	s.end, s.last = pageSize, s.head.first-1
	return l, nil
}

func (j *Journal) countAside(name string) {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, name), false)
	if err != nil {
		return
	}
	defer func() { _ = f.Close() }() // only read
	if n, err := f.Size(); err == nil {
		j.aside += n
	}
}

// build puts the segments in their streams. The caller holds mu.
func (j *Journal) build(saved savedState, segs []*segment) {
	known := map[wire.Run]*run{}
	var order []*run
	get := func(id wire.Run) *run {
		if known[id] == nil {
			known[id] = newRun(id)
			order = append(order, known[id])
		}
		return known[id]
	}
	for _, sr := range saved.Runs {
		r := get(sr.Run)
		r.closed = sr.Closed
		r.clean = saved.Clean && saved.Run == sr.Run
		for c, sc := range sr.Classes {
			if rank := rankOf(c); rank >= 0 {
				for _, d := range sc.Done {
					if d[0] > 0 && d[1] >= d[0] {
						r.streams[rank].done, _ = r.streams[rank].done.with(Range{d[0], d[1]})
						r.streams[rank].next = max(r.streams[rank].next, d[1]+1)
					}
				}
			}
		}
	}
	for _, s := range segs {
		st := get(s.head.run).streams[rankOf(s.head.class)]
		st.segs = append(st.segs, s)
	}
	own := get(j.o.Run) // found only if this run was begun before: then it goes on
	own.closed = false
	j.runs = append(slices.DeleteFunc(order, func(r *run) bool { return r == own }), own)
}

// readEnds finds where each segment ends: its successor says it, or the state;
// only what was the last one when the daemon ended has to be read through.
func (j *Journal) readEnds(saved savedState) error {
	ends := map[uint64]savedEnd{}
	for _, sr := range saved.Runs {
		for _, sc := range sr.Classes {
			for _, e := range sc.Ends {
				ends[e.Serial] = e
			}
		}
	}
	for _, r := range j.runs {
		for _, st := range r.streams {
			for i, s := range st.segs {
				var next *segment
				if i+1 < len(st.segs) {
					next = st.segs[i+1]
				}
				if err := j.readEnd(st, s, next, ends); err != nil {
					return err
				}
				j.mu.Lock()
				st.next = max(st.next, s.last+1)
				j.mu.Unlock()
			}
		}
	}
	return nil
}

func (j *Journal) readEnd(st *stream, s, next *segment, ends map[uint64]savedEnd) error {
	e, ok := ends[s.head.serial]
	if !ok && next != nil && next.head.prev == s.head.serial {
		e, ok = savedEnd{s.head.serial, next.head.first - 1, next.head.prevEnd, next.head.prevBytes}, true
	}
	if !ok || e.Last < s.head.first-1 || e.End < pageSize {
		return j.readTail(st, s)
	}
	j.mu.Lock()
	s.last, s.end, s.bytes = e.Last, e.End, e.Bytes
	j.mu.Unlock()
	return nil
}

// readTail reads a segment through.
func (j *Journal) readTail(st *stream, s *segment) error {
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
	}
	defer func() { _ = f.Close() }() // only read
	sc := scanSegment(f, s.head, s.size)
	for {
		step, err := sc.next()
		if err != nil {
			return fmt.Errorf("journal %s: %s: %w", j.o.Dir, s.name, err)
		}
		j.mu.Lock()
		switch step.found {
		case foundRecord:
			s.last, s.end = step.frame.seq, sc.off
			s.bytes += int64(step.frame.n)
			s.mark(mark{seq: step.frame.seq, off: step.at})
		case foundLoss:
			s.last = step.lost.Last
			j.hurt(st, step.lost)
		case foundTorn:
			st.cut = step.cut
		}
		if s.end = max(s.end, pageSize); step.found >= foundEnd {
			s.end = max(s.end, step.at)
		}
		j.mu.Unlock()
		if step.found >= foundEnd {
			return nil
		}
	}
}

// hurt notes numbers that cannot be read. The caller holds mu.
func (j *Journal) hurt(st *stream, lost Range) {
	for _, r := range st.done.missing(lost) {
		for _, r := range st.hurt.missing(r) {
			st.hurt, _ = st.hurt.with(r)
			j.losses = append(j.losses, loss{stream: st, span: r, why: reasonDamage})
			j.damaged += uint64(r.Last - r.First + 1)
		}
	}
}

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
	if !bytes.HasPrefix(data, []byte(`{"type":"run.closed"`)) || json.Unmarshal(data, &e) != nil || rankOf(e.Data.Class) < 0 {
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

// findMissing notes numbers that are neither done nor in a segment. Without the
// newest state it cannot be told from what was acknowledged, and counts as done.
// The caller holds mu.
func (j *Journal) findMissing(trusted bool) (any bool) {
	for _, r := range j.runs {
		for _, st := range r.streams {
			held := slices.Clone(st.done)
			for _, s := range st.segs {
				if s.last >= s.head.first {
					held, _ = held.with(s.span())
				}
			}
			for _, m := range held.missing(Range{1, st.next - 1}) {
				if !trusted {
					st.done, _ = st.done.with(m)
					continue
				}
				any = true
				st.hurt, _ = st.hurt.with(m)
				j.losses = append(j.losses, loss{stream: st, span: m, why: reasonMissing})
				j.damaged += uint64(m.Last - m.First + 1)
			}
		}
	}
	return any
}

// place decides about odd files. A bad header is what a power cut leaves of a
// segment that was just begun, and then nothing is missing: the file is used
// again. If something is missing it may be in there, and the file is set aside.
func (j *Journal) place(odd []*segment, missing bool) {
	kept := 0
	for _, s := range odd {
		if s.used && missing && kept < maxAside {
			kept++
			j.aside += s.size
			j.log.Error("journal: a damaged segment is set aside", "file", s.name)
			if err := j.fs.Rename(filepath.Join(j.o.Dir, s.name), filepath.Join(j.o.Dir, "bad-"+s.name)); err != nil {
				j.log.Error("journal: a damaged segment cannot be renamed", "file", s.name, "error", err)
			}
			continue
		}
		j.mu.Lock()
		j.free = append(j.free, s)
		j.mu.Unlock()
	}
}
