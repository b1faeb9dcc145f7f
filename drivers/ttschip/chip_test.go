package ttschip_test

import (
	"bytes"
	"regexp"
	"sync"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fuqiao/edged/drivers/drivertest"
	"fuqiao/edged/drivers/line"
)

// chip plays a SYN6288 as its datasheet describes it, without the driver's code: it
// checks frames, speaks for as long as a text lasts, is cut by a new text, and says
// 4F by itself at the end.
type chip struct {
	wire *drivertest.Wire

	mu       sync.Mutex
	speaking int // number of the running utterance, 0 = idle
	count    int
	heard    []string // texts that were said to their end or cut, marks included
	cut      []string // of these, the cut ones
	running  string
	over     chan struct{} // closed when the running utterance ends
	stops    int
	idleAt   time.Time
	hasty    int // frames within 1 ms of a 4F, or into the marks

	// Faults of this chip; they are set before it is used, or under set.
	mute     bool             // answers nothing, ever
	deaf     bool             // does not even speak
	twoBytes bool             // answers a query with 41 first
	noEnd    bool             // its 4F gets lost on the wire
	stuck    bool             // says 4E to every query
	refuse   int              // so many say frames are answered 45
	refuseAt int              // this say frame (1 = the first) is answered 45
	resetOn  int              // right after the end of this one it restarts
	dropAck  int              // the answer to this say frame (1 = the first) is lost
	dropSay  int              // this say frame is lost
	resetIn  map[int]duration // this say frame's utterance ends so early in a reset
	say      int              // say frames so far
}

type duration = time.Duration

var mark = regexp.MustCompile(`\[[a-z]\d*\]`)

func newChip(w *drivertest.Wire) *chip {
	c := &chip{wire: w}
	w.Answer(c.answer)
	return c
}

func (c *chip) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *chip) answer(f line.Frame) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	reply := c.obey(f.Write)
	if c.mute {
		return nil
	}
	return reply
}

// obey carries a frame out and returns the answer.
func (c *chip) obey(frame []byte) []byte {
	if c.deaf {
		return nil
	}
	n := len(frame)
	var sum byte
	for _, b := range frame {
		sum ^= b
	}
	if n < 5 || frame[0] != 0xFD || int(frame[1])<<8|int(frame[2]) != n-3 || sum != 0 || n > 206 {
		return []byte{0x45}
	}
	switch frame[3] {
	case 0x01:
		return c.utter(frame[5 : n-1])
	case 0x02:
		c.stops++
		c.end(true)
		return []byte{0x41}
	case 0x21:
		state := byte(0x4F)
		if c.speaking != 0 || c.stuck {
			state = 0x4E
		}
		if c.twoBytes {
			return []byte{0x41, state}
		}
		return []byte{state}
	}
	return []byte{0x45}
}

func (c *chip) utter(gbk []byte) []byte {
	c.say++
	if c.refuse > 0 || c.say == c.refuseAt {
		c.refuse--
		return []byte{0x45}
	}
	if time.Since(c.idleAt) < time.Millisecond {
		c.hasty++
	}
	if c.say == c.dropSay {
		return nil
	}
	c.end(true)
	c.count++
	c.speaking = c.count
	text, _ := simplifiedchinese.GBK.NewDecoder().Bytes(gbk)
	c.running = string(text)
	c.over = make(chan struct{})
	onWire := time.Duration(len(gbk)+6) * 10 * time.Second / 9600 // it is asked before the frame has gone over the wire
	go c.speak(c.count, c.say, onWire+lasts(text), c.over)
	if c.say == c.dropAck {
		return nil
	}
	return []byte{0x41}
}

// lasts is how long a text takes: 0.22 s for each character, nothing for marks.
func lasts(text []byte) time.Duration {
	bare := mark.ReplaceAll(text, nil)
	if bytes.HasPrefix(bare, []byte("sound")) {
		return 2 * time.Second
	}
	return 5*time.Millisecond + time.Duration(len([]rune(string(bare))))*220*time.Millisecond
}

// speak waits for the end of utterance number n and tells it.
func (c *chip) speak(n, say int, d time.Duration, over <-chan struct{}) {
	reset, resets := c.resetIn[say]
	if resets {
		d = reset
	}
	select {
	case <-time.After(d):
	case <-over:
	}
	c.mu.Lock()
	ours := c.speaking == n
	if ours {
		c.end(resets)
		c.idleAt = time.Now()
	}
	quiet := c.mute || c.noEnd && !resets
	c.mu.Unlock()
	if !ours || quiet {
		return
	}
	if resets {
		c.wire.Inject(0x4A)
		return
	}
	c.wire.Inject(0x4F)
	if say == c.resetOn {
		c.wire.Inject(0x4A)
	}
}

// end notes what was said.
func (c *chip) end(cut bool) {
	if c.speaking == 0 {
		return
	}
	c.speaking = 0
	close(c.over)
	if mark.ReplaceAllString(c.running, "") == "" {
		if cut {
			c.hasty++ // marks alone are over in a moment; nothing should cut them
		}
		return
	}
	c.heard = append(c.heard, c.running)
	if cut {
		c.cut = append(c.cut, c.running)
	}
}
