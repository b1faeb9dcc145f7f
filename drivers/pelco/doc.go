// Package pelco drives domes that speak Pelco-D over a serial line.
//
// A frame is FF, address, command 1, command 2, data 1, data 2 and the sum of the
// five in between, modulo 256. Where bit 0 of command 2 is 0 the frame states the
// whole motion: a function whose bit is 0 stops. Where it is 1, command 2 is an
// opcode (preset, query …).
//
// A dome has no time-out of its own: it turns until it is told to stop, meets a
// limit or loses its power. Most low-cost domes answer nothing at all; then what is
// known of an act is that the bytes left the box.
//
// Sources, named at the lines that use them:
//
//   - TF-0002: Pelco "D" protocol manual, standard TF-0002, version 2 revision 1,
//     15 August 2003.
//   - D-1999: the older command table that many clones follow (turbo FF, speed 00
//     stops).
//   - D-5.0.1: Pelco D protocol revision 5.0.1, 1 April 2008.
//   - DRD14: Pelco DRD14 receiver manual C466M-E.
//   - Spectra II: Pelco Spectra II dome manual (special presets).
//   - Hikvision: manuals DS-2DE5184-AE p. 25–26, DS-2AF5268N p. 30, DS-2DF8836IX p. 81.
package pelco
