// Command testbench plays a neighbourhood around the real edged.
//
//	testbench demo                            the story, under a minute
//	testbench list                            what can be run and measured
//	testbench run NAME [-n N] [-seed S]       hold a promise against faults
//	testbench bench [-json FILE] [NAME…]      measure beside the machine's own limits
//
// Exit codes: 0 the promise held and the work was done, 1 it did not, 2 wrong usage, 3 this
// machine cannot run it at all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"fuqiao/edged/testbench/bare"
	"fuqiao/edged/testbench/kernel"
	"fuqiao/edged/testbench/play"
)

func main() {
	kernel.Main(os.Exit)
	bare.Main(os.Exit)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const help = `testbench plays a neighbourhood around the real edged.

  testbench demo                          the story, under a minute
  testbench list                          what can be run and measured
  testbench run NAME [-n N] [-seed S]     hold a promise against faults
  testbench bench [-json FILE] [NAME…]    measure beside the machine's own limits

Flags of demo, run and bench:
`

// options are the flags of all commands.
type options struct {
	n                         int
	seed                      uint64
	json, edged, edgectl, dir string
	log                       string
	flags                     *flag.FlagSet
	errs                      io.Writer
}

func newOptions(errs io.Writer) *options {
	o := &options{flags: flag.NewFlagSet("testbench", flag.ContinueOnError), errs: errs}
	beside := "."
	if exe, err := os.Executable(); err == nil {
		beside = filepath.Dir(exe)
	}
	f := o.flags
	f.SetOutput(errs)
	f.IntVar(&o.n, "n", 0, "how often (0: the usual number)")
	f.Uint64Var(&o.seed, "seed", 1, "makes faults repeatable")
	f.StringVar(&o.json, "json", "", "write the rows of a bench to this `FILE` as JSON lines, too")
	f.StringVar(&o.edged, "edged", filepath.Join(beside, "edged"), "the daemon's `FILE`")
	f.StringVar(&o.edgectl, "edgectl", filepath.Join(beside, "edgectl"), "the tool's `FILE`")
	f.StringVar(&o.dir, "dir", "", "work below this `DIR` (default: the system's for temporary files)")
	f.StringVar(&o.log, "log", "", "write what the daemon logs to this `FILE`")
	f.Usage = func() {
		fmt.Fprint(errs, help)
		f.PrintDefaults()
	}
	return o
}

// parse takes flags before, between and behind the words.
func (o *options) parse(args []string) (words []string, err error) {
	for {
		if err := o.flags.Parse(args); err != nil {
			return nil, err
		}
		args = o.flags.Args()
		if len(args) == 0 {
			return words, nil
		}
		words, args = append(words, args[0]), args[1:]
	}
}

// run is the program with its surroundings as arguments.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o := newOptions(errs)
	words, err := o.parse(args)
	if err != nil {
		return 2
	}
	if len(words) == 0 {
		o.flags.Usage()
		return 2
	}
	word, rest := words[0], words[1:]
	switch {
	case word == "list" && len(rest) == 0:
		list(out)
		return 0
	case word == "demo" && len(rest) == 0:
		return o.inDir(out, func(e play.Env) int { return tell(ctx, e, errs) })
	case word == "run" && len(rest) == 1:
		return o.run(ctx, rest[0], out)
	case word == "bench":
		return o.bench(ctx, rest, out)
	}
	fmt.Fprintf(errs, "testbench: cannot do %q\n\n", words)
	o.flags.Usage()
	return 2
}

// inDir calls do with a fresh directory, which goes when do was good.
func (o *options) inDir(out io.Writer, do func(play.Env) int) int {
	dir, err := os.MkdirTemp(o.dir, "street-")
	if err != nil {
		fmt.Fprintln(o.errs, "testbench:", err)
		return 1
	}
	log, err := os.Create(o.logFile(dir))
	if err != nil {
		fmt.Fprintln(o.errs, "testbench:", err)
		return 1
	}
	code := do(play.Env{N: o.n, Seed: o.seed, Out: out, Edged: o.edged, Edgectl: o.edgectl, Dir: dir, Tee: log})
	if err := log.Close(); err != nil {
		fmt.Fprintln(o.errs, "testbench:", err)
		return 1
	}
	if code != 0 {
		fmt.Fprintln(o.errs, "testbench: what the daemon logged:", o.logFile(dir))
		return code
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(o.errs, "testbench:", err)
		return 1
	}
	return 0
}

func (o *options) logFile(dir string) string {
	if o.log != "" {
		return o.log
	}
	return filepath.Join(dir, "edged.log")
}

func list(out io.Writer) {
	fmt.Fprintln(out, "demo")
	fmt.Fprintf(out, "  %-14s %s\n", "demo", "one neighbourhood's day, seen on the wires and the pins")
	fmt.Fprintln(out, "run")
	for _, r := range everyRun() {
		fmt.Fprintf(out, "  %-14s %s (-n %d)\n", r.Name, r.About, r.N)
	}
	fmt.Fprintln(out, "bench")
	for _, b := range everyBench() {
		fmt.Fprintf(out, "  %-14s %s\n", b.Name, b.About)
	}
}

// run holds one promise.
func (o *options) run(ctx context.Context, name string, out io.Writer) int {
	for _, r := range everyRun() {
		if r.Name != name {
			continue
		}
		return o.inDir(out, func(e play.Env) int {
			if e.N == 0 {
				e.N = r.N
			}
			began := time.Now()
			figures, err := r.Do(ctx, e)
			verdict := "held"
			if err != nil {
				verdict = "DID NOT HOLD"
				fmt.Fprintf(o.errs, "testbench: run %s -n %d -seed %d: %v\n", name, e.N, e.Seed, err)
			}
			fmt.Fprintf(out, "%s: %s: %s, %.0f s, seed %d\n", name, verdict, figures, time.Since(began).Seconds(), e.Seed)
			var unable *play.Unable
			switch {
			case errors.As(err, &unable):
				return 3
			case err != nil:
				return 1
			}
			return 0
		})
	}
	fmt.Fprintf(o.errs, "testbench: no run %q; see testbench list\n", name)
	return 2
}
