package platform

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fuqiao/edged/edge/wire"
)

// StreamID names a stream of numbered records.
type StreamID struct {
	Run   wire.Run
	Class string
}

// Stream is what arrived of one.
type Stream struct {
	// Seen counts arrivals by number, Sums are the hashes of the first ones.
	Seen map[uint64]int
	Sums map[uint64][32]byte
	// Gone are numbers that a gap record accounts for.
	Gone map[uint64]bool
	// Last is the highest number that the gateway is known to have used.
	Last uint64
	// Closed: a later run has said that End was the last one to reach the disk. What a
	// presence promised beyond it was cut by a crash before anybody was told of it.
	Closed bool
	End    uint64
	// memory: numbers above End may have come from the gateway's memory.
	memory bool
	// Different counts arrivals with other bytes than the first one of their number.
	Different int
}

// Row is the account of one stream: Produced = Seen + Accounted + Lost.
type Row struct {
	StreamID
	Produced, Seen, Accounted uint64
	// Lost numbers were used and never arrived, and nothing says why.
	Lost []uint64
	// Doubled arrivals were beyond the first; Different ones had other bytes.
	Doubled, Different int
}

func (b *Books) stream(run wire.Run, class string) *Stream {
	id := StreamID{run, class}
	s := b.Streams[id]
	if s == nil {
		s = &Stream{Seen: map[uint64]int{}, Sums: map[uint64][32]byte{}, Gone: map[uint64]bool{}}
		b.Streams[id] = s
	}
	return s
}

// count enters an arrival and checks its identity. An event whose bytes differ from those
// of an earlier one with the same identity breaks the contract. Steps of an order that are
// no records have no class.
func (b *Books) count(e wire.CloudEvent, sum [32]byte) (again bool, err error) {
	if e.Class == "" {
		return false, nil
	}
	seq, err := strconv.ParseUint(e.Seq, 10, 64)
	if err != nil || seq == 0 || !strings.HasPrefix(e.ID, string(e.Run)) {
		return false, fmt.Errorf("event %s: run %s, seq %q", e.ID, e.Run, e.Seq)
	}
	if e.ID != wire.EventID(e.Run, e.Class, seq) {
		return false, nil
	}
	s := b.stream(e.Run, e.Class)
	s.Seen[seq]++
	s.Last = max(s.Last, seq)
	if s.Seen[seq] == 1 {
		s.Sums[seq] = sum
		return false, s.phantom(e.Run, e.Class)
	}
	if s.Sums[seq] != sum {
		s.Different++
		return true, fmt.Errorf("event %s came again with other bytes", e.ID)
	}
	return true, nil
}

// account takes what gap records and run.closed say.
func (b *Books) account(e wire.CloudEvent) error {
	var d struct {
		Run   wire.Run `json:"run"`
		Class string   `json:"class"`
		First uint64   `json:"first"`
		Last  uint64   `json:"last"`
	}
	if e.Type == wire.TypeRaised && strings.Contains(string(e.Data), `"journal.storage"`) {
		b.InMemory[e.Run] = true
	}
	gap, closed := e.Type == wire.TypeGap, e.Type == wire.TypeRunClosed
	if !gap && !closed {
		return nil
	}
	if err := wire.Unmarshal(e.Data, &d); err != nil {
		return err
	}
	s := b.stream(d.Run, d.Class)
	if closed {
		s.Closed, s.End, s.memory = true, d.Last, b.InMemory[d.Run]
		return s.phantom(d.Run, d.Class)
	}
	s.Last = max(s.Last, d.Last)
	if gap {
		if d.First == 0 || d.Last < d.First || d.Last-d.First > 1<<24 {
			return fmt.Errorf("gap %d–%d", d.First, d.Last)
		}
		for n := d.First; n <= d.Last; n++ {
			s.Gone[n] = true
		}
	}
	return s.phantom(d.Run, d.Class)
}

// phantom is a number that came although its run was closed below it.
func (s *Stream) phantom(run wire.Run, class string) error {
	if !s.Closed || s.memory {
		return nil
	}
	for n := range s.Seen {
		if n > s.End {
			return fmt.Errorf("event %s came, and run.closed says that %d was the last", wire.EventID(run, class, n), s.End)
		}
	}
	return nil
}

// produced is how many numbers the stream has used.
func (s *Stream) produced() uint64 {
	if s.Closed {
		return s.End
	}
	return s.Last
}

// Account is the balance of all streams. What the latest presence of a run says of its
// next numbers counts as produced, so it may name records as lost that are still on their
// way: ask again when the journal is empty.
func (p *Platform) Account() []Row {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := &p.books
	for _, pr := range b.Presences {
		for class, next := range pr.What.Next {
			if next > 1 {
				s := b.stream(pr.What.Run, class)
				s.Last = max(s.Last, next-1)
			}
		}
	}
	var rows []Row
	for id, s := range b.Streams {
		if id.Class == wire.ClassStep {
			continue // never kept, so never owed
		}
		r := Row{StreamID: id, Produced: s.produced(), Different: s.Different}
		for n := uint64(1); n <= r.Produced; n++ {
			switch {
			case s.Seen[n] > 0:
				r.Seen++
				r.Doubled += s.Seen[n] - 1
			case s.Gone[n]:
				r.Accounted++
			default:
				r.Lost = append(r.Lost, n)
			}
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return strings.Compare(a.Class+string(a.Run), b.Class+string(b.Run))
	})
	return rows
}
