package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// ring is the open file: which segment is written, and where. It belongs to one
// goroutine.
type ring struct {
	f      File
	g      geometry
	run    string
	heads  []header // gen 0: not in use
	cur    int      // the segment that is written
	off    int      // where its next record goes
	spare  []int    // segments with a synced header and no record, in the order of their gens
	next   uint64   // the next gen
	batch  uint32   // number of the next sync
	since  uint64   // gen of this run's first segment
	writes []write  // since the last sync
}

// write is one contiguous piece.
type write struct {
	at   int64
	data []byte
}

// errFull means that no segment is free; it is mended by writing a new file.
const errFull = storageError("no free segment")

// start is where segment i begins in the file.
func (r *ring) start(i int) int64 { return int64(i) * int64(r.g.size) }

// fresh gives a header for the next generation.
func (r *ring) fresh() (header, error) {
	var salt [8]byte
	if _, err := rand.Read(salt[:]); err != nil {
		return header{}, fmt.Errorf("salt: %w", err)
	}
	h := header{gen: r.next, salt: binary.BigEndian.Uint64(salt[:]), since: r.since, run: r.run}
	r.next++
	return h, nil
}

// prepare writes a new header into segment i. It becomes a spare; its records may
// be written after the next sync only.
func (r *ring) prepare(i int) error {
	h, err := r.fresh()
	if err != nil {
		return err
	}
	r.heads[i] = h
	r.spare = append(r.spare, i)
	r.writes = append(r.writes, write{r.start(i), h.encode(r.g)})
	return nil
}

// gen is the generation of the segment that is written now.
func (r *ring) gen() uint64 { return r.heads[r.cur].gen }

// fits tells whether a body can still be placed without a further sync: in this
// segment, or in the next spare.
func (r *ring) fits(n int) bool { return r.room(n) || len(r.spare) > 0 }

// room keeps place for the seal.
func (r *ring) room(n int) bool {
	return r.off+recordHead+n+recordHead+1 <= r.g.size
}

// put places a body; the caller has asked fits.
func (r *ring) put(body []byte) {
	if !r.room(len(body)) {
		r.frame([]byte{recSeal})
		r.cur, r.spare, r.off = r.spare[0], r.spare[1:], headerSize
	}
	r.frame(body)
}

func (r *ring) frame(body []byte) {
	at := r.start(r.cur) + int64(r.off)
	if n := len(r.writes); n == 0 || r.writes[n-1].at+int64(len(r.writes[n-1].data)) != at {
		r.writes = append(r.writes, write{at: at})
	}
	w := &r.writes[len(r.writes)-1]
	w.data = appendRecord(w.data, r.heads[r.cur].salt, r.off, r.batch, body)
	r.off += recordHead + len(body)
}

// sync writes and syncs all that was put. After an error the descriptor must not be
// used again: Linux has marked the pages clean, and a later sync would lie.
func (r *ring) sync() error {
	for _, w := range r.writes {
		if _, err := r.f.WriteAt(w.data, w.at); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	r.writes = r.writes[:0]
	r.batch++
	return r.f.Sync()
}

// oldest is the segment with the lowest gen that is neither written nor spare; −1
// where there is none.
func (r *ring) oldest() int {
	best := -1
	for i, h := range r.heads {
		if i == r.cur || h.gen == 0 || h.gen >= r.gen() {
			continue
		}
		if best < 0 || h.gen < r.heads[best].gen {
			best = i
		}
	}
	return best
}

// unused is a segment without header, −1 where there is none.
func (r *ring) unused() int {
	for i, h := range r.heads {
		if h.gen == 0 && i != r.cur {
			return i
		}
	}
	return -1
}

const errDamaged = storageError("no segment of the file verifies")
