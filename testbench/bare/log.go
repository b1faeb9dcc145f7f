package bare

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Log is a preallocated file that is overwritten from the beginning again and again.
// Appends may come from many goroutines; those that wait together share one write and
// one fdatasync.
type Log struct {
	file *os.File
	size int64

	disk sync.Mutex // held while a batch is written
	at   int64

	mu      sync.Mutex
	writers int
	open    *batch // takes records
	spare   []byte // the buffer of a batch that is done
}

// batch is what is written at once.
type batch struct {
	data  []byte
	count int
	full  chan struct{} // as many records as there are writers
	done  chan struct{}
	err   error
}

// NewLog makes the file, size bytes, zero-written and synced, so that an append changes
// no metadata. writers is how many goroutines append at a time: a batch is written as
// soon as all of them wait, which is the most that group commit can give. So each of them
// has to append equally often.
func NewLog(path string, size int64, writers int) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("bare log: %w", err)
	}
	zero := make([]byte, 1<<20)
	for at := int64(0); at < size && err == nil; at += int64(len(zero)) {
		_, err = f.WriteAt(zero[:min(int64(len(zero)), size-at)], at)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bare log: %w", err), f.Close())
	}
	l := &Log{file: f, size: size, writers: writers}
	l.next()
	return l, nil
}

// next opens a batch; l.mu is held.
func (l *Log) next() {
	l.open = &batch{data: l.spare[:0], full: make(chan struct{}), done: make(chan struct{})}
	l.spare = nil
}

// Append returns when rec is on the disk.
func (l *Log) Append(rec []byte) error {
	l.mu.Lock()
	b := l.open
	b.data = append(b.data, rec...)
	b.count++
	first := b.count == 1
	if b.count == l.writers {
		close(b.full)
		l.next()
	}
	l.mu.Unlock()
	if !first {
		<-b.done
		return b.err
	}
	// Who opened the batch writes it.
	<-b.full
	l.disk.Lock()
	b.err = l.write(b.data)
	l.disk.Unlock()
	l.mu.Lock()
	l.spare, b.data = b.data, nil
	l.mu.Unlock()
	close(b.done)
	return b.err
}

// write puts a batch behind the one before it; l.disk is held.
func (l *Log) write(data []byte) error {
	if l.at+int64(len(data)) > l.size {
		l.at = 0
	}
	if _, err := l.file.WriteAt(data, l.at); err != nil {
		return fmt.Errorf("bare log: %w", err)
	}
	l.at += int64(len(data))
	if err := syscall.Fdatasync(int(l.file.Fd())); err != nil {
		return fmt.Errorf("bare log: fdatasync: %w", err)
	}
	return nil
}

// Close closes the file and leaves it.
func (l *Log) Close() error { return l.file.Close() }
