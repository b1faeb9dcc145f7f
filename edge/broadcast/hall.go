package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// pause lies between two repetitions of one announcement: long enough to be heard
// as a new start (loudspeaker.md 7.4, rule 4).
const pause = 1500 * time.Millisecond

// Post puts work into a speaker's own goroutine and tells how many acts are before
// it; drop is called instead when the work is thrown away.
type Post func(speaker, act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) (ahead int, err error)

// Config of a Hall.
type Config struct {
	Log  *slog.Logger
	Post Post
	// Amplifiers by speaker; a speaker without one is always powered.
	Amplifiers map[string]*Amplifier
	// MaxSay bounds one announcement's time on air, repetitions included.
	MaxSay time.Duration
}

// Hall is where announcements are made.
type Hall struct {
	c Config

	mu     sync.Mutex
	volume map[string]int
	now    map[string]Speaking
}

// Speaking is what a speaker says now.
type Speaking struct {
	Act         string
	Part, Parts int
	Round       int
}

// NewHall makes a hall.
func NewHall(c Config) *Hall {
	return &Hall{c: c, volume: map[string]int{}, now: map[string]Speaking{}}
}

// Request is one announcement for one speaker.
type Request struct {
	Act     string
	Speaker string
	Rank    int
	Text    string
	Chime   string
	Volume  *int // nil: the speaker's own
	Repeat  int  // times in all, ≥ 1
	// Expired tells, just before the first byte, that it is too late to begin.
	Expired func() bool
	// Queued is called when others are before it, Begin (which may write to disk and
	// may refuse) just before the first byte of an announcement that was queued.
	Queued func()
	Begin  func(ctx context.Context) error
	Step   func(wire.Status)
	End    func(wire.Outcome)
}

// SetVolume sets the speaker's own volume, 0–100, until the next start.
func (h *Hall) SetVolume(speaker string, volume int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.volume[speaker] = volume
}

// DefaultVolume is used where neither order nor speaker.volume says one.
const DefaultVolume = 70

func (h *Hall) volumeOf(r Request) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Volume != nil {
		return *r.Volume
	}
	if v, ok := h.volume[r.Speaker]; ok {
		return v
	}
	return DefaultVolume
}

// Speaking tells what a speaker says now; ok is false when it is silent.
func (h *Hall) Speaking(speaker string) (Speaking, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.now[speaker]
	return s, ok
}

func (h *Hall) note(speaker string, s *Speaking) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s == nil {
		delete(h.now, speaker)
		return
	}
	h.now[speaker] = *s
}

// Say queues the announcement. Exactly one End follows, from here or later.
func (h *Hall) Say(r Request) {
	queued := false
	gate := make(chan struct{})
	drop := func(cause error) { r.End(wire.Failure(cause, drivers.None.String())) }
	ahead, err := h.c.Post(r.Speaker, r.Act, r.Rank, h.c.MaxSay, func(ctx context.Context, d drivers.Device) {
		<-gate // Post has returned: queued is known
		r.End(h.say(ctx, d, r, queued))
	}, drop)
	if err != nil {
		drop(err)
		return
	}
	if ahead > 0 {
		queued = true
		r.Queued()
		r.Step(wire.Queued)
	}
	close(gate)
}

// say runs in the speaker's goroutine.
func (h *Hall) say(ctx context.Context, d drivers.Device, r Request, queued bool) wire.Outcome {
	speaker := d.(drivers.Speaker)
	if s, ok := d.(drivers.Speakable); ok {
		if lost := s.CanSay(r.Text); len(lost) > 0 && len(lost) == len(distinct(r.Text)) {
			out := wire.Refuse(wire.CannotSay, "the speaker can carry none of the text's characters")
			out.Lost = string(lost)
			return out
		}
	}
	if queued {
		if r.Expired() {
			return wire.Outcome{Status: wire.Expired}
		}
		if err := r.Begin(ctx); err != nil {
			return wire.Refuse(wire.Storage, err.Error())
		}
	}
	if amp := h.c.Amplifiers[r.Speaker]; amp != nil {
		held, release, err := amp.Hold(ctx)
		if err != nil {
			return wire.Failure(err, drivers.None.String())
		}
		defer release()
		ctx = held
	}
	if r.Expired() { // warming up, or waiting for the shortest off time, took too long
		return wire.Outcome{Status: wire.Expired}
	}
	defer h.note(r.Speaker, nil)
	r.Step(wire.Running)
	return h.rounds(ctx, speaker, r)
}

// rounds says the text Repeat times.
func (h *Hall) rounds(ctx context.Context, s drivers.Speaker, r Request) wire.Outcome {
	out := wire.Outcome{Status: wire.Done, Planned: r.Repeat}
	best := drivers.None
	for round := 1; round <= r.Repeat; round++ {
		a := drivers.Announcement{Text: r.Text, Volume: h.volumeOf(r)}
		if round == 1 {
			a.Chime = r.Chime // once per activation (loudspeaker.md 7.4, rule 3)
		}
		e, err := h.one(ctx, s, r, a, round, &out)
		if round == 1 || e < best {
			best = e
		}
		if err != nil {
			return ending(out, err, e, best)
		}
		out.Said = round
		if round < r.Repeat && !rest(ctx, pause) {
			return ending(out, context.Cause(ctx), best, best)
		}
	}
	out.Evidence = best.String()
	if best < drivers.Acknowledged {
		out.Status = wire.DoneUnverified
	}
	return out
}

// one says it once; a cut is told by its cause.
func (h *Hall) one(ctx context.Context, s drivers.Speaker, r Request, a drivers.Announcement, round int, out *wire.Outcome) (drivers.Evidence, error) {
	e, err := s.Announce(ctx, a, func(p drivers.Progress) {
		h.note(r.Speaker, &Speaking{Act: r.Act, Part: p.Part, Parts: p.Parts, Round: round})
		if len(p.Lost) > 0 {
			out.Lost = string(p.Lost)
		}
	})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return e, err
}

// ending is the outcome of an announcement that did not get to its end. Something
// said and then a fault is partial; a cut names its cause.
func ending(out wire.Outcome, err error, last, best drivers.Evidence) wire.Outcome {
	evidence := max(last, best)
	end := wire.Failure(err, evidence.String())
	end.Said, end.Planned, end.Lost = out.Said, out.Planned, out.Lost
	if end.Status == wire.Failed && out.Said > 0 {
		end.Status = wire.Partial
	}
	return end
}

func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// distinct lists the characters of text, each once.
func distinct(text string) []rune {
	seen := map[rune]bool{}
	var out []rune
	for _, r := range text {
		if !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}
