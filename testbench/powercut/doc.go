// Package powercut stands in for the power of a box with an SD card: a real ext4 on a
// block device that loses its power at any moment.
//
// Below the file system is a Medium: a file of a FUSE file system of our own, behind a
// loop device. It knows what was flushed. At the cut every 512-byte sector that was
// written since the last flush becomes, at random, what was last flushed or one of the
// versions written since: writes are torn and reordered as far as a card may do so. A
// medium that lies drops flushes as well.
//
// The other way of losing power is the file system's own shutdown (Shutdown): it forgets
// all that was not yet given to the device, and the device keeps what it was given, in
// order.
//
// It needs root, /dev/fuse, loop devices, mkfs.ext4 and losetup.
package powercut
