// Command edgectl is the technician's and the operator's tool: it judges a
// configuration, asks a running daemon, makes keys and trust files, and signs and
// sends orders as the platform would.
//
// Exit codes: 0 good, 1 it failed, 2 wrong usage, 3 an order was not done, 4 no
// result came in time.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"fuqiao/edged/edge/text"
)

// version is stamped by the build.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// exit is an error with an exit code; said tells that its text is out already.
type exit struct {
	code int
	text string
}

func (e exit) Error() string { return e.text }

// usage is a mistake in the command line.
func usage(text string) error { return exit{2, text} }

// tool is what all commands share.
type tool struct {
	p    *text.Printer
	env  func(string) string
	out  io.Writer
	errs io.Writer
	json bool
	lang string
}

// run is the program with its surroundings as arguments.
func run(ctx context.Context, args []string, env func(string) string, out, errs io.Writer) int {
	t := &tool{env: env, out: out, errs: errs, p: text.New(language(args, env))}
	root := t.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	var e exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		if e.text != "" {
			fmt.Fprintln(errs, "edgectl:", e.text)
		}
		return e.code
	}
	fmt.Fprintln(errs, "edgectl:", err)
	return 1
}

// language has to be known before the commands and their help are made.
func language(args []string, env func(string) string) string {
	for i, a := range args {
		if a == "--lang" && i+1 < len(args) {
			return args[i+1]
		}
		if len(a) > 7 && a[:7] == "--lang=" {
			return a[7:]
		}
	}
	return text.Pick(env)
}

func (t *tool) root() *cobra.Command {
	c := &cobra.Command{
		Args:          t.oneOf,
		RunE:          help,
		Use:           "edgectl",
		Short:         t.p.Say("technician's and operator's tool of the edge gateway"),
		Long:          t.p.Say("edgectl judges a configuration, asks a running daemon, makes keys and trust\nfiles, and signs and sends orders as the platform would.\n\nExit codes: 0 good, 1 it failed, 2 wrong usage, 3 an order was not done,\n4 no result came in time."),
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	c.PersistentFlags().BoolVar(&t.json, "json", false, t.p.Say("print JSON, one value a line"))
	c.PersistentFlags().StringVar(&t.lang, "lang", "", t.p.Say("language of messages: en or zh (default: from the environment)"))
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err.Error()) })
	c.AddCommand(t.check(), t.status(), t.send(), t.stop(), t.watch(), t.journal(), t.acl(), t.keys(), t.trust())
	return c
}

// exactly refuses a wrong number of arguments as wrong usage.
func (t *tool) exactly(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(t.p.Sprintf("%s takes %d arguments, not %d; see %s --help", c.CommandPath(), n, len(args), c.CommandPath()))
		}
		return nil
	}
}

// oneOf refuses a command that there is not as wrong usage; help is what a command does
// that only holds others.
func (t *tool) oneOf(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(t.p.Sprintf("%q is no command of %s; see %s --help", args[0], c.CommandPath(), c.CommandPath()))
	}
	return nil
}

func help(c *cobra.Command, _ []string) error { return c.Help() }

// value prints v as one line of JSON.
func (t *tool) value(v any) error {
	e := json.NewEncoder(t.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (t *tool) say(format string, args ...any) {
	fmt.Fprintln(t.out, t.p.Sprintf(format, args...))
}
