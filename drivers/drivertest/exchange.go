package drivertest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"fuqiao/edged/drivers/fault"
	"fuqiao/edged/drivers/line"
)

// Exchange is line.Line's.
func (w *Wire) Exchange(ctx context.Context, f line.Frame) ([]byte, error) {
	if err := w.turn(ctx); err != nil {
		return nil, err
	}
	reply, err := w.put(f)
	if err != nil {
		return nil, err
	}
	if answer := w.device(); answer != nil {
		reply = answer(f)
	}
	if err := wait(ctx, w.lineTime(len(f.Write))); err != nil {
		return nil, err
	}
	return w.judge(ctx, f, reply)
}

// turn waits for the frame's turn; nothing was sent when it returns an error.
func (w *Wire) turn(ctx context.Context) error {
	w.mu.Lock()
	held := w.held
	w.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.lost:
		return fmt.Errorf("wire: %w", fault.PortLost)
	case w.full:
		return fmt.Errorf("wire: %w", fault.Full)
	}
	return nil
}

// device returns the Answer function where there is no script.
func (w *Wire) device() func(line.Frame) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.loose {
		return nil
	}
	return w.answer
}

// put records the frame and takes its step from the script.
func (w *Wire) put(f line.Frame) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Sent{slices.Clone(f.Write), f.Urgent, f.Want != nil, f.Reply, f.Quiet, time.Now()})
	if w.loose {
		return nil, nil
	}
	if len(w.script) == 0 {
		w.t.Errorf("wire: frame % X after the end of the script", f.Write)
		return nil, fmt.Errorf("wire: %w", fault.NoReply)
	}
	next := w.script[0]
	w.script = w.script[1:]
	if !bytes.Equal(next.write, f.Write) {
		w.t.Errorf("wire: frame %d is\n     % X, want\n     % X", len(w.sent), f.Write, next.write)
	}
	return next.reply, nil
}

// judge lets the frame's own Want cut the reply out of what came back; bytes
// after it, and all bytes that were not asked for, go to the listeners.
func (w *Wire) judge(ctx context.Context, f line.Frame, received []byte) ([]byte, error) {
	if f.Want == nil {
		w.Inject(received...)
		return nil, nil
	}
	if n := f.Want(received); n > 0 && n <= len(received) {
		w.Inject(received[n:]...)
		return slices.Clone(received[:n]), nil
	}
	w.Inject(received...)
	if err := wait(ctx, f.Reply); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("wire: %w", fault.NoReply)
}

func (w *Wire) lineTime(n int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.baud == 0 {
		return 0
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(w.baud)
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// check is the end of the test: a script has to be used up.
func (w *Wire) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.script {
		w.t.Errorf("wire: expected frame never came: % X", s.write)
	}
}
