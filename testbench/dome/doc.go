// Package dome is a Pelco-D dome camera that hangs on a testbench wire: it turns with
// real speeds and keeps turning until it is told to stop, as the real ones do (Pelco-D
// defines no motion time-out).
//
// It was written from the protocol's published facts (Pelco TF-0002, the DRD14 manual and
// the practice of clones where they differ) and shares no code with any driver, so that a
// mistake in an encoder is not repeated here.
package dome
