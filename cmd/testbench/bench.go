package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"fuqiao/edged/testbench/play"
)

// bench measures what is named, or everything.
func (o *options) bench(ctx context.Context, names []string, out io.Writer) int {
	var chosen []play.Bench
	for _, b := range everyBench() {
		if len(names) == 0 || slices.Contains(names, b.Name) {
			chosen = append(chosen, b)
		}
	}
	for _, n := range names {
		if !slices.ContainsFunc(chosen, func(b play.Bench) bool { return b.Name == n }) {
			fmt.Fprintf(o.errs, "testbench: no bench %q; see testbench list\n", n)
			return 2
		}
	}
	var rows []play.Row
	code := 0
	for _, b := range chosen {
		fmt.Fprintf(o.errs, "%s: %s …\n", b.Name, b.About)
		one := o.inDir(o.errs, func(e play.Env) int {
			got, err := b.Do(ctx, e)
			rows = append(rows, got...)
			if err != nil {
				fmt.Fprintf(o.errs, "testbench: bench %s: %v\n", b.Name, err)
				return 1
			}
			return 0
		})
		code = max(code, one)
	}
	if err := o.print(rows, out); err != nil {
		fmt.Fprintln(o.errs, "testbench:", err)
		return 1
	}
	for _, r := range rows {
		if !r.Holds {
			code = 1
		}
	}
	return code
}

// print gives rows out as a table and, where asked for, as JSON lines.
func (o *options) print(rows []play.Row, out io.Writer) error {
	if err := play.Table(out, rows); err != nil {
		return err
	}
	if o.json == "" {
		return nil
	}
	f, err := os.Create(o.json)
	if err != nil {
		return err
	}
	if err := play.Lines(f, rows); err != nil {
		_ = f.Close() // the first error counts
		return err
	}
	return f.Close()
}
