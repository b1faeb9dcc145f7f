package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// Inspection is a look at a journal's directory: the one of a running daemon, or a copy
// of it on a laptop. It changes nothing, makes no file and takes no lock.
type Inspection struct {
	j     *Journal
	names []string
}

// Stream are the books of one run and class, as its directory has them.
type Stream struct {
	Run   wire.Run
	Class Class
	// Last is the highest number; 1 … Last = Done + Told + Waiting + Hurt.
	Last Seq
	// Done have been acknowledged (or told of by a gap record that has itself been
	// acknowledged and is forgotten), Told are in a gap record that is still there,
	// Waiting are still to be delivered, Hurt can never be and are not told of yet.
	Done, Told, Waiting, Hurt uint64
	// Bytes of what is waiting, by an estimate where a segment is done in part, and when
	// the oldest segment with some of it was begun; zero where that is not known.
	Bytes  int64
	Oldest time.Time
	// Live: of a run that has not been closed, of a daemon that runs or has crashed.
	Live bool
}

// readOnly is a real directory that cannot be written.
type readOnly struct{ osFS }

// List does not make a directory that is not there.
func (readOnly) List(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Open opens for reading only.
func (r readOnly) Open(name string, write bool) (File, error) {
	if write {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return r.osFS.Open(name, false)
}

// Remove removes nothing.
func (readOnly) Remove(name string) error {
	return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrPermission}
}

// inspector is the run under which an inspection reads; it owns no record.
const inspector = wire.Run("inspection")

// Inspect reads a directory. A daemon that writes there at the same time may give a file
// to another class between two looks; then it is looked at anew. ErrNewer: the directory
// is of a newer version. Errors name the file.
func Inspect(ctx context.Context, dir string) (*Inspection, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var err error
	for range 5 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		j := &Journal{o: Options{Dir: dir, Run: inspector}, fs: readOnly{}, log: slog.New(slog.DiscardHandler), opened: time.Now(),
			kick: make(chan struct{}, 1), grown: make(chan struct{}, 1), gaps: map[gapKey]*openGap{}, runs: []*run{newRun(inspector)}}
		before := j.stamp()
		if err = j.load(); err != nil {
			if isNewer(err) || !isMissing(err) {
				return nil, err
			}
			continue // a file has gone meanwhile
		}
		names, err := j.fs.List(dir)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if len(before) == 0 && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "seg-") }) && !slices.Contains(names, formatName) {
			return nil, fmt.Errorf("journal %s: no file of a journal is there: %w", dir, fault.BadInput)
		}
		if j.stamp() == before {
			slices.Sort(names)
			return &Inspection{j: j, names: names}, nil
		}
	}
	if err == nil {
		err = errors.New("the daemon is giving files to other records all the time; try again")
	}
	return nil, fmt.Errorf("journal %s: %w", dir, err)
}

// stamp changes whenever a file is given to other records: with every state.
func (j *Journal) stamp() string {
	number, s, err := j.readState()
	if err != nil || number == 0 {
		return ""
	}
	return fmt.Sprint(number, s.Run)
}

// Run is the newest run in the directory.
func (i *Inspection) Run() wire.Run {
	if n := len(i.j.runs); n > 1 {
		return i.j.runs[n-2].id
	}
	return ""
}

// Streams are the books of all runs and classes, in order.
func (i *Inspection) Streams() (out []Stream) {
	j := i.j
	told := i.told()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.runs {
		for rank, st := range r.streams {
			if r.id == inspector || st.next == 1 {
				continue
			}
			all := Range{1, st.next - 1}
			s := Stream{Run: r.id, Class: classOf(rank), Last: st.next - 1, Live: !r.closed && r.id == i.Run()}
			gaps := told[gapKey{run: r.id, rank: rank}]
			for _, d := range st.done.within(all) {
				s.Told += gaps.count(d)
				s.Done += uint64(d.Last-d.First+1) - gaps.count(d)
			}
			for _, h := range st.hurt.within(all) {
				s.Hurt += uint64(h.Last-h.First+1) - st.done.count(h)
			}
			s.Waiting = uint64(s.Last) - s.Done - s.Told - s.Hurt
			for _, g := range st.segs {
				total := g.count()
				if open := total - int64(st.done.count(g.span())); open > 0 {
					if s.Bytes == 0 && g.head.wall > 0 {
						s.Oldest = time.UnixMilli(g.head.wall).UTC()
					}
					s.Bytes += g.bytes * open / total
				}
			}
			out = append(out, s)
		}
	}
	return out
}

// told are the numbers in gap records that are in the directory.
func (i *Inspection) told() map[gapKey]ranges {
	told := map[gapKey]ranges{}
	_ = i.Each(func(r Found) error { // what cannot be read is damage, and Verify's
		if g, ok := r.gap(); ok {
			k := gapKey{run: g.run, rank: rankOf(g.class)}
			told[k], _ = told[k].with(g.span)
		}
		return nil
	}, Gap)
	return told
}

// Found is a record in a segment.
type Found struct {
	ID ID
	// Time is when it was appended, zero where that was not known.
	Time time.Time
	// Done: acknowledged, or replaced by another.
	Done bool
	// Data is as Journal.Next gives it.
	Data []byte
	raw  []byte
	kind uint32
}

func (f Found) gap() (gap, bool) {
	if f.kind != kindGap {
		return gap{}, false
	}
	g, err := decodeGap(f.raw)
	return g, err == nil && rankOf(g.class) >= 0
}

// Each calls do for every record that can be read, by class, run and number; classes
// chooses some. It ends with the first error of do.
func (i *Inspection) Each(do func(Found) error, classes ...Class) error {
	j := i.j
	for rank := ranks - 1; rank >= 0; rank-- {
		if len(classes) > 0 && !slices.Contains(classes, classOf(rank)) {
			continue
		}
		for _, r := range j.runs {
			st := r.streams[rank]
			for _, s := range st.segs {
				var failed error
				err := j.eachRecord(s, func(f frame, data []byte) {
					if failed != nil {
						return
					}
					one := Found{ID: ID{r.id, classOf(rank), f.seq}, Done: st.done.has(f.seq), Data: data, raw: data, kind: f.kind}
					if f.wall > 0 {
						one.Time = time.UnixMilli(f.wall).UTC()
					}
					if f.kind == kindGap {
						if wide, err := expandGap(data, f.wall); err == nil {
							one.Data = wide
						}
					}
					failed = do(one)
				})
				if err := errors.Join(failed, err); err != nil && !isMissing(err) {
					return err
				}
			}
		}
	}
	return nil
}
