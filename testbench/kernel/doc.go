// Package kernel stands between a program under test and the Linux kernel: it
// starts the real, unmodified binary under a seccomp filter and answers a few of
// its system calls itself. So a machine without GPIO shows /dev/gpiochip0 to the
// binary, and a disk fails at a chosen moment, with no root and no mock in the
// binary.
//
// How it works (seccomp_unotify(2)): Start runs the calling program once more as
// a launcher (Main, hidden first argument). The launcher sets no_new_privs, loads
// a filter that hands the chosen system calls to a listener, passes the listener
// back over a socket and becomes the program under test. One goroutine, locked to
// its own thread, answers for that program until its last process is gone, so that
// a busy testbench delays it by no more than the scheduler does. A call that has
// been received is not interrupted by signals other than SIGKILL
// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19): with Go's preemption
// signals flying, no answer is lost and nothing is done twice.
//
// What is answered is decided by hooks; a call that no hook wants goes on in the
// kernel. The simulated GPIO chip (Chip) is such a hook, built from the kernel's
// published ABI (linux/gpio.h, docs.kernel.org/userspace-api/gpio) and not from
// any driver in this repository.
//
// Limits, on purpose:
//   - Kernels with gpio-sim could give a more honest chip; those that this was
//     written on have none, so that way is not built.
//   - Only openat is watched for opening (what Go and glibc use), and stat is not:
//     /dev/gpiochip0 can be opened, not looked at. A listing of /dev shows the
//     simulated chips and nothing else.
//   - A program that the program under test starts inherits the filter.
//   - If the testbench dies, the watched calls of the program fail with ENOSYS.
package kernel
