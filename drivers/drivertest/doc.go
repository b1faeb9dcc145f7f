// Package drivertest stands in for hardware in unit tests: a scripted wire, a
// recorder of what was sent, and the contract suites that every dome, speaker and
// camera source passes. Nothing that ships imports it.
package drivertest
