// Package telemetry makes SenML packs (RFC 8428) of what the box and its parts
// count: a full pack at an interval, and in between what changed past its threshold.
package telemetry

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Value is one measurement.
type Value struct {
	// Name is below the base name (cpu, mem/available, bus/rs485-1/frames).
	Name string
	// Unit of RFC 8428 section 12.1 (B, Cel, s, / for a ratio 0–1), empty for counts.
	Unit string
	V    float64
	// Step is the change that is worth telling before the next full pack; 0: never.
	Step float64
}

// Source reads values; it must be quick and must not block.
type Source func() []Value

// Box measures the machine: load of the CPUs since the last call, memory, disk of
// the state directory, temperature where there is a sensor.
type Box struct {
	proc, sys, dir string
	busy, total    uint64
}

// NewBox reads from /proc and /sys; dir is the state directory.
func NewBox(dir string) *Box { return &Box{proc: "/proc", sys: "/sys", dir: dir} }

// Values samples now. It is not for two goroutines at once.
func (b *Box) Values() []Value {
	var out []Value
	if v, ok := b.cpu(); ok {
		out = append(out, Value{"cpu", "/", v, 0.25})
	}
	if m, ok := b.meminfo("MemAvailable"); ok {
		out = append(out, Value{"mem/available", "B", m, 16 << 20})
	}
	if rss, ok := b.rss(); ok {
		out = append(out, Value{"mem/rss", "B", rss, 4 << 20})
	}
	var st unix.Statfs_t
	if unix.Statfs(b.dir, &st) == nil {
		out = append(out, Value{"disk/free", "B", float64(st.Bavail) * float64(st.Bsize), 64 << 20})
	}
	for i, f := range b.sensors() {
		if t, ok := milli(f); ok {
			out = append(out, Value{fmt.Sprintf("temperature/%d", i), "Cel", t, 5})
		}
	}
	return out
}

// cpu is the busy share of all CPUs since the last call, 0–1 (proc_stat(5)); the first
// call measures since boot. iowait may go back, and then there is no answer.
func (b *Box) cpu() (float64, bool) {
	raw, err := os.ReadFile(filepath.Join(b.proc, "stat"))
	if err != nil {
		return 0, false
	}
	line, _, _ := bytes.Cut(raw, []byte("\n"))
	f := strings.Fields(string(line))
	if len(f) < 6 || f[0] != "cpu" {
		return 0, false
	}
	var total, idle uint64
	for i, s := range f[1:] {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, false
		}
		if i < 8 { // guest time is counted in user already
			total += n
		}
		if i == 3 || i == 4 { // idle, iowait
			idle += n
		}
	}
	busy := total - idle
	back := busy < b.busy || total <= b.total
	db, dt := busy-b.busy, total-b.total
	b.busy, b.total = busy, total
	if back || db > dt {
		return 0, false
	}
	return float64(db) / float64(dt), true
}

func (b *Box) meminfo(key string) (float64, bool) {
	return field(filepath.Join(b.proc, "meminfo"), key)
}

func (b *Box) rss() (float64, bool) {
	return field(filepath.Join(b.proc, "self", "status"), "VmRSS")
}

// field finds "key:  n kB" in a file of /proc and returns bytes.
func field(file, key string) (float64, bool) {
	f, err := os.Open(file)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), key+":")
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
		return n * 1024, err == nil
	}
	return 0, false
}

// sensors lists the thermal zones (sysfs-class-thermal).
func (b *Box) sensors() []string {
	zones, err := filepath.Glob(filepath.Join(b.sys, "class/thermal/thermal_zone*/temp"))
	if err != nil {
		return nil
	}
	return zones
}

func milli(file string) (float64, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(raw)), 64)
	return n / 1000, err == nil
}
