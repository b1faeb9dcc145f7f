package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

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
	was := j.current()
	j.runs, j.free, j.losses, j.suspects = []*run{newRun(j.o.Run)}, nil, nil, nil
	j.serial, j.files, j.state, j.aside, j.kept = 0, 0, 0, 0, 0
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
	for rank, st := range j.current().streams { // what memory gave out before the disk came
		for _, d := range was.streams[rank].done {
			st.done, _ = st.done.with(d)
		}
	}
	j.mu.Unlock()
	if err := j.readEnds(saved); err != nil {
		return err
	}
	if err := j.readGaps(); err != nil {
		return err
	}
	j.mu.Lock()
	missing := j.findMissing(trusted)
	j.sort(odd, missing)
	j.mu.Unlock()
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
		if _, err := fmt.Sscanf(name, "seg-%d", &n); err != nil || name != segmentName(n) {
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
		j.kept++
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
	j.lived = max(j.lived, time.Duration(saved.LivedS)*time.Second)
	full := map[uint64]int64{}
	for _, sr := range saved.Runs {
		for _, sc := range sr.Classes {
			maps.Copy(full, sc.Full)
		}
	}
	for _, s := range segs {
		s.full = j.lived // rather too young than too old
		if at, ok := full[s.head.serial]; ok {
			s.full = time.Duration(at) * time.Second
		}
		st := get(s.head.run).streams[rankOf(s.head.class)]
		st.segs = append(st.segs, s)
	}
	own := get(j.o.Run) // found only if this run was begun before: then it goes on
	own.closed = false
	j.runs = append(slices.DeleteFunc(order, func(r *run) bool { return r == own }), own)
}

// findMissing notes numbers that are neither done nor in a segment. Without the
// newest state they cannot be told from what was acknowledged, and that is told: who has
// them knows it. The caller holds mu.
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
				st.hurt, _ = st.hurt.with(m)
				if !trusted {
					j.losses = append(j.losses, loss{stream: st, span: m, why: reasonUnsure})
					continue
				}
				any = true
				j.losses = append(j.losses, loss{stream: st, span: m, why: reasonMissing})
				j.damaged += uint64(m.Last - m.First + 1)
			}
		}
	}
	return any
}

// sort decides about odd files. A bad header is what a power cut leaves of a
// segment that was just begun, and then nothing is missing: the file is free. If
// something is missing it may be in there, and the file is to be set aside first.
// The caller holds mu.
func (j *Journal) sort(odd []*segment, missing bool) {
	for _, s := range odd {
		if s.used && missing {
			j.suspects = append(j.suspects, s)
		} else {
			j.free = append(j.free, s)
		}
	}
}
