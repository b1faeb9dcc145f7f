package mqtt

import (
	"fmt"
)

// Packet types of MQTT 3.1.1, section 2.2.1, as far as a client reads or writes them.
const (
	tConnack   = 2
	tPublish   = 3
	tPuback    = 4
	tSubscribe = 8
	tSuback    = 9
	tUnsuback  = 11
	tPingreq   = 12
	tPingresp  = 13
)

// framer follows the packets in what the broker sends, byte by byte and without
// keeping any of them, and says at the first byte at which it is known that a packet
// must not reach the library.
type framer struct {
	limit int
	// topics tells how many filters the SUBSCRIBE with this packet id named, −1 for none.
	topics func(id uint16) int
	// pong is called for each PINGRESP, refused with the code of a CONNACK that is not 0.
	pong    func()
	refused func(code byte)

	state  byte // 0 type, 1 length, 2 body
	first  byte
	length int
	digits int
	at     int // bytes of the body seen
	head   [2]byte
}

// Violation is what a broker sent that no broker may send.
type Violation string

// Error says it.
func (v Violation) Error() string { return string(v) }

// feed looks at p and returns the first violation in it.
func (f *framer) feed(p []byte) error {
	for len(p) > 0 {
		switch f.state {
		case 0:
			f.first, f.length, f.digits, f.at = p[0], 0, 0, 0
			f.state, p = 1, p[1:]
		case 1:
			done, err := f.digit(p[0])
			if err != nil {
				return err
			}
			p = p[1:]
			if done {
				if err := f.header(); err != nil {
					return err
				}
				f.next()
			}
		default:
			n, err := f.body(p)
			if err != nil {
				return err
			}
			p = p[n:]
		}
	}
	return nil
}

// digit takes one byte of the remaining length (section 2.2.3: 7 bits each, low
// first, at most four bytes) and tells whether it was the last.
func (f *framer) digit(b byte) (bool, error) {
	if f.digits == 4 {
		return false, Violation("length of more than 4 bytes")
	}
	f.length |= int(b&0x7F) << (7 * f.digits)
	f.digits++
	return b&0x80 == 0, nil
}

// header judges a complete fixed header.
func (f *framer) header() error {
	typ, flags := f.first>>4, f.first&0x0F
	if size := 1 + f.digits + f.length; size > f.limit {
		return Violation(fmt.Sprintf("packet of %d bytes, %d are allowed", size, f.limit))
	}
	if typ == tPublish {
		qos, least := flags>>1&3, 3
		if qos == 1 {
			least = 5
		}
		if qos > 1 {
			return Violation("PUBLISH of a QoS that was never subscribed")
		}
		if f.length < least {
			return Violation("PUBLISH without a topic")
		}
		return nil
	}
	if flags != 0 {
		return Violation(fmt.Sprintf("reserved flags %#x in packet type %d", flags, typ))
	}
	switch typ {
	case tConnack, tPuback, tUnsuback:
		if f.length != 2 {
			return Violation(fmt.Sprintf("packet type %d of length %d", typ, f.length))
		}
	case tSuback:
		if f.length < 3 {
			return Violation("SUBACK without a code")
		}
	case tPingresp:
		if f.length != 0 {
			return Violation("PINGRESP with a body")
		}
		f.pong()
	default:
		return Violation(fmt.Sprintf("packet type %d, which no server sends to this client", typ))
	}
	return nil
}

// next goes from the header to the body, or to the next packet where there is none.
func (f *framer) next() {
	f.state = 2
	if f.length == 0 {
		f.state = 0
	}
}

// body takes as much of p as belongs to the packet and judges its first two bytes.
func (f *framer) body(p []byte) (int, error) {
	n := min(len(p), f.length-f.at)
	for i := 0; i < n && f.at+i < 2; i++ {
		f.head[f.at+i] = p[i]
	}
	before := f.at
	f.at += n
	if before < 2 && f.at >= 2 {
		if err := f.start(); err != nil {
			return 0, err
		}
	}
	if f.at == f.length {
		f.state = 0
	}
	return n, nil
}

// start judges the first two bytes of a body.
func (f *framer) start() error {
	word := int(f.head[0])<<8 | int(f.head[1])
	switch f.first >> 4 {
	case tConnack:
		// The library takes a code that it does not know for success.
		if f.head[1] != 0 {
			f.refused(f.head[1])
		}
	case tPublish:
		ids := int(f.first & 2) // two bytes of packet id where QoS is 1
		if word == 0 || 2+word+ids > f.length {
			return Violation("PUBLISH whose topic is longer than the packet")
		}
	case tSuback:
		// The library panics when there are more codes than filters.
		if want := f.topics(uint16(word)); want != f.length-2 {
			return Violation(fmt.Sprintf("SUBACK with %d codes, %d filters were asked for", f.length-2, max(want, 0)))
		}
	}
	return nil
}
