package speech

import "time"

// faults is what is wrong with the chip.
type faults struct {
	mute                   bool
	refuse, accepts, idles int
	late                   time.Duration
	resetIn                time.Duration
}

func (c *Chip) set(change func(f *faults)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.f)
}

// Mute takes all answers away; the chip goes on speaking.
func (c *Chip) Mute(on bool) { c.set(func(f *faults) { f.mute = on }) }

// RefuseNext answers the next n good frames with 45.
func (c *Chip) RefuseNext(n int) { c.set(func(f *faults) { f.refuse = n }) }

// LoseAccepts loses the next n 41s, LoseIdles the next n 4Fs.
func (c *Chip) LoseAccepts(n int) { c.set(func(f *faults) { f.accepts = n }) }

// LoseIdles loses the next n 4Fs.
func (c *Chip) LoseIdles(n int) { c.set(func(f *faults) { f.idles = n }) }

// LateIdle delays the 4F at the end of an utterance.
func (c *Chip) LateIdle(d time.Duration) { c.set(func(f *faults) { f.late = d }) }

// ResetInNext lets the chip reset d after the next utterance is first heard, as a
// brown-out by the amplifier does.
func (c *Chip) ResetInNext(d time.Duration) { c.set(func(f *faults) { f.resetIn = d }) }

// Reset is a reset at at: the text is lost, all marks are back at their defaults, and
// 4A comes when the chip is ready again.
func (c *Chip) Reset(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut("reset", at)
	c.voice = defaults()
	c.asleep, c.offKey = false, false
	c.ear = ear{broken: c.ear.broken, hasty: c.ear.hasty}
	up := at.Add(c.o.Ready)
	c.deaf = up
	c.reply(ready, up)
	c.mu.Changed()
}
