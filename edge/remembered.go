package edge

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// runsKept is how many runs a box knows as its own (contract, presence).
const runsKept = 16

// runs are the last runs of this box, the present one last.
type runs []wire.Run

func (r runs) ours(run wire.Run) bool { return slices.Contains(r, run) }

// keepRuns adds the present run to those that the state directory remembers.
func (g *Gateway) keepRuns() {
	for _, word := range g.words("runs") {
		if wire.ValidRun(word) {
			g.runs = append(g.runs, wire.Run(word))
		}
	}
	g.runs = append(g.runs, g.run)
	g.runs = g.runs[max(0, len(g.runs)-runsKept):]
	list := make([]string, 0, runsKept)
	for _, r := range g.runs {
		list = append(list, string(r))
	}
	g.keepWords("runs", list)
}

// oldGroups are those that a session may be subscribed to at the broker.
func (g *Gateway) oldGroups() []string {
	return slices.DeleteFunc(g.words("groups"), func(name string) bool { return !wire.ValidID(name) })
}

// keepGroups notes those of the session that has just begun.
func (g *Gateway) keepGroups(now []string) {
	now = slices.Sorted(slices.Values(now))
	if !slices.Equal(now, g.words("groups")) {
		g.keepWords("groups", now)
	}
}

// words reads a small list of the state directory, one word a line.
func (g *Gateway) words(name string) []string {
	raw, err := os.ReadFile(g.s().below(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.log.Warn("a list of the state directory cannot be read", "name", name, "error", err)
	}
	return strings.Fields(string(raw))
}

func (g *Gateway) keepWords(name string, list []string) {
	if g.state == nil {
		return
	}
	if err := renameio.WriteFile(g.s().below(name), []byte(strings.Join(list, "\n")+"\n"), 0o600); err != nil {
		g.log.Warn("a list of the state directory is not kept", "name", name, "error", err)
	}
}

// twin tells the platform of another box with this gateway's name.
func (g *Gateway) twin(run wire.Run) {
	rec, err := wire.NewRecord(wire.TypeTwin, "", g.stamp(), g.mono(), wire.TwinEvent{Run: run})
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err = g.keep(ctx, journal.Alarm, rec)
	}
	if err != nil {
		g.log.Warn("twin not journalled", "error", err)
	}
}
