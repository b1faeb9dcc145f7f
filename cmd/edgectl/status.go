package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fuqiao/edged/config"
	"fuqiao/edged/edge"
)

func (t *tool) status() *cobra.Command {
	var socket, file string
	c := &cobra.Command{
		Use:   "status",
		Short: t.p.Say("ask the daemon on this box how it is"),
		Example: "  edgectl status\n  edgectl status --json\n" +
			"  edgectl status --socket /run/edged/edged.sock",
		Args: t.exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if socket == "" {
				f, _ := config.Load(file)
				if f == nil {
					return fmt.Errorf("%s", t.p.Sprintf("%s cannot be read; name the socket with --socket", file))
				}
				socket = edge.SocketPath(f)
			}
			raw, err := t.ask(c.Context(), socket, "/v1/status")
			if err != nil {
				return err
			}
			if t.json {
				_, err := t.out.Write(raw)
				return err
			}
			var s edge.Status
			if err := json.Unmarshal(raw, &s); err != nil {
				return err
			}
			return t.showStatus(s)
		},
	}
	c.Flags().StringVar(&socket, "socket", "", t.p.Say("path of the daemon's socket (default: from the configuration)"))
	c.Flags().StringVar(&file, "config", "/etc/edged/edged.yaml", t.p.Say("configuration of the daemon"))
	return c
}

// ask gets a page over the unix socket.
func (t *tool) ask(ctx context.Context, socket, path string) ([]byte, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://edged"+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.p.Sprintf("no daemon answers at %s; is edged running? (systemctl status edged)", socket), err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read, or is given up
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusForbidden {
		return nil, fmt.Errorf("%s", t.p.Sprintf("the daemon does not let this user ask; use root, or join a group of local.groups"))
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(raw)))
	}
	return raw, nil
}

// showStatus prints what a technician looks for, in at most 80 columns: first what is
// wrong, then what there is.
func (t *tool) showStatus(s edge.Status) error {
	t.say("%s  version %s  up %s  run %s", s.Gateway, s.Version, round(s.UpS), s.Run)
	link := t.p.Sprintf("no session: %s", s.Uplink.Reason)
	switch {
	case s.Uplink.Broker == "":
		link = t.p.Sprintf("no broker configured")
	case s.Uplink.Connected:
		link = t.p.Sprintf("connected for %s, round trip %.0f ms", round(s.Uplink.SinceS), s.Uplink.RTTMS)
	}
	t.say("uplink  %s", link)
	t.say("clock   %s ±%.0f ms (%s)  trust file version %d  refused %d", t.p.Say(s.Clock.Quality), s.Clock.ErrorMS, s.Clock.Source, s.Trust, s.Refused)
	fmt.Fprintln(t.out)
	if len(s.Conditions) == 0 {
		t.say("nothing is wrong")
	}
	for _, c := range s.Conditions {
		fmt.Fprintf(t.out, "%-7s %s %s: %s\n", strings.ToUpper(t.p.Say(c.Severity)), c.Code, c.Subject, t.p.Say(c.Text))
		if c.Detail != "" {
			fmt.Fprintf(t.out, "        %s\n", c.Detail)
		}
		fmt.Fprintf(t.out, "        → %s\n", t.p.Say(c.Remedy))
	}
	fmt.Fprintln(t.out)
	var rows [][]any
	for _, d := range s.Devices {
		rows = append(rows, []any{d.ID, t.p.Say(d.Kind), d.Model, t.p.Say(d.State), d.Name, d.Doing})
	}
	if err := columns(t.out, t.p.Sprintf("DEVICE\tKIND\tMODEL\tSTATE\tNAME\tNOW"), rows); err != nil {
		return err
	}
	fmt.Fprintln(t.out)
	rows = nil
	for _, b := range s.Buses {
		rows = append(rows, []any{b.ID, b.Open, b.Frames, b.Timeouts, b.Corrupt, b.Foreign, b.Reopens})
	}
	if err := columns(t.out, t.p.Sprintf("BUS\tOPEN\tFRAMES\tTIMEOUTS\tCHECKSUM\tFOREIGN\tREOPENS"), rows); err != nil {
		return err
	}
	fmt.Fprintln(t.out)
	rows = nil
	for _, c := range s.Journal {
		rows = append(rows, []any{c.Class, c.Records, c.Bytes >> 10, round(c.OldestS), c.Dropped})
	}
	return columns(t.out, t.p.Sprintf("JOURNAL\tWAITING\tKIB\tOLDEST\tDROPPED"), rows)
}

// round shows seconds as people say them.
func round(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Minute {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
