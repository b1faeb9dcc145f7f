package runs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"fuqiao/edged/edge/wire"
)

// given is an order that was sent.
type given struct {
	id, device string
	// mark is what is looked for at the device: the text, or the preset's number; zero
	// values for a move.
	text   string
	preset int
	once   bool
	copies int // how often its bytes were published
	out    wire.Result
	ended  bool
}

// maker makes the i-th order of a device; before it is sent, hold is called, and let go
// behind it.
type maker func(i int) (o wire.Order, g *given, hold func() (letGo func()))

func nothing() (letGo func()) { return func() {} }

// announcements are short texts, each different from all others.
func (n *nemesis) announcements(horn string) maker {
	return func(i int) (wire.Order, *given, func() func()) {
		text := fmt.Sprintf("%s第%d号通知", horn[len("horn-"):], i)
		return wire.Order{Target: []string{horn}, Action: wire.SpeakerSay, Args: &wire.SayArgs{Text: text}},
			&given{device: horn, text: text, once: true}, nothing
	}
}

// presets are stored in turn, 1–32 (33 and above mean something else to many domes).
func (n *nemesis) presets(dome string) maker {
	return func(i int) (wire.Order, *given, func() func()) {
		number := 1 + i%32
		return wire.Order{Target: []string{dome}, Action: wire.DomePreset, Args: &wire.PresetArgs{Preset: number, Do: "set"}},
			&given{device: dome, preset: number, once: true}, nothing
	}
}

// moves are short; none begins between a kill and the look at the domes after it.
func (n *nemesis) moves(dome string) maker {
	return func(i int) (wire.Order, *given, func() func()) {
		pan := 0.5
		if i%2 == 1 {
			pan = -pan
		}
		return wire.Order{Target: []string{dome}, Action: wire.DomeMove, Args: &wire.MoveArgs{Pan: pan, LeaseMS: 600}},
			&given{device: dome}, func() func() { n.still.RLock(); return n.still.RUnlock }
	}
}

// stream keeps one order outstanding on a device, and sends the bytes of each more than
// once: at once, and sometimes again when it has ended.
func (n *nemesis) stream(ctx context.Context, random *rand.Rand, make maker) {
	for i := 1; ctx.Err() == nil; i++ {
		o, g, hold := make(i)
		o, payload, err := n.Platform.Sign(o)
		if err != nil {
			n.fault(err)
			return
		}
		g.id = o.ID
		n.mu.Lock()
		n.sent = append(n.sent, g)
		n.mu.Unlock()
		letGo := hold()
		err = n.Platform.Deliver(context.WithoutCancel(ctx), o, payload)
		letGo()
		if err != nil {
			n.fault(err)
			return
		}
		g.copies = 1
		for range 1 + random.IntN(2) {
			n.again(ctx, g)
		}
		if !n.await(ctx, g) {
			return
		}
		if random.IntN(4) == 0 {
			n.again(ctx, g)
		}
		if pause(ctx, time.Duration(random.IntN(150))*time.Millisecond) != nil {
			return
		}
	}
}

// again publishes an order's bytes once more.
func (n *nemesis) again(ctx context.Context, g *given) {
	if err := n.Platform.Replay(context.WithoutCancel(ctx), g.id, false); err != nil {
		n.fault(err)
		return
	}
	g.copies++
}

// await waits for the terminal. A move that a crash has cut has none (contract.md, Two
// kinds of action): its stream goes on after its lease.
func (n *nemesis) await(ctx context.Context, g *given) bool {
	wait := settle
	if !g.once {
		wait = 5 * time.Second
	}
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	r, err := n.Platform.Await(limit, g.id, g.device)
	switch {
	case err == nil:
		g.out, g.ended = r, true
	case ctx.Err() != nil:
		return false
	case g.once:
		n.fault(err)
		return false
	}
	return true
}

const (
	// Every so many events come with a picture, every tenth of which is so large that it is
	// a file.
	pictureEach = 10
	smallPic    = 20 << 10
	largePic    = 300 << 10
)

// camera posts events, each again and again until it is answered 202.
func (n *nemesis) camera(ctx context.Context) {
	for i := 1; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("shot-%d", i)
		var pictures [][]byte
		if i%pictureEach == 0 {
			size := smallPic
			if i%(10*pictureEach) == 0 {
				size = largePic
			}
			pictures = [][]byte{bytes.Repeat([]byte(id+" "), size/(len(id)+1))}
		}
		for ctx.Err() == nil {
			status, err := n.Camera.EventWith(ctx, id, "motion", false, pictures...)
			if err == nil && status == 202 {
				n.mu.Lock()
				n.shots[id] = true
				for _, p := range pictures {
					sum := sha256.Sum256(p)
					n.pictures = append(n.pictures, hex.EncodeToString(sum[:]))
				}
				n.mu.Unlock()
				break
			}
			if pause(ctx, 20*time.Millisecond) != nil {
				return
			}
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return
		}
	}
}
