// Package pin is the one adapter to GPIO: named outputs with a safe level and a
// last guard against being on for too long, and named inputs with debounce.
//
// Outputs are requested by our own GPIO v2 ioctl, all outputs of a chip in one
// request and each together with its safe level, so that no line blinks at start:
// periph's first Out(High) makes a short low (host/v3@v3.8.5, gpioioctl/gpio.go:
// setOut configures without a value), which an active-low relay takes for "on".
// Nor is an output ever read through periph, which would turn it into an input.
// The level after the process's death is the kernel driver's affair (upstream
// drivers make an input of it, Raspberry Pi kernels keep the level), so whoever
// ends must call Safe, and whoever starts after a crash finds the lines set to
// safe by Open.
//
// periph (conn/v3, host/v3/gpioioctl; this package is its only importer) gives the
// inputs, and the vocabulary: an output is a gpio.PinIO and stands in gpioreg
// under its line's name in place of periph's own pin of that line. periph looks
// for chips once in a process's life and knows nothing of chips that come later,
// and with two nodes for one chip its look-up closes descriptor 0: such chips'
// inputs are served by the same ioctl interface that serves the outputs.
//
// The ABI: docs.kernel.org/userspace-api/gpio/chardev.html and linux/gpio.h, v2,
// Linux 5.10 and later.
package pin
