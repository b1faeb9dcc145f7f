package powercut

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Size is that of the file system in bytes.
const Size = 96 << 20

// Disk is an ext4 at a directory whose power can be cut. Its methods are called one after
// the other.
type Disk struct {
	// Dir is where the file system is mounted, work a directory for what is below it.
	Dir, work string
	image     []byte // what the medium holds while nothing is mounted
	plain     string // the file below the loop device when there is no Medium
	seed      uint64

	m      *Medium
	server *fuse.Server
	loop   string
	total  Counts
}

// Check tells what is missing for a power cut on this machine.
func Check() error {
	if os.Geteuid() != 0 {
		return errors.New("power cuts need root: they mount file systems")
	}
	for _, tool := range []string{"mkfs.ext4", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("power cuts need %s (Debian: e2fsprogs, mount): %w", tool, err)
		}
	}
	for _, dev := range []string{"/dev/fuse", "/dev/loop-control"} {
		if _, err := os.Stat(dev); err != nil {
			return fmt.Errorf("power cuts need %s: %w", dev, err)
		}
	}
	return nil
}

// New makes a fresh file system, to be mounted at dir; work is a directory on a real disk.
func New(dir, work string, seed uint64) (*Disk, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	d := &Disk{Dir: dir, work: work, seed: seed, plain: filepath.Join(work, "plain.img")}
	for _, p := range []string{dir, work, d.below()} {
		if err := os.MkdirAll(p, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.Create(d.plain)
	if err == nil {
		err = errors.Join(f.Truncate(Size), f.Close())
	}
	if err == nil {
		err = run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.plain)
	}
	if err != nil {
		return nil, fmt.Errorf("power cut: %w", err)
	}
	d.image, err = os.ReadFile(d.plain)
	return d, err
}

func (d *Disk) below() string { return filepath.Join(d.work, "below") }

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// Mount mounts what the medium holds. With torn the medium is one of ours; lies is the
// part of flushes that it drops. Without it is a plain file, for Shutdown.
func (d *Disk) Mount(torn bool, lies float64) error {
	file := d.plain
	if torn {
		d.seed++
		d.m = newMedium(d.image, lies, d.seed)
		server, err := serve(d.below(), d.m, Size)
		if err != nil {
			return fmt.Errorf("power cut: fuse: %w", err)
		}
		d.server, file = server, filepath.Join(d.below(), "disk")
	} else if err := os.WriteFile(d.plain, d.image, 0o600); err != nil {
		return fmt.Errorf("power cut: %w", err)
	}
	out, err := exec.Command("losetup", "--show", "-f", file).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("power cut: losetup: %w: %s", err, bytes.TrimSpace(out)), d.drop())
	}
	d.loop = string(bytes.TrimSpace(out))
	if err := unix.Mount(d.loop, d.Dir, "ext4", unix.MS_NOATIME, ""); err != nil {
		return errors.Join(fmt.Errorf("power cut: mounting %s: %w", d.loop, err), d.drop())
	}
	return nil
}

// Cut takes the power away at this moment. What had the file system open gets errors from
// now on; let it end before Off.
func (d *Disk) Cut() error {
	if d.m != nil {
		c := d.m.seen()
		d.total.Writes += c.Writes
		d.total.Bytes += c.Bytes
		d.total.Flushes += c.Flushes
		d.total.Dropped += c.Dropped
		d.image = d.m.cut()
		return nil
	}
	return shutdown(d.Dir)
}

// Off takes everything down after a Cut. Nothing may have a file open there any more.
func (d *Disk) Off() error {
	err := d.drop()
	if d.m == nil {
		image, readErr := os.ReadFile(d.plain)
		d.image = image
		err = errors.Join(err, readErr)
	}
	d.m = nil
	return err
}

// Unmount ends a Mount well: all of it is on the medium then.
func (d *Disk) Unmount() error {
	if err := unmount(d.Dir); err != nil {
		return err
	}
	if d.m != nil {
		if err := d.m.flush(); err != nil {
			return err
		}
		return errors.Join(d.Cut(), d.Off())
	}
	return d.Off()
}

// drop unmounts and detaches what there is.
func (d *Disk) drop() error {
	var errs []error
	if mounted(d.Dir) {
		errs = append(errs, unmount(d.Dir))
	}
	if d.loop != "" {
		errs = append(errs, run("losetup", "-d", d.loop))
		d.loop = ""
	}
	if d.server != nil {
		errs = append(errs, again(d.server.Unmount))
		d.server = nil
	}
	return errors.Join(errs...)
}

// Close takes everything down, whatever there is.
func (d *Disk) Close() error { return d.drop() }

// Seen are the counts of all media so far.
func (d *Disk) Seen() Counts { return d.total }

// unmount unmounts; a process that is just ending may hold it for a moment.
func unmount(dir string) error {
	return again(func() error {
		if err := unix.Unmount(dir, 0); err != nil {
			return fmt.Errorf("unmounting %s: %w", dir, err)
		}
		return nil
	})
}

// again tries for 5 s.
func again(do func() error) error {
	limit := time.Now().Add(5 * time.Second)
	for {
		err := do()
		if err == nil || time.Now().After(limit) {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// mounted tells whether something is mounted at a directory.
func mounted(dir string) bool {
	var own, above unix.Stat_t
	return unix.Stat(dir, &own) != nil || unix.Stat(filepath.Dir(dir), &above) == nil && own.Dev != above.Dev
}

// shutdown is EXT4_IOC_SHUTDOWN (fs/ext4/ext4.h: _IOR('X', 125, __u32)) with
// EXT4_GOING_FLAGS_NOLOGFLUSH: the file system is gone, and its log is not written.
func shutdown(dir string) error {
	const request, noLogFlush = 0x8004587D, 2
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), request, noLogFlush)
	return errors.Join(err, f.Close())
}
