package journal

import "time"

// Stats are the journal's books at one moment.
type Stats struct {
	Classes map[Class]ClassStats
	// Syncs counts fdatasync and fsync calls, Written the bytes given to write, of
	// this run.
	Syncs, Written int64
	// Damaged counts records of this run's reading that did not verify or were missing.
	Damaged uint64
	// Disk is the size of all files in bytes, Free how many of them are not in use.
	Disk int64
	Free int
	// Down says that the disk takes no records now; Volatile counts those that are in
	// memory alone.
	Down     bool
	Volatile int
}

// ClassStats are those of one class, all runs together.
type ClassStats struct {
	// Records and Bytes of data wait for the platform. Bytes is an estimate in
	// segments that are acknowledged in part.
	Records, Bytes int64
	// Oldest is the age of the oldest of them, to 64 KiB of records; 0 if there is
	// none, and negative where it is of an earlier run and the time is not known.
	Oldest time.Duration
	// Dropped and DroppedBytes were given up for want of room in this run.
	Dropped, DroppedBytes uint64
	// Next is the number that the next record will get.
	Next Seq
}

// Stats counts what waits; it reads no file.
func (j *Journal) Stats() Stats {
	s := Stats{Classes: make(map[Class]ClassStats, ranks), Syncs: j.syncs.Load(), Written: j.written.Load(), Down: j.down.Load()}
	wall := j.wall()
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Damaged, s.Disk, s.Free = j.damaged, j.aside, len(j.free)
	for _, f := range j.free {
		s.Disk += f.size
	}
	var all [ranks]ClassStats
	j.eachSegment(func(st *stream, g *segment) {
		s.Disk += g.size
		c := &all[st.rank]
		total := g.count()
		open := total - int64(st.done.count(g.span()))
		if open <= 0 {
			return
		}
		if c.Records == 0 {
			c.Oldest = j.age(g, st.done.missing(g.span())[0].First, wall)
		}
		c.Records += open
		c.Bytes += g.bytes * open / total
	})
	for rank := range all {
		c := &all[rank]
		if kept := j.mem.kept[rank]; len(kept) > 0 {
			if c.Records == 0 {
				c.Oldest = max(j.sinceOpen()-kept[0].at, 1)
			}
			c.Records += int64(len(kept))
			s.Volatile += len(kept)
			for _, h := range kept {
				c.Bytes += int64(len(h.data))
			}
		}
		c.Dropped, c.DroppedBytes = j.dropped[rank].records, j.dropped[rank].bytes
		c.Next = j.assigned(rank)
		s.Classes[classOf(rank)] = *c
	}
	return s
}

// age is how old a record is: by the monotonic clock in this run, by the wall
// clock else. The caller holds mu.
func (j *Journal) age(s *segment, seq Seq, wall int64) time.Duration {
	if m := s.markBefore(seq); m.at > 0 {
		return max(j.sinceOpen()-m.at, 1)
	}
	if wall == 0 || s.head.wall == 0 {
		return -1
	}
	return max(time.Duration(wall-s.head.wall)*time.Millisecond, 1)
}
