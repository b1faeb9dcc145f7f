// Package demo plays one neighbourhood's day in less than a minute: the real daemon
// against simulated hardware, each step shown by what was seen on the wire and on the
// pin, and at the end the books: sent, seen, lost, doubled.
package demo
