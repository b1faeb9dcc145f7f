package proxy

import (
	"net"
	"sync"
	"time"
)

// line writes to a connection, each piece after its delay, without holding up the reader:
// a delay is not a lower rate.
type line struct {
	to   net.Conn
	in   chan piece
	done chan struct{}
	once sync.Once
}

type piece struct {
	b  []byte
	at time.Time
}

// queued is how many pieces may be on their way; more hold up the reader.
const queued = 1024

func newLine(to net.Conn) *line {
	l := &line{to: to, in: make(chan piece, queued), done: make(chan struct{})}
	go l.run()
	return l
}

func (l *line) run() {
	defer close(l.done)
	broken := false
	for p := range l.in {
		if broken {
			continue
		}
		if wait := time.Until(p.at); wait > 0 {
			time.Sleep(wait)
		}
		if _, err := l.to.Write(p.b); err != nil {
			_ = l.to.Close()
			broken = true
		}
	}
}

// send takes b; false when the other end is gone.
func (l *line) send(b []byte, delay time.Duration) bool {
	select {
	case <-l.done:
		return false
	case l.in <- piece{b, time.Now().Add(delay)}:
		return true
	}
}

// close waits until all has been written.
func (l *line) close() {
	l.once.Do(func() { close(l.in) })
	<-l.done
}
