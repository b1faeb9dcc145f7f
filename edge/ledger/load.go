package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

// Names in the directory.
const (
	fileName    = "ledger"
	newName     = "ledger.new"
	damagedName = "ledger.damaged"
)

// load opens the file and reads it, or makes a new one.
func (l *Ledger) load() error {
	f, err := l.o.FS.Open(fileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l.rebuild()
	case err != nil:
		return err
	}
	rep := newReplay()
	r, err := rep.file(f, l.o.geometry)
	if errors.Is(err, errDamaged) {
		l.o.Log.Error("ledger is damaged and set aside", "as", damagedName)
		l.o.Notice(true, "the ledger was damaged: which orders have been done before is no longer known")
		if err = errors.Join(f.Close(), l.o.FS.Rename(fileName, damagedName)); err != nil {
			return err
		}
		return l.rebuild()
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if n := rep.damaged(); n > 0 {
		l.o.Log.Warn("ledger has damaged records", "count", n)
	}
	l.adopt(rep)
	l.ring = r
	if err = r.begin(string(l.o.Run)); err == nil {
		err = l.reclaim()
	}
	if err != nil {
		// No segment is free, or the disk refuses: only a new file helps.
		l.o.Log.Warn("ledger is written anew", "why", err)
		return l.rebuild()
	}
	return nil
}

// begin takes a segment to write in, and a spare one. A segment that was written
// before is never continued: its end may be torn.
func (r *ring) begin(run string) error {
	r.cur, r.run, r.since = -1, run, r.next
	for range 2 {
		i := r.unused()
		if i < 0 {
			return errFull
		}
		if err := r.prepare(i); err != nil {
			return err
		}
	}
	r.cur, r.spare, r.off = r.spare[0], r.spare[1:], headerSize
	return r.sync()
}

// replay collects what the segments say.
type replay struct {
	entries map[place]*entry
	floors  map[string]*window
	batch   uint32 // of the newest record so far
	bad     int    // records that verify and make no sense
	// A hole is bytes that do not verify with a record behind them. ends is the batch
	// of that record by run; newest the newest batch of each run.
	ends   []hole
	newest map[uint64]uint32
	hole   bool
	since  uint64 // run of the segment before
}

type hole struct {
	since uint64
	batch uint32
}

func newReplay() *replay {
	return &replay{entries: map[place]*entry{}, floors: map[string]*window{}, newest: map[uint64]uint32{}}
}

// damaged counts what was lost after it had been synced. A hole is the torn end of a
// run, which nobody was told of, if no later batch of the same run is there.
func (p *replay) damaged() int {
	n := p.bad
	for _, h := range p.ends {
		if p.newest[h.since] > h.batch {
			n++
		}
	}
	return n
}

// file reads a whole file.
func (p *replay) file(f File, g geometry) (*ring, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	r := &ring{f: f, g: g, heads: make([]header, g.segments), next: 1}
	var used []int
	buf := make([]byte, g.size)
	for i := range g.segments {
		n, err := f.ReadAt(buf[:headerSize], r.start(i))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read: %w", err)
		}
		h, newer, ok := decodeHeader(buf[:n], g)
		if newer {
			return nil, ErrNewer
		}
		if ok {
			r.heads[i] = h
			r.next = max(r.next, h.gen+1)
			used = append(used, i)
		}
	}
	if len(used) == 0 || size < r.start(g.segments) {
		return nil, errDamaged
	}
	slices.SortFunc(used, func(a, b int) int { return cmp.Compare(r.heads[a].gen, r.heads[b].gen) })
	for _, i := range used {
		if _, err := f.ReadAt(buf, r.start(i)); err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		if p.segment(r.heads[i], buf) == 0 {
			r.heads[i] = header{} // a spare that was never written
		}
	}
	r.batch = p.batch + 1
	return r, nil
}

// segment replays one segment and returns how many records it held. Where a record
// does not verify, the next one that does is looked for.
func (p *replay) segment(h header, seg []byte) (n int) {
	// The end of one run's last segment is nothing to the next run.
	p.hole = p.hole && p.since == h.since
	p.since = h.since
	for off := headerSize; off+recordHead < len(seg); {
		body, batch, ok := recordAt(seg, h.salt, off, p.batch)
		if !ok {
			p.hole = p.hole || n > 0
			off++
			continue
		}
		if p.hole || n == 0 && off > headerSize {
			p.ends = append(p.ends, hole{h.since, batch})
		}
		p.hole = false
		p.batch = batch
		p.newest[h.since] = max(p.newest[h.since], batch)
		off += recordHead + len(body)
		n++
		if body[0] == recSeal {
			return n
		}
		p.record(h.gen, body)
	}
	return n
}

// record replays one record; one that makes no sense is passed over and counted.
func (p *replay) record(gen uint64, body []byte) {
	rd := &reader{b: body}
	kind, mark := rd.u8(), rd.u8()
	switch kind {
	case recEntry:
		p.entry(gen, mark == 1, rd)
	case recSlot:
		seq := rd.u64()
		kid, device := rd.short(), rd.short()
		terminal := rd.long()
		if rd.bad || state(mark) > journalled {
			break
		}
		s := p.at(kid, seq).slot(device)
		s.state, s.gen = state(mark), gen
		if len(terminal) > 0 {
			s.terminal = terminal
		}
	case recFloor:
		floor := rd.u64()
		kid := rd.short()
		if w := p.floors[kid]; !rd.bad && (w == nil || w.floor <= floor) {
			p.floors[kid] = &window{kid: kid, floor: floor, gen: gen}
		}
	default:
		rd.bad = true
	}
	if rd.bad {
		p.bad++
	}
}

// entry replays an order's record.
func (p *replay) entry(gen uint64, settled bool, rd *reader) {
	seq := rd.u64()
	var hash [32]byte
	copy(hash[:], rd.take(len(hash)))
	kid, id := rd.short(), rd.short()
	var text []byte
	var devices []string
	if !settled {
		text = rd.long()
		for range rd.u16() {
			devices = append(devices, rd.short())
		}
	}
	if rd.bad || id == "" {
		return
	}
	e := p.at(kid, seq)
	e.id, e.hash, e.order, e.settled, e.gen = id, hash, text, settled, gen
	if settled {
		return
	}
	// What has been read of the devices so far, in the order that the intent names them.
	read := e.slots
	e.slots = nil
	for _, d := range devices {
		s := e.slot(d)
		for _, x := range read {
			if x.device == d {
				*s = *x
			}
		}
	}
}

// at finds or makes the entry of a place. A device's record may come before its
// order's, when that has been relocated.
func (p *replay) at(kid string, seq uint64) *entry {
	e := p.entries[place{kid, seq}]
	if e == nil {
		e = &entry{kid: kid, seq: seq}
		p.entries[place{kid, seq}] = e
	}
	return e
}

// adopt takes over what was read. What RAM already knows is newer and stays.
func (l *Ledger) adopt(p *replay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]*entry, 0, len(p.entries))
	for at, e := range p.entries {
		if e.id != "" && l.entries[at] == nil {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.kid, b.kid))
	})
	for kid, w := range p.floors {
		if l.windows[kid] == nil {
			w.byID, w.bySeq = map[string]*entry{}, map[uint64]*entry{}
			w.high = w.floor
			l.windows[kid] = w
		}
	}
	for _, e := range list {
		for _, s := range e.slots {
			l.results += len(s.terminal)
		}
		if !e.settled {
			l.found = append(l.found, e.unfinished()...)
			l.weigh(e)
			l.settle(e)
		}
		l.told = append(l.told, e)
		l.insert(e)
	}
	l.shrink()
}
