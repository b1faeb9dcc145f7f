// Package speech is a SYN6288 speech chip that hangs on a testbench wire: it is busy for
// as long as a text takes to be said, a new text cuts the one before, and its answers
// come at line rate, unasked ones included.
//
// It was written from the maker's data sheet (SYN6288 V1.7, section numbers below) and
// the practice of public drivers, and shares no code with any driver.
package speech
