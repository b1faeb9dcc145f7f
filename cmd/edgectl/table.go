package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// columns prints rows under a heading whose words are separated by tabs. Widths are
// those on the screen: a Chinese character takes two places.
func columns(w io.Writer, heading string, rows [][]any) error {
	t := table.NewWriter()
	var head table.Row
	for word := range strings.SplitSeq(heading, "\t") {
		head = append(head, word)
	}
	t.AppendHeader(head)
	for _, r := range rows {
		t.AppendRow(r)
	}
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	for line := range strings.SplitSeq(t.Render(), "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
			return err
		}
	}
	return nil
}
