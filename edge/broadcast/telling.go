package broadcast

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// pause lies between two repetitions of one announcement: long enough to be heard
// as a new start (loudspeaker.md 7.4, rule 4).
const pause = 1500 * time.Millisecond

// telling is one announcement on its way through one speaker.
type telling struct {
	h    *Hall
	r    Request
	gate chan struct{}
	once sync.Once

	mu      sync.Mutex
	given   bool   // given up: the speaker's goroutine is not waited for any more
	release func() // of the amplifier

	// What has been said so far; the speaker's goroutine's own.
	said, part, parts int
	worst             drivers.Evidence // of all whole repetitions
	lost              []rune
}

// run is the work of the speaker's own goroutine.
func (t *telling) run(ctx context.Context, d drivers.Device) {
	<-t.gate
	out := t.say(ctx, d)
	t.letGo()
	t.end(out)
}

// drop ends an announcement that never began, or whose speaker did not come back from
// it: the amplifier must not wait for that one.
func (t *telling) drop(cause error) {
	t.mu.Lock()
	t.given = true
	t.mu.Unlock()
	t.letGo()
	t.end(wire.Failure(cause, drivers.None.String()))
}

func (t *telling) end(out wire.Outcome) {
	t.once.Do(func() {
		t.h.hush(t.r)
		t.r.End(out)
	})
}

// keep remembers how the amplifier is let go.
func (t *telling) keep(release func()) {
	t.mu.Lock()
	given := t.given
	t.release = release
	t.mu.Unlock()
	if given {
		t.letGo()
	}
}

func (t *telling) letGo() {
	t.mu.Lock()
	release := t.release
	t.release = nil
	t.mu.Unlock()
	if release != nil {
		release()
	}
}

// say is everything between the mailbox and the last byte.
func (t *telling) say(ctx context.Context, d drivers.Device) wire.Outcome {
	speaker := d.(drivers.Speaker)
	if s, ok := d.(drivers.Speakable); ok {
		if lost := s.CanSay(t.r.Text); mute(t.r.Text, lost) {
			out := wire.Refuse(wire.CannotSay, "nothing of the text can be heard from this speaker")
			out.Lost = string(lost)
			return out
		}
	}
	if t.r.Expired() {
		return wire.Outcome{Status: wire.Expired}
	}
	if err := t.r.Begin(ctx); err != nil {
		if ctx.Err() != nil {
			return wire.Failure(context.Cause(ctx), drivers.None.String())
		}
		return wire.Refuse(wire.Storage, err.Error())
	}
	if amp := t.h.c.Amplifiers[t.r.Speaker]; amp != nil {
		held, release, err := amp.Hold(ctx)
		if err != nil {
			return wire.Failure(err, drivers.None.String())
		}
		t.keep(release)
		ctx = held
	}
	switch {
	case ctx.Err() != nil:
		return wire.Failure(context.Cause(ctx), drivers.None.String())
	case t.r.Expired(): // warming up, or waiting for the shortest off time, took too long
		return wire.Outcome{Status: wire.Expired}
	}
	t.r.Step(wire.Running)
	return t.rounds(ctx, speaker)
}

// rounds says the text Repeat times.
func (t *telling) rounds(ctx context.Context, s drivers.Speaker) wire.Outcome {
	for round := 1; round <= t.r.Repeat; round++ {
		if round > 1 && !rest(ctx, pause) {
			return t.cut(context.Cause(ctx), drivers.None)
		}
		a := drivers.Announcement{Text: t.r.Text, Volume: t.h.volumeOf(t.r)}
		if round == 1 {
			a.Chime = t.r.Chime // once per activation (loudspeaker.md 7.4, rule 3)
		}
		t.part, t.parts = 0, 0
		e, err := s.Announce(ctx, a, func(p drivers.Progress) { t.progress(p, round) })
		if err != nil {
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return t.cut(err, e)
		}
		t.said = round
		if round == 1 || e < t.worst {
			t.worst = e
		}
	}
	out := wire.Outcome{Status: wire.Done, Evidence: t.worst.String(), Said: t.said, Planned: t.r.Repeat, Lost: string(t.lost)}
	if t.worst < drivers.Acknowledged {
		out.Status = wire.DoneUnverified
	}
	return out
}

func (t *telling) progress(p drivers.Progress, round int) {
	t.part, t.parts = p.Part, p.Parts
	for _, r := range p.Lost {
		if !slices.Contains(t.lost, r) {
			t.lost = append(t.lost, r)
		}
	}
	t.h.note(t.r, p.Part, p.Parts, round)
}

// cut is the outcome of an announcement that did not get to its end. What was said of
// it is counted in repetitions, or in sentences where not even one repetition was
// whole. Something said and then a fault is partial; a cut names its cause.
func (t *telling) cut(err error, last drivers.Evidence) wire.Outcome {
	out := wire.Failure(err, max(last, t.worst).String())
	out.Said, out.Planned, out.Lost = t.said, t.r.Repeat, string(t.lost)
	if t.said == 0 && t.part > 1 {
		out.Said, out.Planned = t.part-1, t.parts
	}
	if out.Status == wire.Failed && out.Said > 0 {
		out.Status = wire.Partial
	}
	return out
}

func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// mute tells whether nothing of text that could be heard is left without lost.
func mute(text string, lost []rune) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsSpace(r) && !unicode.IsPunct(r) && !slices.Contains(lost, r)
	})
}
