// Package journal keeps records on disk until the platform has them. A record
// whose Append has returned survives SIGKILL and power cuts; one that had to be
// given up is told of by a gap record, so that produced = delivered + accounted.
//
// # Identity
//
// A record's identity is (run, class, seq). A run is one life of the daemon, seq
// rises by one from 1 in each run and class, and no number is used twice.
//
// # Files
//
// The directory holds FORMAT ("fuqiao journal 1"), two state files that are
// written in turn, and segments seg-000001 … of 1–4 MiB. A segment belongs to one
// class of one run; when all in it is acknowledged and the state file says so on
// disk, the file is overwritten for another. Files come from one pool that is
// zero-written while the journal is idle: an append to such a file needs one
// fdatasync and no change of metadata. Beyond the pool, files grow.
//
// A segment is a 4 KiB header page (header.go) and then frames (frame.go). Every
// CRC is seeded with the segment's random salt, so neither zeros nor what a former
// use left behind ever verifies. An end mark follows the last frame of every
// commit and is overwritten by the next one: its absence tells a torn tail, and
// a bad frame before it is damage and not a tail. Writes are whole pages, so the
// kernel never has to read before it writes.
//
// # Memory
//
// After two failures in a row records live in memory (2 MiB at most, memory.go) under
// the numbers that they would have had, until the disk takes them; what is appended
// then is answered by a Held instead of nil.
//
// # Class gap
//
// The journal itself writes two kinds of record, both of class gap: gap
// (what was lost, by whom and why) and run.closed (an earlier run's last good
// number per class). Gap records of one run and class may overlap: a later, wider
// one replaces those that it contains.
package journal
