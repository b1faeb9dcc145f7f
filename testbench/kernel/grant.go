package kernel

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// grant is a line request that somebody holds: the program has the read end of a
// pipe in place of the kernel's line descriptor, the writing end is here. The
// program's death, or its close, is seen as the pipe without readers.
type grant struct {
	key      string
	pid      int
	consumer string
	offsets  []int
	events   int
	seq      uint32
	lineSeq  []uint32
}

// newGrant makes the pipe and returns the read end, which the caller installs and
// closes.
func newGrant(pid int, req *unix.GPIOV2LineRequest) (*grant, int, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, err
	}
	g := &grant{pid: pid, consumer: text(req.Consumer), events: ends[1], lineSeq: make([]uint32, req.Num_lines)}
	for _, o := range req.Offsets[:req.Num_lines] {
		g.offsets = append(g.offsets, int(o))
	}
	var st unix.Stat_t
	err := unix.Fstat(ends[0], &st)
	if err == nil {
		// A full pipe drops events, as the kernel's full queue does.
		err = unix.SetNonblock(ends[1], true)
	}
	if err != nil {
		_ = unix.Close(ends[0])
		_ = unix.Close(ends[1])
		return nil, 0, err
	}
	g.key = fmt.Sprintf("pipe:[%d]", st.Ino)
	return g, ends[0], nil
}

// alive tells whether anybody still holds the line descriptor.
func (g *grant) alive() bool {
	fds := []unix.PollFd{{Fd: int32(g.events)}}
	_, err := unix.Poll(fds, 0)
	return err != nil || fds[0].Revents&unix.POLLERR == 0
}

// event writes a gpio_v2_line_event for an input whose edges were asked for.
func (g *grant) event(offset int, logical bool, flags uint64) {
	e := unix.GPIOV2LineEvent{Id: unix.GPIO_V2_LINE_EVENT_FALLING_EDGE, Offset: uint32(offset)}
	wanted := flags&flagEdgeFalling != 0
	if logical {
		e.Id, wanted = unix.GPIO_V2_LINE_EVENT_RISING_EDGE, flags&flagEdgeRising != 0
	}
	i := slices.Index(g.offsets, offset)
	if !wanted || i < 0 {
		return
	}
	clock := int32(unix.CLOCK_MONOTONIC)
	if flags&flagRealtime != 0 {
		clock = unix.CLOCK_REALTIME
	}
	var ts unix.Timespec
	if unix.ClockGettime(clock, &ts) == nil {
		e.Timestamp_ns = uint64(ts.Nano())
	}
	g.seq++
	g.lineSeq[i]++
	e.Seqno, e.Line_seqno = g.seq, g.lineSeq[i]
	_, _ = unix.Write(g.events, view(&e))
}

// take gives the lines to g, if they are free, and applies the request's
// configuration. The order is the kernel's: all lines are claimed first, then
// each gets its direction and, if an output, its value in one step.
func (c *Chip) take(g *grant, cfg *unix.GPIOV2LineConfig) unix.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.present {
		return unix.ENODEV
	}
	seen := map[int]bool{}
	for _, o := range g.offsets {
		if o >= len(c.lines) {
			return unix.EINVAL
		}
		if seen[o] || c.ownerOf(o) != nil {
			return unix.EBUSY
		}
		seen[o] = true
	}
	r := Request{Pid: g.pid, Consumer: g.consumer, Offsets: g.offsets, At: time.Now()}
	for i, o := range g.offsets {
		c.lines[o].owner = g
		c.apply(o, configOf(cfg, i), "request", g.pid)
		r.Outputs = append(r.Outputs, c.lines[o].flags&flagOutput != 0)
		r.Levels = append(r.Levels, c.lines[o].level)
	}
	c.grants[g.key] = g
	c.requests = append(c.requests, r)
	return 0
}

// apply configures one line. An output moves to its value; an input moves to what
// the world or the pull resistor says, and floats at its last level without either.
func (c *Chip) apply(offset int, cfg lineConfig, why string, pid int) {
	l := c.lines[offset]
	level := l.level
	switch {
	case cfg.flags&flagOutput != 0:
		level = cfg.value != (cfg.flags&flagActiveLow != 0)
		l.driven = false
	case l.driven || cfg.flags&flagInput == 0:
	case cfg.flags&flagPullUp != 0:
		level = true
	case cfg.flags&flagPullDown != 0:
		level = false
	}
	l.flags = cfg.flags
	c.move(offset, level, why, pid)
}

// undo takes back a grant whose owner went away before it had it.
func (c *Chip) undo(g *grant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grants[g.key] == g {
		c.release(g.key, g)
	}
}

// reconfigure is GPIO_V2_LINE_SET_CONFIG: lines for which it names no direction
// are left alone.
func (c *Chip) reconfigure(key string, cfg *unix.GPIOV2LineConfig) unix.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.grants[key]
	if g == nil {
		return unix.ENODEV
	}
	if !validConfig(cfg, len(g.offsets)) {
		return unix.EINVAL
	}
	for i, o := range g.offsets {
		if lc := configOf(cfg, i); lc.flags&(flagInput|flagOutput) != 0 {
			c.apply(o, lc, "config", g.pid)
		}
	}
	return 0
}

// granted finds the request that values are for; the mask must name a line of it.
func (c *Chip) granted(key string, mask uint64) (*grant, unix.Errno) {
	g := c.grants[key]
	if g == nil {
		return nil, unix.ENODEV
	}
	if mask&(1<<len(g.offsets)-1) == 0 {
		return nil, unix.EINVAL
	}
	return g, 0
}

// set is GPIO_V2_LINE_SET_VALUES.
func (c *Chip) set(key string, v unix.GPIOV2LineValues) unix.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, errno := c.granted(key, v.Mask)
	if errno != 0 {
		return errno
	}
	for i, o := range g.offsets {
		if v.Mask>>i&1 != 0 && c.lines[o].flags&flagOutput == 0 {
			return unix.EPERM
		}
	}
	for i, o := range g.offsets {
		if v.Mask>>i&1 != 0 {
			c.move(o, (v.Bits>>i&1 != 0) != (c.lines[o].flags&flagActiveLow != 0), "set", g.pid)
		}
	}
	return 0
}

// get is GPIO_V2_LINE_GET_VALUES.
func (c *Chip) get(key string, v *unix.GPIOV2LineValues) unix.Errno {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, errno := c.granted(key, v.Mask)
	if errno != 0 {
		return errno
	}
	v.Bits = 0
	for i, o := range g.offsets {
		if v.Mask>>i&1 != 0 && c.lines[o].level != (c.lines[o].flags&flagActiveLow != 0) {
			v.Bits |= 1 << i
		}
	}
	return 0
}
