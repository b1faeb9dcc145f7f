// Package bench measures what the gateway costs and how fast it is, each time beside a
// limit that was measured in the same run on the same machine: the disk's own fdatasync,
// the least relay that can be written (testbench/bare). Measurements of the two are
// interleaved, so that a machine that slows down slows down both.
package bench
