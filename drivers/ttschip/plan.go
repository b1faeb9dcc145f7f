package ttschip

import (
	"fmt"
	"time"
	"unicode/utf8"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
)

// step is one say frame of an announcement.
type step struct {
	frame []byte
	// least is the time before which an idle chip cannot have ended by itself, limit
	// the time after which it is asked.
	least, limit time.Duration
	// part is 1-based among the parts of the text; 0 for the chime.
	part int
	// name is for errors.
	name string
}

// plan is an announcement in frames, ready before the first byte is sent.
type plan struct {
	marks []byte
	steps []step
	parts int
	lost  []rune
}

// Times of an utterance. No manual has a formula for its length. Chinese at the
// default speed is 4–5 characters per second; half a second for each, and two in
// reserve, is generous: an overdue chip is asked, not cut.
const (
	perRune   = 500 * time.Millisecond
	reserve   = 2 * time.Second
	perVoiced = 60 * time.Millisecond  // no setting of the chip speaks faster than this
	leastStep = 300 * time.Millisecond // the shortest word or tone
)

// makePlan judges a and turns it into frames. Nothing is sent for an error
// (fault.BadInput): text that is empty, not UTF-8 or has nothing that the chip can
// say; a volume outside 0–100; a chime that nobody knows.
func (s *Speaker) makePlan(a drivers.Announcement) (plan, error) {
	switch {
	case !utf8.ValidString(a.Text):
		return plan{}, fmt.Errorf("text is not UTF-8: %w", fault.BadInput)
	case a.Volume < 0 || a.Volume > 100:
		return plan{}, fmt.Errorf("volume %d, allowed 0 to 100: %w", a.Volume, fault.BadInput)
	}
	glyphs, lost := spell(a.Text)
	parts := cut(glyphs, s.chip.MaxText-len(s.chip.Spell))
	if len(parts) == 0 {
		return plan{}, fmt.Errorf("text has nothing that the chip can say (%d characters left out): %w", len(lost), fault.BadInput)
	}
	p := plan{parts: len(parts), lost: lost}
	var err error
	if p.marks, err = s.say(s.chip.Reset(s.chip.volume(a.Volume), s.speed, a.Chime != ""), nil); err != nil {
		return plan{}, err
	}
	if a.Chime != "" {
		st, err := s.chimeStep(a.Chime)
		if err != nil {
			return plan{}, err
		}
		p.steps = append(p.steps, st)
	}
	for i, t := range parts {
		st, err := s.textStep(t, i+1, len(parts))
		if err != nil {
			return plan{}, err
		}
		p.steps = append(p.steps, st)
	}
	return p, nil
}

// chimeStep plays a tone. A comma keeps its name apart from what may follow
// (SYN6288 datasheet, chapter 6).
func (s *Speaker) chimeStep(chime string) (step, error) {
	tone, ok := s.chimeTone(chime)
	if !ok {
		return step{}, fmt.Errorf("chime %q is neither in options.chimes nor a tone of the chip: %w", chime, fault.BadInput)
	}
	frame, err := s.say(tone.Name, []byte{0xA3, 0xAC})
	return step{frame: frame, least: leastStep, limit: reserve + tone.Longest, name: "chime " + tone.Name}, err
}

// textStep says one part. Every part says anew that names of tones are words:
// soundn in a text from outside is no alarm.
func (s *Speaker) textStep(t part, number, of int) (step, error) {
	frame, err := s.say(s.chip.Spell, t.text)
	return step{
		frame: frame,
		least: max(leastStep, time.Duration(t.voiced)*perVoiced),
		limit: reserve + time.Duration(t.runes)*perRune,
		part:  number,
		name:  fmt.Sprintf("part %d of %d", number, of),
	}, err
}

// say makes a say frame of marks and a text in GBK.
func (s *Speaker) say(marks string, text []byte) ([]byte, error) {
	return s.chip.AppendSay(nil, GBK, 0, append([]byte(marks), text...))
}

// chimeTone finds the tone for a chime: a name of the configuration, a name of the
// table, or the chip's own name of a tone.
func (s *Speaker) chimeTone(name string) (Tone, bool) {
	if own, ok := s.chimes[name]; ok {
		return s.chip.tone(own)
	}
	if known, ok := s.chip.Chimes[name]; ok {
		return s.chip.tone(known)
	}
	return s.chip.tone(name)
}

// CanSay is drivers.Speakable's.
func (s *Speaker) CanSay(text string) []rune {
	_, lost := spell(text)
	return lost
}
