package runs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/badconfig"
	"fuqiao/edged/testbench/play"
	"fuqiao/edged/testbench/process"
	"fuqiao/edged/testbench/street"
)

// BadConfig is the table of broken files.
func BadConfig() play.Run {
	return play.Run{
		Name: "badconfig", N: 1, About: "each of the broken files: the exact words of -check, and a daemon that survives its SIGHUP",
		Do: badConfig,
	}
}

// badConfig lets -check judge each file, and makes the running daemon read it, N times
// all of them.
func badConfig(ctx context.Context, e play.Env) (string, error) {
	s, err := street.New(ctx, street.Options{Edged: e.Edged, Dir: e.Dir, Tee: e.Tee})
	if err != nil {
		return "nothing was done", err
	}
	good, err := os.ReadFile(s.File)
	if err != nil {
		return "nothing was done", errors.Join(err, s.Close())
	}
	cases := badconfig.Cases()
	messages := 0
	var bad []error
	for range e.N {
		for _, c := range cases {
			messages += len(c.Want)
			if err := reject(ctx, e.Edged, s, c); err != nil {
				bad = append(bad, fmt.Errorf("%s: %w", c.Name, err))
			}
			if ctx.Err() != nil {
				return "interrupted", errors.Join(ctx.Err(), s.Close())
			}
		}
	}
	if len(s.Service.Lives()) != 1 {
		bad = append(bad, fmt.Errorf("the daemon had %d lives", len(s.Service.Lives())))
	}
	bad = append(bad, serves(ctx, s), accept(ctx, s, string(good)), serves(ctx, s))
	life, err := s.Service.Stop(ctx)
	if life.How != "exit 0" {
		bad = append(bad, fmt.Errorf("the daemon ended with %s", life.How))
	}
	return fmt.Sprintf("%d broken files, %d messages, each said by -check and at SIGHUP; a good file was applied", len(cases), messages),
		errors.Join(append(bad, err, s.Close())...)
}

// reject shows one broken file to -check and to the running daemon.
func reject(ctx context.Context, edged string, s *street.Street, c badconfig.Case) error {
	if err := os.WriteFile(s.File, []byte(c.YAML), 0o600); err != nil {
		return err
	}
	want := c.At(s.File)
	if err := check(ctx, edged, s.File, "en", want); err != nil {
		return err
	}
	if c.Chinese != nil {
		chinese := c
		chinese.Want = c.Chinese
		if err := check(ctx, edged, s.File, "zh", chinese.At(s.File)); err != nil {
			return err
		}
	}
	before := len(s.Service.Lines())
	if err := s.Service.Hup(); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	refused := func(l process.Line) bool { return l.Msg() == "configuration refused, the running one goes on" }
	if _, err := s.Service.WaitLine(limit, before, refused); err != nil {
		return fmt.Errorf("at SIGHUP: %w", err)
	}
	var said []string
	for _, l := range s.Service.Lines()[before:] {
		if l.Fields == nil {
			said = append(said, l.Text)
		}
	}
	return differ("at SIGHUP", said, want)
}

// check runs edged -check.
func check(ctx context.Context, edged, file, lang string, want []string) error {
	cmd := exec.CommandContext(ctx, edged, "-lang", lang, "-check", file)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || out.Len() > 0 {
		return fmt.Errorf("-check (%s): ended with %q, said %q", lang, fmt.Sprint(err), out.String())
	}
	return differ("-check "+lang, strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n"), want)
}

// differ names the first line that is not as it should be.
func differ(where string, got, want []string) error {
	if slices.Equal(got, want) {
		return nil
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Errorf("%s: line %d of %d is\n  %s\nand should be\n  %s", where, i+1, len(got), g, w)
		}
	}
	return nil
}

// serves: the daemon still obeys.
func serves(ctx context.Context, s *street.Street) error {
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := s.Send(limit, wire.Order{Target: []string{s.Domes[0].ID}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 3}})
	if err == nil && r.Status != wire.DoneUnverified {
		err = fmt.Errorf("an order after the reload: %s %s %s", r.Status, r.Reason, r.Detail)
	}
	return err
}

// accept gives the daemon the good file again, changed.
func accept(ctx context.Context, s *street.Street, good string) error {
	if err := s.Configure(strings.Replace(good, "telemetry_s: 2", "telemetry_s: 3", 1)); err != nil {
		return err
	}
	before := len(s.Service.Lines())
	if err := s.Service.Hup(); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := s.Service.WaitLine(limit, before, func(l process.Line) bool { return l.Msg() == "configuration taken in" }); err != nil {
		return fmt.Errorf("%s was not applied: %w", filepath.Base(s.File), err)
	}
	return s.Online(limit)
}
