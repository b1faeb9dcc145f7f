package demo

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"fuqiao/edged/testbench/platform"
)

// Book is one line of the balance.
type Book struct {
	What string
	// Sent were given to the gateway (or produced by it), Seen came out at the other
	// end, Lost did not, Doubled came out more than once.
	Sent, Seen, Lost, Doubled int
	// Harmless: what came twice has one identity, and whoever receives it knows it again.
	Harmless bool
}

// Table prints books.
func Table(w io.Writer, books []Book) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "sent\tseen\tlost\tdoubled\t  \t")
	for _, b := range books {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t  %s\t\n", b.Sent, b.Seen, b.Lost, b.Doubled, b.What)
	}
	return t.Flush()
}

// drained waits until the platform has every record that the gateway has numbered.
func (st *story) drained(ctx context.Context) error {
	return until(ctx, "every record at the platform", func() bool { return st.missing() == 0 })
}

func (st *story) missing() (n int) {
	for _, r := range st.Platform.Account() {
		n += len(r.Lost)
	}
	return n
}

// balance closes the books; its error says what does not balance.
func (st *story) balance() ([]Book, error) {
	books := []Book{st.orderBook(), st.speechBook(), st.eventBook(), st.recordBook()}
	var bad []string
	for _, b := range books {
		bad = append(bad, unless(b.Lost == 0, "%s: %d lost", b.What, b.Lost), unless(b.Harmless || b.Doubled == 0, "%s: %d doubled", b.What, b.Doubled))
	}
	st.Platform.Look(func(b *platform.Books) {
		for _, m := range b.Bad {
			bad = append(bad, "against the contract: "+m)
		}
	})
	return books, all(bad...)
}

// orderBook: each order has exactly one terminal result per device.
func (st *story) orderBook() Book {
	b := Book{What: "orders → terminal results"}
	for _, id := range st.orders {
		devices := map[string]int{}
		for _, r := range st.Platform.Results(id) {
			if r.What.Status.Terminal() && !r.What.Repeat && !r.Again {
				devices[r.What.Device]++
			}
		}
		b.Sent++
		if len(devices) == 0 {
			b.Lost++
			continue
		}
		b.Seen++
		for _, n := range devices {
			b.Doubled += n - 1
		}
	}
	return b
}

// speechBook: what was to be said was heard so often and no more.
func (st *story) speechBook() Book {
	b := Book{What: "announcements → heard at the horns"}
	heard := map[string]int{}
	for _, h := range st.Horns {
		for _, u := range h.Chip.Utterances() {
			heard[u.Text]++
		}
	}
	for text, n := range st.spoken {
		b.Sent += n
		b.Seen += min(heard[text], n)
		b.Lost += max(n-heard[text], 0)
		b.Doubled += max(heard[text]-n, 0)
		delete(heard, text)
	}
	for _, n := range heard { // nobody asked for these
		b.Doubled += n
	}
	return b
}

func (st *story) eventBook() Book {
	b := Book{What: "camera events answered 202 → platform", Sent: len(st.events), Harmless: true}
	for _, n := range st.arrived() {
		b.Seen++
		b.Doubled += n - 1
	}
	b.Lost = b.Sent - b.Seen
	return b
}

func (st *story) recordBook() Book {
	b := Book{What: "journal records → platform", Harmless: true}
	for _, r := range st.Platform.Account() {
		b.Sent += int(r.Produced)
		b.Seen += int(r.Seen)
		b.Lost += len(r.Lost) + int(r.Accounted)
		b.Doubled += r.Doubled
	}
	return b
}
