package serial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// pair is a pty in raw mode. The wire holds the slave open too: the slave then never
// hangs up by itself, unread bytes can be thrown away and TIOCEXCL taken back when the
// gateway has died. Who else holds it is learnt by inotify.
type pair struct {
	link   string
	slave  string
	master int
	holder int
	notes  int
	held   bool // somebody but us has the slave open
}

// openPair makes a pty and puts link to its slave.
func openPair(link string) (*pair, error) {
	p := &pair{link: link, master: -1, holder: -1, notes: -1}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if err := os.Symlink(p.slave, link); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pair) open() (err error) {
	if p.master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
		return fmt.Errorf("open /dev/ptmx: %w", err)
	}
	if err = unix.IoctlSetPointerInt(p.master, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock the pty: %w", err)
	}
	// Packet mode (tty_ioctl(4), TIOCPKT): each read tells first what has happened.
	if err = unix.IoctlSetPointerInt(p.master, unix.TIOCPKT, 1); err != nil {
		return fmt.Errorf("packet mode: %w", err)
	}
	n, err := unix.IoctlGetInt(p.master, unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("number of the pty: %w", err)
	}
	p.slave = fmt.Sprintf("/dev/pts/%d", n)
	if p.holder, err = unix.Open(p.slave, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
		return fmt.Errorf("open %s: %w", p.slave, err)
	}
	if err = makeRaw(p.holder); err != nil {
		return fmt.Errorf("raw mode on %s: %w", p.slave, err)
	}
	if p.notes, err = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK); err != nil {
		return fmt.Errorf("inotify: %w", err)
	}
	if _, err = unix.InotifyAddWatch(p.notes, p.slave, unix.IN_OPEN|unix.IN_CLOSE); err != nil {
		return fmt.Errorf("inotify on %s: %w", p.slave, err)
	}
	return nil
}

// close unplugs: the holders of the slave see a hang-up.
func (p *pair) close() error {
	var all error
	for _, fd := range []*int{&p.notes, &p.holder, &p.master} {
		if *fd >= 0 {
			all = errors.Join(all, closeFD(*fd))
			*fd = -1
		}
	}
	if to, err := os.Readlink(p.link); err == nil && to == p.slave {
		all = errors.Join(all, os.Remove(p.link))
	}
	return all
}

// look reads what inotify has to tell. It returns "opened" or "closed" when it has
// changed whether somebody holds the port, and whether somebody has let go of it: it may
// be in other hands by now.
func (p *pair) look() (what string, left bool) {
	was := p.held
	opened, closed := p.read()
	switch {
	case opened:
		p.held = true
	case closed:
		p.held = p.count()
	}
	if !p.held && closed {
		p.refresh()
	}
	switch {
	case p.held && !was:
		what = "opened"
	case was && !p.held:
		what = "closed"
	}
	return what, closed
}

// count tells whether somebody holds the slave. While it counts a new holder may come,
// open twice and close once: it counts until inotify has nothing more to tell.
func (p *pair) count() bool {
	for {
		n := p.others()
		switch opened, closed := p.read(); {
		case opened:
			return true
		case !closed:
			return n > 0
		}
	}
}

// read empties the inotify queue. Equal neighbours are merged by the kernel, so events
// cannot be counted.
func (p *pair) read() (opened, closed bool) {
	var buf [1024]byte
	for {
		n, err := unix.Read(p.notes, buf[:])
		if err != nil || n <= 0 {
			return opened, closed
		}
		for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
			mask := binary.NativeEndian.Uint32(b[4:])
			// What counts is what came last: after an open somebody is there.
			switch {
			case mask&unix.IN_OPEN != 0:
				opened = true
			case mask&unix.IN_CLOSE != 0:
				closed, opened = true, false
			}
			b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
		}
	}
}

// others counts the descriptors of the slave that are not ours, in all processes that
// we may look into.
func (p *pair) others() int {
	fds, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return 0
	}
	n := -1 // the holder
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == p.slave {
			n++
		}
	}
	return max(n, 0)
}

// refresh makes the port as good as new for its next holder.
func (p *pair) refresh() {
	// Neither can be helped if it fails; the next holder will notice.
	_ = unix.IoctlSetInt(p.holder, unix.TIOCNXCL, 0)
	_ = unix.IoctlSetInt(p.holder, unix.TCFLSH, unix.TCIFLUSH)
}

// baud is the rate that the holder has set, 0 for one that is unknown.
func (p *pair) baud() int {
	t, err := unix.IoctlGetTermios(p.holder, unix.TCGETS)
	if err != nil {
		return 0
	}
	rates := map[uint32]int{
		unix.B1200: 1200, unix.B2400: 2400, unix.B4800: 4800, unix.B9600: 9600, unix.B19200: 19200,
		unix.B38400: 38400, unix.B57600: 57600, unix.B115200: 115200,
	}
	return rates[t.Cflag&unix.CBAUD]
}

// fill writes into the slave until it takes no more. The kernel moves what was written
// on behind our back, which makes room again: so it has to be full several times.
func (p *pair) fill() {
	for full := 0; full < 5; full++ {
		if p.top() {
			full = 0
		}
		poll(nil, time.Millisecond)
	}
}

// top fills what room there is now and tells whether there was any.
func (p *pair) top() (took bool) {
	var block [512]byte
	for {
		if n, err := unix.Write(p.holder, block[:]); err != nil || n <= 0 {
			return took
		}
		took = true
	}
}

// makeRaw is what cfmakeraw(3) does.
func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

func newEvent() (int, error) { return unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK) }

func closeFD(fd int) error {
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// poll waits until one of fds is readable or for is over; negative fds are passed over.
func poll(fds []unix.PollFd, longest time.Duration) {
	ts := unix.NsecToTimespec(max(longest, 0).Nanoseconds())
	// EINTR is a reason to look again like any other.
	_, _ = unix.Ppoll(fds, &ts, nil)
}
