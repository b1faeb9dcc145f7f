// Package intake takes camera events in: it stamps each with the gateway's identity
// and time, refuses what is too large, keeps it in the journal, and only then lets
// the camera's request be answered.
package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// MaxData is the largest event in bytes; pictures travel by another way.
const MaxData = 32 << 10

// remembered is how many of a camera's latest event ids are known again.
const remembered = 256

// Keep puts a record into the journal and returns nil when it is on disk. An event that
// the journal has in memory alone (journal.Held) is more than nothing and less than a
// promise: the camera is told to try again, and its repeat makes no second record.
type Keep func(ctx context.Context, e Stamped) error

// Stamped is an event with everything that the gateway knows of it.
type Stamped struct {
	Camera string
	Act    string
	drivers.Event
	// Arrived is when it came, by the gateway's clock, for Keep to stamp.
	Arrived time.Time
	// Pictures are what was kept of its media.
	Pictures []wire.MediaRef
}

// KeepMedia keeps one picture or clip of an event and returns when it is on disk, or
// why it was not kept in MediaRef.Dropped. An error is Body's: the sender's fault.
type KeepMedia func(ctx context.Context, e Stamped, m drivers.Media) (wire.MediaRef, error)

// maxPictures bounds what one event may bring.
const maxPictures = 16

// Camera runs one Watcher.
type Camera struct {
	ID      string
	Log     *slog.Logger
	Watcher drivers.Watcher
	Keep    Keep
	// KeepMedia is asked before Keep, so that no event on disk names a picture that is
	// not there. Nil keeps none.
	KeepMedia KeepMedia

	mu     sync.Mutex
	recent []seen
	// way are the ids that are on their way to the disk; closed when that is over.
	way    map[string]chan struct{}
	kept   atomic.Uint64
	twice  atomic.Uint64
	held   atomic.Uint64
	failed atomic.Uint64
}

// seen is an event that was taken; held is nil where it went to disk at once.
type seen struct {
	id   string
	held *journal.Held
}

// Counts are the camera's books: events kept on disk, repeats of a kept one, those
// that were kept in memory alone, and those that the journal did not take (of both the
// camera was told).
type Counts struct{ Kept, Repeats, Held, Failed uint64 }

// Counts reads the books.
func (c *Camera) Counts() Counts {
	return Counts{c.kept.Load(), c.twice.Load(), c.held.Load(), c.failed.Load()}
}

// Run watches until ctx ends.
func (c *Camera) Run(ctx context.Context) error {
	err := c.Watcher.Watch(ctx, c.take)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("camera %s: %w", c.ID, err)
	}
	return nil
}

// take keeps one event; nil means that it is on disk, now or since an earlier time:
// a sender that repeats an event because our answer was lost makes no second one.
func (c *Camera) take(ctx context.Context, e drivers.Event) error {
	if len(e.Data) > MaxData {
		return fmt.Errorf("event of %d bytes: %w; at most %d", len(e.Data), fault.BadInput, MaxData)
	}
	known, done, err := c.claim(ctx, e.ID)
	if err != nil {
		return err
	}
	if known {
		c.twice.Add(1)
		return nil
	}
	s := Stamped{Camera: c.ID, Event: e, Act: "event:" + c.ID + ":" + idOf(e)}
	if s.Pictures, err = c.pictures(ctx, s); err == nil {
		err = c.Keep(ctx, s)
	}
	var held *journal.Held
	switch {
	case err == nil:
		c.kept.Add(1)
		done(true, nil)
		return nil
	case errors.As(err, &held):
		c.held.Add(1)
		done(true, held)
	default:
		c.failed.Add(1)
		done(false, nil)
	}
	return fmt.Errorf("camera %s: %w", c.ID, err)
}

// pictures keeps what comes with an event.
func (c *Camera) pictures(ctx context.Context, s Stamped) (kept []wire.MediaRef, err error) {
	for s.Media != nil {
		m, err := s.Media()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(kept) == maxPictures || c.KeepMedia == nil {
			return nil, fmt.Errorf("an event with more than %d pictures: %w", len(kept), fault.BadInput)
		}
		ref, err := c.KeepMedia(ctx, s, m)
		if err != nil {
			return nil, err
		}
		kept = append(kept, ref)
	}
	return kept, nil
}

// claim tells whether an event is kept already; while it is so in memory alone, that is
// the error. If it is just being kept the outcome is waited for; if it is not, the caller
// is the one who keeps it, and says by done what came of it. Events without an id are
// never known.
func (c *Camera) claim(ctx context.Context, id string) (known bool, done func(kept bool, held *journal.Held), err error) {
	if id == "" {
		return false, func(bool, *journal.Held) {}, nil
	}
	for {
		c.mu.Lock()
		if i := slices.IndexFunc(c.recent, func(s seen) bool { return s.id == id }); i >= 0 {
			held := c.recent[i].held
			c.mu.Unlock()
			if held != nil && held.Still() {
				return false, nil, fmt.Errorf("camera %s: %w", c.ID, held)
			}
			return true, nil, nil
		}
		other := c.way[id]
		if other == nil {
			if c.way == nil {
				c.way = map[string]chan struct{}{}
			}
			over := make(chan struct{})
			c.way[id] = over
			c.mu.Unlock()
			return false, func(kept bool, held *journal.Held) { c.settle(id, over, kept, held) }, nil
		}
		c.mu.Unlock()
		select {
		case <-other: // kept, or ours to try
		case <-ctx.Done():
			return false, nil, fmt.Errorf("camera %s: %w", c.ID, context.Cause(ctx))
		}
	}
}

// settle ends what claim began.
func (c *Camera) settle(id string, over chan struct{}, kept bool, held *journal.Held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.way, id)
	close(over)
	if !kept {
		return
	}
	if len(c.recent) == remembered {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
	c.recent = append(c.recent, seen{strings.Clone(id), held})
}

// idOf is the source's own id, or a short hash where it has none.
func idOf(e drivers.Event) string {
	if e.ID != "" {
		return e.ID
	}
	h := fnv.New64a()
	h.Write(e.Data)
	return hex.EncodeToString(h.Sum(nil))
}
