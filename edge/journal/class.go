package journal

import (
	"fmt"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/wire"
)

// Class is a kind of record; each has its own numbers, segments and share of the
// budget.
type Class string

// The classes. Result, Alarm and Gap own a tenth of the budget that nothing else
// enters.
const (
	Result    Class = "result"    // terminal results of orders
	Alarm     Class = "alarm"     // events that somebody has to see at once
	Event     Class = "event"     // all other events
	Telemetry Class = "telemetry" // summary packs of the time without uplink
	Media     Class = "media"     // pictures up to 256 KiB and what is known of them; not JSON
	Gap       Class = "gap"       // the journal's own: gap and run.closed
)

// Ranks order the classes: the lowest gives way first.
const (
	telemetryRank = iota
	mediaRank
	eventRank
	alarmRank
	resultRank
	gapRank
	ranks
)

// Bounds of one record's data in bytes (contract.md, ground rule 4: an upward
// message is at most 128 KiB; a picture is at most 256 KiB, and what is known of it has
// a KiB).
const (
	MaxRecord = 128 << 10
	MaxMedia  = 257 << 10
)

// Classes lists all classes, the lowest first.
func Classes() []Class {
	return []Class{Telemetry, Media, Event, Alarm, Result, Gap}
}

func classOf(rank int) Class { return Classes()[rank] }

// rankOf returns −1 for an unknown word.
func rankOf(c Class) int {
	switch c {
	case Telemetry:
		return telemetryRank
	case Media:
		return mediaRank
	case Event:
		return eventRank
	case Alarm:
		return alarmRank
	case Result:
		return resultRank
	case Gap:
		return gapRank
	}
	return -1
}

// low tells whether a class stays out of the reserve.
func low(rank int) bool { return rank < alarmRank }

// Seq numbers the records of one run and class, from 1.
type Seq uint64

// ID is a record's identity; the zero ID stands before all records.
type ID struct {
	Run   wire.Run
	Class Class
	Seq   Seq
}

// Record is what Next hands out: the bytes given to Append, or for gap and
// run.closed a JSON object {"type":…,"data":{…}}.
type Record struct {
	ID   ID
	Data []byte
}

// Range is First … Last, both included.
type Range struct{ First, Last Seq }

// Share is what a class may keep, in bytes. Nothing of a class is given up for
// others while that would bring its files below Floor; when its records come above
// Ceiling its own oldest go. Floors together are at most nine tenths of the budget
// (or what the ceiling of class gap leaves) less a segment for each class.
// A Ceiling of 0 is the default: what the budget allows.
//
// What is older than TTL is given up, to an eighth of it and by whole segments; 0 keeps
// it. Age is the time that this journal has run with a trusted clock since (lived.go), so
// that no step of the clock makes anything old.
type Share struct {
	Floor, Ceiling int64
	TTL            time.Duration
}

// Fault is a kind of failure; find it with errors.Is.
type Fault string

// The faults.
const (
	// ErrStorage: the disk takes no records now. Nothing is promised about the
	// record; the journal tries again by itself.
	ErrStorage Fault = "the disk takes no records"
	// ErrVolatile: the record has its number and will be delivered, but for now it is
	// in memory alone and ends with the process.
	ErrVolatile Fault = "kept in memory, the disk takes no records"
	// ErrClosed: Close was called.
	ErrClosed Fault = "the journal is closed"
	// ErrNewer: the directory was written by a newer version and is left as it is.
	ErrNewer Fault = "written by a newer version"
)

// Error makes a Fault an error.
func (f Fault) Error() string { return string(f) }

// defaultShares splits a budget: floors add up to half of it.
func defaultShares(budget int64) [ranks]Share {
	part := func(percent int64) int64 { return budget * percent / 100 }
	return [ranks]Share{
		telemetryRank: {Floor: part(2), Ceiling: part(90)},
		mediaRank:     {Floor: part(8), Ceiling: part(90)},
		eventRank:     {Floor: part(25), Ceiling: part(90)},
		alarmRank:     {Floor: part(8), Ceiling: part(98)},
		resultRank:    {Floor: part(5), Ceiling: part(98)},
		gapRank:       {Floor: part(2), Ceiling: part(5)},
	}
}

// shares applies what the caller set. A ceiling leaves room for two segments, for
// dropping goes by whole segments and the newest record of a class is kept.
func (o *Options) shares(segment int64) ([ranks]Share, error) {
	all := defaultShares(o.Budget)
	for c, s := range o.Classes {
		rank := rankOf(c)
		if rank < 0 {
			return all, fmt.Errorf("journal: class %q: unknown, allowed are %v: %w", c, Classes(), fault.BadInput)
		}
		if s.TTL != 0 && s.TTL < leastTTL {
			return all, fmt.Errorf("journal: class %s: ttl %v: must be 0 or at least %v: %w", c, s.TTL, leastTTL, fault.BadInput)
		}
		if s.Floor < 0 || s.Ceiling < 0 || s.Ceiling > 0 && s.Ceiling < s.Floor {
			return all, fmt.Errorf("journal: class %s: floor %d and ceiling %d: must not be negative, nor the ceiling below the floor: %w", c, s.Floor, s.Ceiling, fault.BadInput)
		}
		all[rank].Floor, all[rank].TTL = s.Floor, s.TTL
		if s.Ceiling > 0 {
			all[rank].Ceiling = s.Ceiling
		}
		all[rank].Ceiling = max(all[rank].Ceiling, s.Floor)
	}
	floors := int64(0)
	for rank := range all {
		floors += all[rank].Floor
		all[rank].Ceiling = max(all[rank].Ceiling, 2*segment)
	}
	if most := min(o.Budget/10*9, o.Budget-all[gapRank].Ceiling) - ranks*segment; floors > most {
		return all, fmt.Errorf("journal: floors of %d bytes together: must not be more than %d with a budget of %d: %w", floors, most, o.Budget, fault.BadInput)
	}
	return all, nil
}

// check judges a record before anything is done with it.
func (j *Journal) check(c Class, rec []byte) (int, error) {
	rank := rankOf(c)
	bound := MaxRecord
	switch {
	case rank < 0:
		return 0, fmt.Errorf("journal: class %q: unknown, allowed are %v: %w", c, Classes(), fault.BadInput)
	case rank == mediaRank:
		bound = MaxMedia
	case len(rec) < len(`{"a":0}`) || rec[0] != '{' || rec[len(rec)-1] != '}':
		return 0, fmt.Errorf("journal: %s: a record of %d bytes: must be a JSON object with at least one member: %w", c, len(rec), fault.BadInput)
	}
	if room := j.segment - pageSize - frameHead - 2*align; int64(bound) > room-frameHead {
		bound = int(room - frameHead)
	}
	if len(rec) == 0 || len(rec) > bound {
		return 0, fmt.Errorf("journal: %s: a record of %d bytes: must be 1 to %d: %w", c, len(rec), bound, fault.BadInput)
	}
	return rank, nil
}
