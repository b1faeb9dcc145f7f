package kernel

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Edge is one change of the level of a line.
type Edge struct {
	// Offset and Name say which line.
	Offset int
	Name   string
	// Level is the electrical level after the edge; active-low is not applied.
	Level bool
	// At is when, with the monotonic clock.
	At time.Time
	// Why is "request" (a program took the line), "set", "config" or "drive" (the
	// world outside).
	Why string
	// Pid is the program's first process, 0 for the world outside.
	Pid int
}

// Request is one successful GPIO_V2_GET_LINE.
type Request struct {
	Pid      int
	Consumer string
	Offsets  []int
	// Outputs tells for each line whether it was taken as an output, and Levels
	// which electrical level it was given by the request itself.
	Outputs, Levels []bool
	At              time.Time
}

// Chip is a GPIO chip without the silicon. It keeps its levels, whoever comes and
// goes: when an owner dies its outputs stay as they are, as on Raspberry Pi
// kernels, so an output is off after a crash only if somebody made it so.
// All methods may be called from any goroutine, at any time.
type Chip struct {
	name, label string
	nodes       []string // where it is found in /dev

	mu       sync.Mutex
	lines    []*chipLine
	grants   map[string]*grant // by the pipe that the owner holds
	life     int               // counts re-insertions
	present  bool
	edges    []Edge
	requests []Request
	changed  chan struct{}
}

// chipLine is one line. level is electrical.
type chipLine struct {
	name   string
	level  bool
	driven bool // the world outside holds the level of the input
	flags  uint64
	owner  *grant
}

// NewChip makes a chip that is present, its lines low, undriven and free. name is
// "gpiochip0" and so on; lines are the lines' names by offset, "" for a line
// without one.
func NewChip(name, label string, lines ...string) *Chip {
	c := &Chip{name: name, label: label, nodes: []string{name}, present: true, grants: map[string]*grant{}, changed: make(chan struct{})}
	for _, l := range lines {
		c.lines = append(c.lines, &chipLine{name: l})
	}
	return c
}

// Alias shows the chip under a second node as well, as Raspberry Pi kernels do for
// programs that know it by an old number. Call it before the first Start.
func (c *Chip) Alias(node string) { c.nodes = append(c.nodes, node) }

// Name is the chip's name, as in /dev.
func (c *Chip) Name() string { return c.name }

// Offset finds a line by name.
func (c *Chip) Offset(line string) (int, error) {
	for i, l := range c.lines {
		if l.name == line {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s has no line %q", c.name, line)
}

// Level is a line's electrical level.
func (c *Chip) Level(offset int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines[offset].level
}

// Edges returns all edges so far, oldest first.
func (c *Chip) Edges() []Edge {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Edge(nil), c.edges...)
}

// Requests returns all line requests so far, oldest first.
func (c *Chip) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Request(nil), c.requests...)
}

// Owner says who holds a line now: the consumer's label and the program's first
// process, or false.
func (c *Chip) Owner(offset int) (consumer string, pid int, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.ownerOf(offset); g != nil {
		return g.consumer, g.pid, true
	}
	return "", 0, false
}

// WaitLevel returns when the line has the level, at once if it has it already.
func (c *Chip) WaitLevel(ctx context.Context, offset int, level bool) error {
	for {
		c.mu.Lock()
		now, changed := c.lines[offset].level, c.changed
		c.mu.Unlock()
		if now == level {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%s line %d is still %v: %w", c.name, offset, now, ctx.Err())
		}
	}
}

// Changed returns a channel that is closed at the next edge of any line. Take it
// before looking at Edges, then nothing is missed.
func (c *Chip) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Drive is the world outside: it puts a level on an input. A line that is an output
// keeps its own level (and the fight is not simulated).
func (c *Chip) Drive(offset int, level bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[offset]
	if l.flags&flagOutput != 0 {
		return
	}
	l.driven = true
	if c.move(offset, level, "drive", 0) && l.owner != nil {
		l.owner.event(offset, level != (l.flags&flagActiveLow != 0), l.flags)
	}
}

// Remove unplugs the chip: its node is gone, every call on it and its lines fails
// with ENODEV, and readers of its lines see the end. The levels stay.
func (c *Chip) Remove() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present = false
	for key, g := range c.grants {
		c.release(key, g)
	}
}

// Insert plugs the chip in again; descriptors from before stay dead.
func (c *Chip) Insert() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present {
		c.present = true
		c.life++
	}
}

// move changes a level, records the edge and tells whoever waits; false: the level
// was that already.
func (c *Chip) move(offset int, level bool, why string, pid int) bool {
	l := c.lines[offset]
	if l.level == level {
		return false
	}
	l.level = level
	c.edges = append(c.edges, Edge{Offset: offset, Name: l.name, Level: level, At: time.Now(), Why: why, Pid: pid})
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

// ownerOf is the line's living owner. A dead one is noticed here: nobody holds the
// other end of its pipe.
func (c *Chip) ownerOf(offset int) *grant {
	g := c.lines[offset].owner
	if g != nil && !g.alive() {
		c.release(g.key, g)
		return nil
	}
	return g
}

// release frees a grant's lines. Their levels stay as they are.
func (c *Chip) release(key string, g *grant) {
	delete(c.grants, key)
	_ = unix.Close(g.events)
	for _, o := range g.offsets {
		c.lines[o].owner, c.lines[o].flags = nil, 0
	}
}

// node is the name of the descriptor that stands for the open chip: it tells
// which chip, and which life of it.
func (c *Chip) node() string { return c.name + "." + strconv.Itoa(c.life) }

// nodeOf is the inverse of node on what /proc says of a memfd.
func nodeOf(target string) (string, bool) {
	rest, ok := strings.CutPrefix(target, "/memfd:")
	return strings.TrimSuffix(rest, " (deleted)"), ok
}
