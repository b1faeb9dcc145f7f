package powercut

import (
	"math/rand/v2"
	"sync"
	"syscall"
)

// sector is the unit that a medium writes whole or not at all.
const sector = 512

// Medium is what is below a file system. Size is fixed.
type Medium struct {
	mu      sync.Mutex
	now     []byte // what a reader sees
	durable []byte // what is flushed
	// written are the versions of sectors since the last flush, oldest first.
	written map[int64][][]byte
	lies    float64 // the part of flushes that are dropped
	dice    *rand.Rand
	dead    bool
	counts  Counts
}

// Counts are what a medium has seen.
type Counts struct {
	// Writes and Bytes came, Flushes were done, Dropped were said to be.
	Writes, Bytes, Flushes, Dropped int64
}

// newMedium makes one with the given content. lies is the part of flushes that it drops.
func newMedium(image []byte, lies float64, seed uint64) *Medium {
	return &Medium{
		now: append([]byte(nil), image...), durable: append([]byte(nil), image...), written: map[int64][][]byte{},
		lies: lies, dice: rand.New(rand.NewPCG(seed, 7)),
	}
}

// readAt reads; a medium without power does not answer.
func (m *Medium) readAt(b []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return 0, syscall.EIO
	}
	if off >= int64(len(m.now)) {
		return 0, nil
	}
	return copy(b, m.now[off:]), nil
}

// writeAt writes whole sectors.
func (m *Medium) writeAt(b []byte, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.dead:
		return syscall.EIO
	case off%sector != 0 || len(b)%sector != 0 || off+int64(len(b)) > int64(len(m.now)):
		return syscall.EINVAL
	}
	copy(m.now[off:], b)
	for at := 0; at < len(b); at += sector {
		n := (off + int64(at)) / sector
		m.written[n] = append(m.written[n], append([]byte(nil), b[at:at+sector]...))
	}
	m.counts.Writes++
	m.counts.Bytes += int64(len(b))
	return nil
}

// flush makes all that was written durable, or says so.
func (m *Medium) flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return syscall.EIO
	}
	if m.dice.Float64() < m.lies {
		m.counts.Dropped++
		return nil
	}
	m.counts.Flushes++
	for n := range m.written {
		copy(m.durable[n*sector:(n+1)*sector], m.now[n*sector:])
	}
	clear(m.written)
	return nil
}

// cut takes the power away and returns what the medium holds afterwards.
func (m *Medium) cut() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	image := m.durable
	for n, versions := range m.written {
		if i := m.dice.IntN(len(versions) + 1); i > 0 {
			copy(image[n*sector:(n+1)*sector], versions[i-1])
		}
	}
	m.now, m.durable, m.written = nil, nil, nil
	return image
}

func (m *Medium) seen() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}
