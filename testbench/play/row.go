package play

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Row is one measured value beside the limit that was measured with it.
type Row struct {
	// Name begins with its bench's name: append-64.
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Limit is what the machine gives without us, in the same unit; 0: there is none to
	// measure. Ratio is Value / Limit.
	Limit float64 `json:"limit,omitzero"`
	Ratio float64 `json:"ratio,omitzero"`
	// Bar says what has to hold, in words; empty: the row only informs.
	Bar   string `json:"bar,omitzero"`
	Holds bool   `json:"holds"`
}

// Beside is a row with a measured limit.
func Beside(name string, value, limit float64, unit, bar string, holds bool) Row {
	r := Row{Name: name, Value: value, Unit: unit, Limit: limit, Bar: bar, Holds: holds}
	if limit != 0 {
		r.Ratio = value / limit
	}
	return r
}

// Most is a row whose value may be at most bar.
func Most(name string, value, bar float64, unit string) Row {
	return Row{Name: name, Value: value, Unit: unit, Bar: "≤ " + number(bar), Holds: value <= bar}
}

// Table prints rows for a person.
func Table(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "name\tvalue\tunit\tlimit\tratio\tbar\tholds")
	for _, r := range rows {
		holds := "yes"
		if !r.Holds {
			holds = "NO"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, number(r.Value), r.Unit, blank(r.Limit), blank(r.Ratio), dash(r.Bar), holds)
	}
	return t.Flush()
}

// Lines prints rows as JSON, one a line.
func Lines(w io.Writer, rows []Row) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, r := range rows {
		if err := e.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// number has three significant digits, and all those before the point.
func number(v float64) string {
	switch {
	case v >= 100 || v <= -100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10 || v <= -10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func blank(v float64) string {
	if v == 0 {
		return "-"
	}
	return number(v)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
