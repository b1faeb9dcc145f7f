package broadcast

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/edge/wire"
)

// Post puts work into a speaker's own goroutine and tells how many acts are before
// it; drop is called instead when the work is thrown away.
type Post func(speaker, act string, rank int, limit time.Duration, run func(context.Context, drivers.Device), drop func(error)) (ahead int, err error)

// Config of a Hall.
type Config struct {
	Log  *slog.Logger
	Post Post
	// Amplifiers by speaker; a speaker without one is always powered.
	Amplifiers map[string]*Amplifier
	// OwnVolume is the speaker's volume from its configuration, 0–100; nil: DefaultVolume.
	OwnVolume func(speaker string) int
	// MaxSay bounds one announcement's time on air, repetitions included.
	MaxSay time.Duration
}

// Hall is where announcements are made.
type Hall struct {
	c      Config
	maxSay atomic.Int64

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
	h := &Hall{c: c, volume: map[string]int{}, now: map[string]Speaking{}}
	h.SetMaxSay(c.MaxSay)
	return h
}

// SetMaxSay exchanges Config.MaxSay for the announcements that come from now on.
func (h *Hall) SetMaxSay(most time.Duration) { h.maxSay.Store(int64(most)) }

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
	// may refuse) just before the first byte.
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

// DefaultVolume is used where neither order, speaker.volume nor configuration says one.
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
	if h.c.OwnVolume != nil {
		return h.c.OwnVolume(r.Speaker)
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

func (h *Hall) note(r Request, part, parts, round int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now[r.Speaker] = Speaking{Act: r.Act, Part: part, Parts: parts, Round: round}
}

// hush forgets what r says, unless another act speaks there by now.
func (h *Hall) hush(r Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now[r.Speaker].Act == r.Act {
		delete(h.now, r.Speaker)
	}
}

// Say queues the announcement. Exactly one End follows, from here or later.
func (h *Hall) Say(r Request) {
	t := &telling{h: h, r: r, gate: make(chan struct{})}
	ahead, err := h.c.Post(r.Speaker, r.Act, r.Rank, time.Duration(h.maxSay.Load()), t.run, t.drop)
	if err != nil {
		t.drop(err)
		return
	}
	defer close(t.gate) // Post has returned: what had to queue is known to
	if ahead > 0 {
		r.Queued()
		r.Step(wire.Queued)
	}
}
