package ttschip

// ear hands what the chip says unasked from the bus's goroutine to the one that
// waits for the end of an utterance. It never blocks: what nobody fetches is pushed
// out by what comes after it.
type ear struct{ heard chan Reply }

func newEar() *ear { return &ear{heard: make(chan Reply, 16)} }

// take is the bus's listener: it takes all bytes that this chip may send.
func (e *ear) take(received []byte) int {
	n := Heard(received)
	for _, b := range received[:n] {
		e.put(Reply(b))
	}
	return n
}

// put makes room by dropping the oldest. Only the bus's goroutine puts, so the
// second try finds room.
func (e *ear) put(r Reply) {
	select {
	case e.heard <- r:
		return
	default:
	}
	select {
	case <-e.heard:
	default:
	}
	select {
	case e.heard <- r:
	default:
	}
}

// forget empties the ear and tells whether a reset was among what it held.
func (e *ear) forget() (reset bool) {
	for {
		select {
		case r := <-e.heard:
			reset = reset || r == Initialised
		default:
			return reset
		}
	}
}
