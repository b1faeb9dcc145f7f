package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Config is a program to be started.
type Config struct {
	// Path is the program's file; Args are its arguments without its name.
	Path string
	Args []string
	// Env is the whole environment; nil takes the testbench's own.
	Env []string
	// Dir is where it starts; empty: where the testbench is.
	Dir string
	// Stdin is what it reads; nil is nothing.
	Stdin io.Reader
	// Stdout and Stderr take what it prints; nil throws it away.
	Stdout, Stderr io.Writer
	// Chips are the GPIO chips that it sees. They outlive it: the next program
	// started with the same Chip finds the levels that this one left.
	Chips []*Chip
	// Hooks answer further calls, before the chips do.
	Hooks []Hook
}

// Process is a program under test.
type Process struct {
	cmd   *exec.Cmd
	hooks []Hook
	dev   *devices
	pid   int
	done  chan struct{}
	err   error
}

// Start runs the program under the filter and returns when it is being executed.
// It is killed when ctx ends. Errors: no such program, or a kernel that has no
// such listener.
func Start(ctx context.Context, c Config) (*Process, error) {
	hooks := append([]Hook(nil), c.Hooks...)
	dev := &devices{chips: c.Chips}
	if len(c.Chips) > 0 {
		hooks = append(hooks, dev)
	}
	var wanted []Syscall
	for _, h := range hooks {
		wanted = append(wanted, h.Syscalls()...)
	}
	prog, err := filter(wanted)
	if err != nil {
		return nil, err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket to the launcher: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "launcher"), os.NewFile(uintptr(pair[1]), "launched")
	defer func() { _ = ours.Close() }()   // it has done its work by then
	defer func() { _ = theirs.Close() }() // the launcher has its own
	// /proc/self/exe and not the program's path: it works for a user who may not
	// look into the directory, and when the file has been replaced since.
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{os.Args[0], launchWord, packFilter(prog), c.Path}, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("launcher for %s: %w", c.Path, err)
	}
	_ = theirs.Close()
	p := &Process{cmd: cmd, hooks: hooks, dev: dev, pid: cmd.Process.Pid, done: make(chan struct{})}
	if err := p.hatch(pair[0]); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("start %s under the kernel stand-in: %w", c.Path, err)
	}
	go p.wait()
	return p, nil
}

// hatch takes the listener from the launcher, begins to answer and waits until the
// launcher has become the program (its socket is then closed).
func (p *Process) hatch(socket int) error {
	limit := unix.Timeval{Sec: 20}
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return err
	}
	text, rights, err := receive(socket)
	if err != nil {
		return fmt.Errorf("launcher: %w (does its main call kernel.Main first?)", err)
	}
	if rights < 0 {
		return errors.New(text)
	}
	go p.serve(rights)
	text, _, err = receive(socket)
	if err == nil && text != "" {
		err = errors.New(text)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

// receive reads one message: its text, and the descriptor that came with it or -1.
func receive(socket int) (string, int, error) {
	buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	for {
		n, oobn, _, _, err := unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return "", -1, err
		}
		if oobn > 0 {
			msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
			if err != nil {
				return "", -1, err
			}
			fds, err := unix.ParseUnixRights(&msgs[0])
			if err != nil {
				return "", -1, err
			}
			return "", fds[0], nil
		}
		if n == 0 {
			return "", -1, io.EOF
		}
		return string(buf[:n]), -1, nil
	}
}

// wait reaps the program.
func (p *Process) wait() {
	p.err = p.cmd.Wait()
	close(p.done)
}

// serve answers until no process is left that the filter holds.
func (p *Process) serve(listener int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { _ = unix.Close(listener) }()
	defer p.dev.close()
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return
		}
		switch {
		case fds[0].Revents&unix.POLLIN != 0:
			p.one(listener)
		case fds[0].Revents != 0:
			return
		}
	}
}

// one receives and answers one call. ENOENT and EINTR are normal at each step:
// the caller was interrupted or killed, and makes the call again if it lives.
func (p *Process) one(listener int) {
	var n notif
	if _, err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, &n); err != nil {
		return
	}
	c := &Call{Pid: int(n.Pid), Process: p.pid, Nr: uintptr(n.Nr), Args: n.Args, listener: listener, id: n.ID}
	r := notifResp{ID: n.ID, Flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	for _, h := range p.hooks {
		a := h.Handle(c)
		if a.kind == sent {
			return
		}
		if a.kind == done {
			r = notifResp{ID: n.ID, Val: a.value, Error: -int32(a.errno)}
			break
		}
	}
	for {
		_, err := ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, &r)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// Pid is the program's process id.
func (p *Process) Pid() int { return p.pid }

// Signal sends a signal to the program.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the program with SIGKILL; use Wait or Done to see it gone.
func (p *Process) Kill() error { return p.cmd.Process.Kill() }

// Done is closed when the program has ended and has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the program's end and returns what exec.Cmd.Wait said:
// nil for exit 0, an *exec.ExitError for another end.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}
