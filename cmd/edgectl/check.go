package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"fuqiao/edged/cmd/models"
	"fuqiao/edged/config"
	"fuqiao/edged/drivers"
)

func (t *tool) check() *cobra.Command {
	return &cobra.Command{
		Use:     "check FILE",
		Short:   t.p.Say("judge a configuration; touches no hardware"),
		Example: "  edgectl check /etc/edged/edged.yaml\n  edgectl check --json new.yaml",
		Args:    t.exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cat, err := drivers.NewCatalog(models.All()...)
			if err != nil {
				return err
			}
			f, problems := config.Load(args[0])
			if f != nil {
				_, more := drivers.Check(f, cat)
				problems = append(problems, more...)
			}
			for _, q := range config.Sort(problems) {
				if t.json {
					err = t.value(problem{File: q.File, Line: q.Line, Path: q.Path, Value: q.Value, Message: t.p.Problem(q)})
				} else {
					_, err = fmt.Fprintln(t.out, t.p.Problem(q))
				}
				if err != nil {
					return err
				}
			}
			if len(problems) > 0 {
				return exit{1, ""}
			}
			if t.json {
				return nil
			}
			t.say("%s: good: gateway %s, %d devices, %d cameras", args[0], f.Gateway, len(f.Devices), len(f.Cameras))
			return nil
		},
	}
}

// problem is one line of check --json; nothing is printed for a good file.
type problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Path    string `json:"path,omitempty"`
	Value   string `json:"value,omitempty"`
	Message string `json:"message"`
}
