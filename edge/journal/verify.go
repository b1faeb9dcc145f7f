package journal

import (
	"os"
	"path/filepath"
	"strings"

	"fuqiao/edged/edge/wire"
)

// DirFile is one file of the directory.
type DirFile struct {
	Name string
	Size int64
	// Use is active or sealed of a segment with records, free, aside (kept for the
	// maintainer), state, format, or unknown.
	Use     string
	Run     wire.Run
	Class   Class
	Records Range // of a segment; zero where it has none
}

// Damage is what Verify found.
type Damage struct {
	File string
	// At is where in the file, in bytes.
	At int64
	// What is "records" (Lost can never be delivered), "tail" (a write that was cut short,
	// which is no loss), "header" or "unreadable".
	What string
	Run  wire.Run
	// Class and Lost are set for records.
	Class Class
	Lost  Range
	Bytes int64
}

// Files lists the directory.
func (i *Inspection) Files() (out []DirFile) {
	j := i.j
	uses := map[string]DirFile{}
	j.mu.Lock()
	for _, s := range j.free {
		uses[s.name] = DirFile{Name: s.name, Size: s.size, Use: "free"}
	}
	j.eachSegment(func(st *stream, s *segment) {
		f := DirFile{Name: s.name, Size: s.size, Use: "sealed", Run: st.run.id, Class: classOf(st.rank)}
		if s.last >= s.head.first {
			f.Records = s.span()
		}
		if st.run.id == i.Run() && st.tailOf() == s {
			f.Use = "active"
		}
		uses[s.name] = f
	})
	j.mu.Unlock()
	for _, name := range i.names {
		f, known := uses[name]
		if !known {
			f = DirFile{Name: name, Use: "unknown"}
			switch {
			case name == formatName:
				f.Use = "format"
			case name == "state-a" || name == "state-b":
				f.Use = "state"
			case strings.HasPrefix(name, "bad-"):
				f.Use = "aside"
			case strings.HasPrefix(name, "seg-"):
				f.Use = "damaged"
			}
			if info, err := os.Stat(filepath.Join(j.o.Dir, name)); err == nil {
				f.Size = info.Size()
			}
		}
		out = append(out, f)
	}
	return out
}

// Verify reads every byte of every record and says what does not verify, and what earlier
// reading has found missing.
func (i *Inspection) Verify() (out []Damage) {
	j := i.j
	for _, r := range j.runs {
		for _, st := range r.streams {
			for _, s := range st.segs {
				out = append(out, i.verify(st, s)...)
			}
		}
	}
	for _, f := range i.Files() {
		if f.Use == "damaged" && i.stillBad(f.Name) {
			out = append(out, Damage{File: f.Name, What: "header"})
		}
	}
	for _, l := range j.losses {
		if l.why == reasonMissing {
			out = append(out, Damage{What: "records", Run: l.stream.run.id, Class: classOf(l.stream.rank), Lost: l.span})
		}
	}
	return out
}

// stillBad looks again at a header that was bad: a daemon may just have been writing it.
func (i *Inspection) stillBad(name string) bool {
	l, err := i.j.readHeader(&segment{name: name})
	return err == nil && l == lookBad
}

// verify reads one segment through. A file that has been given to other records since the
// look at its header has no damage: it is another file by now.
func (i *Inspection) verify(st *stream, s *segment) (out []Damage) {
	j := i.j
	again := &segment{name: s.name}
	defer func() {
		if l, err := j.readHeader(again); len(out) > 0 && err == nil && l == lookGood && again.head.salt != s.head.salt {
			out = nil
		}
	}()
	f, err := j.fs.Open(filepath.Join(j.o.Dir, s.name), false)
	if err != nil {
		if isMissing(err) {
			return nil
		}
		return []Damage{{File: s.name, What: "unreadable"}}
	}
	defer func() { _ = f.Close() }() // only read
	sc := scanSegment(f, s.head, s.size)
	for {
		at := sc.off
		step, err := sc.next()
		switch {
		case err != nil:
			return append(out, Damage{File: s.name, At: at, What: "unreadable"})
		case step.found == foundLoss && step.lost.First <= s.last:
			out = append(out, Damage{File: s.name, At: at, What: "records", Run: st.run.id, Class: classOf(st.rank), Lost: Range{step.lost.First, min(step.lost.Last, s.last)}})
		case step.found == foundTorn && sc.last < s.last:
			return append(out, Damage{File: s.name, At: at, What: "records", Run: st.run.id, Class: classOf(st.rank), Lost: Range{sc.last + 1, s.last}})
		case step.found == foundTorn && step.cut > 0:
			return append(out, Damage{File: s.name, At: at, What: "tail", Run: st.run.id, Class: classOf(st.rank), Bytes: step.cut})
		case step.found >= foundEnd || step.found == foundRecord && step.frame.seq >= s.last && s.end <= sc.off:
			return out
		}
	}
}
