package speech

import (
	"time"
)

// obey does what a good frame says; c.mu is held.
func (c *Chip) obey(f []byte, at time.Time) {
	body := f[3 : len(f)-1]
	soon := at.Add(c.o.Latency)
	c.frames++
	switch cmd := body[0]; {
	case cmd == cmdSay && len(body) >= 2:
		c.say(body[1], body[2:], at)
	case cmd == cmdStop && len(body) == 1:
		c.reply(accepted, soon)
		if c.cut("stop", at) && c.o.IdleAfterStop {
			c.reply(idle, soon.Add(time.Millisecond))
		}
	case cmd == cmdPause && len(body) == 1:
		c.reply(accepted, soon)
		c.hold(at)
	case cmd == cmdResume && len(body) == 1:
		c.reply(accepted, soon)
		c.resume(at)
	case cmd == cmdStatus && len(body) == 1:
		c.status(soon)
	case cmd == cmdBaud && len(body) == 2 && body[1] <= 2:
		c.reply(accepted, soon)
		c.offKey = body[1] != 0 // the wire stays at 9600
	case cmd == cmdSleep && len(body) == 1:
		c.reply(accepted, soon)
		c.cut("stop", at)
		c.asleep = true
	default:
		c.frames--
		c.refuse(at)
	}
}

func (c *Chip) status(at time.Time) {
	if c.o.TwoByteStatus {
		c.reply(accepted, at)
	}
	if c.now != nil {
		c.reply(speaking, at)
		return
	}
	c.reply(idle, at)
}

// say begins a text; the one before is cut at once (4.4.1).
func (c *Chip) say(param byte, text []byte, at time.Time) {
	s, err := decode(param&7, text)
	if err != nil {
		c.frames--
		c.refuse(at)
		return
	}
	c.cut("say", at)
	soon := at.Add(c.o.Latency)
	c.reply(accepted, soon)
	sp := read(s, c.voice, c.o.CharsPerSecond)
	c.voice = sp.voice
	c.turn++
	if sp.takes == 0 { // marks alone: no sound, and idle again at once
		c.now = &running{at: -1, until: soon.Add(20 * time.Millisecond)}
		c.endAt(c.now.until)
		return
	}
	u := Utterance{
		Text: sp.text, Marks: sp.marks, Tones: sp.tones, Wrong: sp.wrong, Voice: sp.voice,
		Background: int(param >> 3), Length: c.scaled(sp.takes), Started: soon.Add(c.scaled(c.o.Lead)),
	}
	c.said = append(c.said, u)
	c.now = &running{at: len(c.said) - 1, until: u.Started.Add(u.Length)}
	c.endAt(c.now.until)
	if after := c.f.resetIn; after > 0 {
		c.f.resetIn = 0
		c.port.At(u.Started.Add(after), func() { c.Reset(u.Started.Add(after)) })
	}
}

// endAt makes the chip fall idle at t, unless something else has begun by then.
func (c *Chip) endAt(t time.Time) {
	turn := c.turn
	c.port.At(t, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.turn != turn || c.now == nil || c.now.still {
			return
		}
		if i := c.now.at; i >= 0 {
			c.said[i].Ended = t
		}
		c.now = nil
		c.reply(idle, t.Add(c.f.late))
		c.mu.Changed()
	})
}

// cut ends what is being said and tells whether there was anything.
func (c *Chip) cut(by string, at time.Time) bool {
	if c.now == nil {
		return false
	}
	if i := c.now.at; i >= 0 {
		u := &c.said[i]
		u.Cut, u.By, u.Ended = true, by, at
		if u.Ended.Before(u.Started) { // cut before it was heard
			u.Ended = u.Started
		}
	}
	c.now = nil
	c.turn++
	return true
}

func (c *Chip) hold(at time.Time) {
	if c.now == nil || c.now.still {
		return
	}
	c.now.still, c.now.left = true, c.now.until.Sub(at)
	c.turn++
}

func (c *Chip) resume(at time.Time) {
	if c.now == nil || !c.now.still {
		return
	}
	c.now.still, c.now.until = false, at.Add(c.now.left)
	c.turn++
	c.endAt(c.now.until)
}
