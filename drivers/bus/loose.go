package bus

import (
	"bytes"
	"fmt"
	"runtime/debug"
	"slices"
	"time"
)

const (
	// silence after which bytes that nobody took are foreign. USB adapters deliver
	// one frame in pieces up to 16 ms apart.
	silence = 50 * time.Millisecond
	// mostLoose bounds the bytes that wait for that silence: on a wire with a
	// second master it may never come.
	mostLoose = 512
	// foreignFor is how long the condition stays after the last foreign byte.
	foreignFor = 10 * time.Second
)

// unasked takes bytes that no Exchange claimed.
func (s *session) unasked(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	s.loose = append(s.loose, chunk...)
	s.looseAt = time.Now()
	if s.hears() {
		return
	}
	s.loose = s.loose[s.offer(s.loose):]
	if len(s.loose) > mostLoose {
		s.settle()
	}
}

// hears drops the repetition of our own frame at the head of loose: many two-wire
// adapters hear what they send. It returns true while the rest of one may come.
func (s *session) hears() bool {
	if len(s.echo) == 0 || time.Since(s.end) > silence {
		s.echo = nil
		return false
	}
	if bytes.HasPrefix(s.loose, s.echo) {
		s.loose = s.loose[len(s.echo):]
		s.echo = nil
		return false
	}
	return len(s.loose) > 0 && bytes.HasPrefix(s.echo, s.loose)
}

// drain sorts what came before a frame is written: none of it can be its reply.
func (s *session) drain() {
	for {
		select {
		case chunk := <-s.rx:
			s.b.count(func(st *Stats) { st.BytesIn += uint64(len(chunk)) })
			s.unasked(chunk)
		default:
			return
		}
	}
}

// offer shows bytes to the listeners until none takes more, and returns how many
// were taken.
func (s *session) offer(received []byte) int {
	if len(received) == 0 {
		return 0
	}
	s.b.mu.Lock()
	takes := slices.Clone(s.b.takes)
	s.b.mu.Unlock()
	total := 0
	for again := true; again && total < len(received); {
		again = false
		for _, l := range takes {
			if n := s.show(l, received[total:]); n > 0 {
				total += n
				again = true
				break
			}
		}
	}
	return total
}

// show asks one listener. A driver's mistake costs it its bytes and not the bus.
func (s *session) show(l *take, received []byte) (n int) {
	defer func() {
		if p := recover(); p != nil {
			s.b.c.Log.Error("driver's listener panics", "bus", s.b.c.Name, "panic", p, "stack", string(debug.Stack()))
			n = 0
		}
	}()
	if l.ended.Load() {
		return 0
	}
	n = l.f(slices.Clone(received))
	if n < 0 || n > len(received) {
		return 0
	}
	return n
}

// settle says of loose bytes that nobody wants them: one after the other is foreign
// until a listener knows the rest.
func (s *session) settle() {
	foreign := 0
	first := s.loose[:min(8, len(s.loose))]
	for len(s.loose) > 0 {
		s.hears()
		if n := s.offer(s.loose); n > 0 {
			s.loose = s.loose[n:]
			continue
		}
		if len(s.loose) > 0 {
			s.loose = s.loose[1:]
			foreign++
		}
	}
	if foreign == 0 {
		s.loose = nil
		return
	}
	s.b.foreign = time.Now()
	s.b.count(func(st *Stats) { st.Foreign += uint64(foreign) })
	s.b.notice("bus.foreign_bytes", fmt.Sprintf("%d bytes that belong to no device, in % X", foreign, first), true)
	s.loose = nil
}

// housekeep does what is due by time alone and returns when to look again, at the
// latest at until.
func (s *session) housekeep(until time.Time) time.Time {
	now := time.Now()
	if len(s.loose) > 0 {
		if at := s.looseAt.Add(silence); at.After(now) {
			until = earlier(until, at)
		} else {
			s.settle()
		}
	}
	if s.b.raised["bus.foreign_bytes"] {
		if at := s.b.foreign.Add(foreignFor); at.After(now) {
			until = earlier(until, at)
		} else {
			s.b.notice("bus.foreign_bytes", "", false)
		}
	}
	return until
}
