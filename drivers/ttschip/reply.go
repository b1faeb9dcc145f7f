package ttschip

// Reply is one byte that a chip sends (SYN6288 2.2; the same five on its relatives).
type Reply byte

// The replies.
const (
	// Initialised comes once after power-up or reset. In the middle of work it means
	// that volume and all marks are back at their defaults and the text is lost.
	Initialised Reply = 0x4A
	// Accepted comes after every good frame.
	Accepted Reply = 0x41
	// Refused: wrong length, check byte or command, or too long a text.
	Refused Reply = 0x45
	// Speaking comes only as answer to a query.
	Speaking Reply = 0x4E
	// Idle comes unasked at the end of an utterance and as answer to a query: the
	// byte alone does not tell which.
	Idle Reply = 0x4F
)

// Known tells whether r is a byte that the chip sends at all.
func (r Reply) Known() bool {
	switch r {
	case Initialised, Accepted, Refused, Speaking, Idle:
		return true
	}
	return false
}

// String names r.
func (r Reply) String() string {
	switch r {
	case Initialised:
		return "initialised (4A)"
	case Accepted:
		return "accepted (41)"
	case Refused:
		return "refused (45)"
	case Speaking:
		return "speaking (4E)"
	case Idle:
		return "idle (4F)"
	}
	const digits = "0123456789ABCDEF"
	return "no reply of this chip (" + string([]byte{digits[r>>4], digits[r&15]}) + ")"
}

// WantAck is the line.Frame.Want of frames that are answered by 41 or 45. It skips
// what may stand before: noise, and the 4F of an utterance that just ended. A 4A
// ends the wait too: the chip has restarted and will not answer this frame.
func WantAck(received []byte) int {
	return upTo(received, Accepted, Refused, Initialised)
}

// WantStatus is the line.Frame.Want of a query. The datasheet shows one byte, 4E or
// 4F; drivers in the field wait for 41 and then one of the two. Both are taken: a
// 41 is skipped. 45 and 4A end the wait.
func WantStatus(received []byte) int {
	return upTo(received, Speaking, Idle, Refused, Initialised)
}

// upTo returns the number of bytes up to and with the first one that is in ends.
func upTo(received []byte, ends ...Reply) int {
	for i, b := range received {
		for _, e := range ends {
			if Reply(b) == e {
				return i + 1
			}
		}
	}
	return 0
}

// Verdict is the byte that ended an exchange: the last one, by construction of
// WantAck and WantStatus. It is 0 for an empty answer.
func Verdict(answer []byte) Reply {
	if len(answer) == 0 {
		return 0
	}
	return Reply(answer[len(answer)-1])
}

// Heard returns how many bytes from the first are replies of a chip. The chip is
// alone on its line, so the first other byte is noise or a second master.
func Heard(received []byte) int {
	for i, b := range received {
		if !Reply(b).Known() {
			return i
		}
	}
	return len(received)
}
