// Command edged is the gateway daemon of one neighbourhood.
//
//	edged -config FILE   run (default /etc/edged/edged.yaml)
//	edged -check FILE    judge a configuration: exit 0 good, 1 bad; touches no hardware
//	edged -safe FILE     stop every dome, drop every amplifier, end within 2 s
//	edged -version
package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"fuqiao/edged/cmd/models"
	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
	"fuqiao/edged/edge"
	"fuqiao/edged/edge/text"
	"fuqiao/edged/systemd"
)

// version and built (Unix seconds) are stamped by the build (-X main.version=…).
var (
	version = "dev"
	built   = "0"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }

// run is the program with its surroundings as arguments; it returns the exit code:
// 0 good, 1 it failed or the file is bad, 2 wrong usage.
func run(args []string, env func(string) string, out, errs io.Writer) int {
	fs := flag.NewFlagSet("edged", flag.ContinueOnError)
	fs.SetOutput(errs)
	file := fs.String("config", "/etc/edged/edged.yaml", "run with this configuration `FILE`")
	check := fs.String("check", "", "judge a configuration `FILE` and exit: 0 good, 1 bad")
	safe := fs.String("safe", "", "bring everything that `FILE` names to rest and exit within 2 s")
	lang := fs.String("lang", "", "language of messages: en or zh (default: from the environment)")
	show := fs.Bool("version", false, "print the version and exit")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if *lang == "" {
		*lang = text.Pick(env)
	}
	p := text.New(*lang)
	log := slog.New(slog.NewJSONHandler(errs, nil)).With("version", version)
	switch {
	case *show:
		fmt.Fprintln(out, "edged", version)
		return 0
	case fs.NArg() > 0:
		fmt.Fprintln(errs, p.Sprintf("edged: unexpected argument %q; see edged -help", fs.Arg(0)))
		return 2
	case *check != "":
		return judge(*check, p, out, errs)
	case *safe != "":
		return makeSafe(*safe, p, log, errs)
	}
	return serve(*file, p, log, errs)
}

// load reads and judges a file; problems are printed in the reader's language.
func load(file string, p *text.Printer, errs io.Writer) (edge.Setup, bool) {
	cat, err := drivers.NewCatalog(models.All()...)
	if err != nil {
		fmt.Fprintln(errs, "edged:", err)
		return edge.Setup{}, false
	}
	f, problems := config.Load(file)
	var claims map[string]drivers.Claims
	if f != nil {
		var more []config.Problem
		claims, more = drivers.Check(f, cat)
		problems = config.Sort(append(problems, more...))
	}
	for _, q := range problems {
		fmt.Fprintln(errs, p.Problem(q))
	}
	s := edge.Setup{File: f, Claims: claims, Catalog: cat, Version: version}
	if n, err := strconv.ParseInt(built, 10, 64); err == nil && n > 0 {
		s.Built = time.Unix(n, 0)
	}
	if raw, err := os.ReadFile(file); err == nil {
		s.Hash = fmt.Sprintf("%x", sha256.Sum256(raw))
	}
	return s, len(problems) == 0
}

func judge(file string, p *text.Printer, out, errs io.Writer) int {
	s, ok := load(file, p, errs)
	if !ok {
		return 1
	}
	fmt.Fprintln(out, p.Sprintf("%s: good: gateway %s, %d devices, %d cameras", file, s.File.Gateway, len(s.File.Devices), len(s.File.Cameras)))
	return 0
}

func makeSafe(file string, p *text.Printer, log *slog.Logger, errs io.Writer) int {
	s, ok := load(file, p, errs)
	if s.File == nil {
		return 1
	}
	// A file with mistakes may still name ports and pins that are right: everything
	// that can be brought to rest is.
	s.Log = log
	if err := edge.Safe(context.Background(), s); err != nil || !ok {
		return 1
	}
	return 0
}

func serve(file string, p *text.Printer, log *slog.Logger, errs io.Writer) int {
	s, ok := load(file, p, errs)
	if !ok {
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	s.Log = log
	d := edge.Daemon{
		Setup: s,
		Reload: func() (edge.Setup, bool) {
			if err := systemd.Reloading(); err != nil {
				log.Warn("service manager not told", "error", err)
			}
			n, ok := load(file, p, errs)
			n.Log = log
			return n, ok
		},
		Hangup: hup,
	}
	if err := d.Run(ctx); err != nil {
		log.Error("edged ends", "error", err)
		return 1
	}
	return 0
}
