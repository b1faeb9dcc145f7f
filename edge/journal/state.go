package journal

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"path/filepath"
	"slices"
	"time"

	"fuqiao/edged/edge/wire"
)

// A state file says what is done with and which runs are closed. There are two,
// written in turn, so that a torn write leaves the other one:
//
//	 0  8    "fqjstate"
//	 8  u32  format version, 1
//	12  u32  length of the body
//	16  u64  number, one more with every write
//	24  u32  CRC-32C of the 24 bytes before and of the body
//	28       JSON (savedState), then zeros to a whole page
//
// A segment's file is used for another only when the state that says that all in
// it is done is on disk. So a number that is neither done nor in a segment has
// been lost by the medium.
type savedState struct {
	Run   wire.Run `json:"run"`
	Clean bool     `json:"clean,omitzero"`
	// LivedS is the journal's own clock, in seconds (lived.go).
	LivedS int64 `json:"lived_s,omitzero"`
	// Runs stand in their order; the last one is Run.
	Runs []savedRun `json:"runs"`
}

type savedRun struct {
	Run     wire.Run             `json:"run"`
	Closed  bool                 `json:"closed,omitzero"`
	Classes map[Class]savedClass `json:"classes,omitzero"`
}

// savedClass is one class of one run.
type savedClass struct {
	Done [][2]Seq   `json:"done,omitzero"`
	Ends []savedEnd `json:"ends,omitzero"`
	// Full is when a sealed segment was so, by its serial, in seconds of that clock; only
	// of classes that give up what is old.
	Full map[uint64]int64 `json:"full,omitzero"`
}

// savedEnd is where a segment ends that has no successor on disk to say it: the
// last one of a closed run, and one whose successor is done with.
type savedEnd struct {
	Serial uint64 `json:"serial"`
	Last   Seq    `json:"last"`
	End    int64  `json:"end"`
	Bytes  int64  `json:"bytes"`
}

const stateHead = 28

func stateMagic() []byte { return []byte("fqjstate") }

func encodeState(number uint64, s savedState) ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 24, (stateHead+len(body)+pageSize-1)&^(pageSize-1))
	copy(b, stateMagic())
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(body)))
	binary.LittleEndian.PutUint64(b[16:], number)
	sum := crc32.Update(crc32.Checksum(b, castagnoli()), castagnoli(), body)
	b = append(binary.LittleEndian.AppendUint32(b, sum), body...)
	return b[:cap(b)], nil
}

func decodeState(b []byte) (number uint64, s savedState, ok bool) {
	if len(b) < stateHead || !slices.Equal(b[:8], stateMagic()) || binary.LittleEndian.Uint32(b[8:]) != version {
		return 0, s, false
	}
	n := int64(binary.LittleEndian.Uint32(b[12:]))
	if n > int64(len(b)-stateHead) {
		return 0, s, false
	}
	body := b[stateHead : stateHead+n]
	if crc32.Update(crc32.Checksum(b[:24], castagnoli()), castagnoli(), body) != binary.LittleEndian.Uint32(b[24:]) {
		return 0, s, false
	}
	if json.Unmarshal(body, &s) != nil {
		return 0, savedState{}, false
	}
	return binary.LittleEndian.Uint64(b[16:]), s, true
}

func (j *Journal) statePath(number uint64) string {
	return filepath.Join(j.o.Dir, "state-"+string(rune('a'+number%2)))
}

// readState returns the newest state that is whole.
func (j *Journal) readState() (number uint64, s savedState, err error) {
	for i := range uint64(2) {
		b, err := j.readFile(j.statePath(i), 16<<20)
		if err != nil {
			return 0, s, err
		}
		if n, one, ok := decodeState(b); ok && n >= number {
			number, s = n, one
		}
	}
	return number, s, nil
}

// writeState makes the present state durable and gives back the segments that are
// done. Only the committer calls it.
func (j *Journal) writeState(clean bool) error {
	j.mu.Lock()
	ripe := j.ripe()
	s, number := j.save(clean, ripe), j.state+1
	j.dirty = false
	j.mu.Unlock()
	err := j.storeState(number, s)
	j.mu.Lock()
	j.stateAt = j.sinceOpen()
	if err != nil {
		j.dirty = true
		j.mu.Unlock()
		return err
	}
	j.state = number
	j.mu.Unlock()
	j.giveBack(ripe)
	return nil
}

func (j *Journal) storeState(number uint64, s savedState) error {
	b, err := encodeState(number, s)
	if err != nil {
		return err
	}
	f, err := j.fs.Open(j.statePath(number), true)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // after the sync there is nothing left to fail
	size, err := f.Size()
	if err != nil {
		return err
	}
	if err := j.writeAt(f, b, 0); err != nil {
		return err
	}
	if err := j.sync(f); err != nil || size > 0 {
		return err
	}
	return j.syncDir() // the first write of this file
}

// save takes a picture of the state, in which the ripe segments are gone. The caller
// holds mu.
func (j *Journal) save(clean bool, ripe []*segment) savedState {
	s := savedState{Run: j.o.Run, Clean: clean, LivedS: int64(j.lived / time.Second)}
	for _, r := range j.runs {
		one := savedRun{Run: r.id, Closed: r.closed, Classes: map[Class]savedClass{}}
		for rank, st := range r.streams {
			if st.next == 1 && len(st.done) == 0 {
				continue
			}
			c := savedClass{}
			for _, d := range st.done {
				c.Done = append(c.Done, [2]Seq{d.First, d.Last})
			}
			for i, g := range st.segs {
				if j.share[rank].TTL > 0 && g.sealed && !slices.Contains(ripe, g) {
					if c.Full == nil {
						c.Full = map[uint64]int64{}
					}
					c.Full[g.head.serial] = int64(g.full / time.Second)
				}
				told := i+1 < len(st.segs) && st.segs[i+1].head.prev == g.head.serial && !slices.Contains(ripe, st.segs[i+1])
				if g.sealed && !told && !slices.Contains(ripe, g) {
					c.Ends = append(c.Ends, savedEnd{g.head.serial, g.last, g.end, g.bytes})
				}
			}
			one.Classes[classOf(rank)] = c
		}
		s.Runs = append(s.Runs, one)
	}
	return s
}

// readFile reads a small file whole; a missing one is empty.
func (j *Journal) readFile(name string, bound int64) ([]byte, error) {
	f, err := j.fs.Open(name, false)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, bound))
	n, err := readFull(f, b, 0)
	return b[:n], err
}
