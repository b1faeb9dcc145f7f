package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fuqiao/edged/config"
	"fuqiao/edged/edge/journal"
	"fuqiao/edged/edge/wire"
)

// journal are the commands for looking at a journal's directory: of the daemon on this box,
// which may run, or a copy on a laptop.
func (t *tool) journal() *cobra.Command {
	c := &cobra.Command{
		Args:  t.oneOf,
		RunE:  help,
		Use:   "journal",
		Short: t.p.Say("look at the records that wait for the platform; changes nothing"),
		Long:  t.p.Say("Looks at a journal: DIR is its directory, or the state directory that has it,\nof this box (the daemon may run) or copied from another. Without DIR it is the\none that the configuration names. Nothing is changed, no lock is taken."),
	}
	c.AddCommand(t.journalStatus(), t.journalCat(), t.journalExport(), t.journalVerify())
	return c
}

// looks makes a command that looks at a journal.
func (t *tool) looks(use, short, example string, do func(*cobra.Command, *journal.Inspection, string) error) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: use + " [DIR]", Short: short, Example: example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(t.p.Sprintf("%s takes %d arguments, not %d; see %s --help", c.CommandPath(), 1, len(args), c.CommandPath()))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			dir := strings.Join(args, "")
			if len(args) == 0 {
				f, _ := config.Load(file)
				if f == nil {
					return usage(t.p.Sprintf("%s cannot be read; name the journal's directory", file))
				}
				dir = f.State.Dir
			}
			if info, err := os.Stat(filepath.Join(dir, "journal")); err == nil && info.IsDir() {
				dir = filepath.Join(dir, "journal")
			}
			i, err := journal.Inspect(c.Context(), dir)
			if err != nil {
				return err
			}
			return do(c, i, dir)
		},
	}
	c.Flags().StringVar(&file, "config", "/etc/edged/edged.yaml", t.p.Say("configuration of the daemon"))
	return c
}

func (t *tool) journalStatus() *cobra.Command {
	return t.looks("status", t.p.Say("the books: what has been delivered, told lost, and waits"),
		"  edgectl journal status\n  edgectl journal status /media/stick/journal --json",
		func(_ *cobra.Command, i *journal.Inspection, dir string) error {
			if t.json {
				return t.value(map[string]any{"dir": dir, "run": i.Run(), "streams": i.Streams(), "files": i.Files()})
			}
			return t.showBooks(i, dir)
		})
}

// showBooks prints the books in at most 80 columns.
func (t *tool) showBooks(i *journal.Inspection, dir string) error {
	t.say("%s  newest run %s", dir, i.Run())
	fmt.Fprintln(t.out)
	var rows [][]any
	var hurt uint64
	for _, s := range i.Streams() {
		since := ""
		if !s.Oldest.IsZero() && s.Waiting > 0 {
			since = s.Oldest.Local().Format("01-02 15:04")
		}
		rows = append(rows, []any{s.Run, s.Class, s.Last, s.Done, s.Told, s.Waiting, s.Hurt, (s.Bytes + 1023) >> 10, since})
		hurt += s.Hurt
	}
	if err := columns(t.out, t.p.Sprintf("RUN\tCLASS\tLAST\tDONE\tTOLD\tWAITING\tHURT\tKIB\tSINCE"), rows); err != nil {
		return err
	}
	uses, size := map[string]int{}, int64(0)
	for _, f := range i.Files() {
		uses[f.Use]++
		size += f.Size
	}
	fmt.Fprintln(t.out)
	t.say("files: %d with records, %d free, %d set aside, %d damaged, %d unknown; %d KiB in all",
		uses["active"]+uses["sealed"], uses["free"], uses["aside"], uses["damaged"], uses["unknown"], size>>10)
	t.say("done: acknowledged; told: in a gap record; hurt: damaged and not told yet")
	if hurt > 0 || uses["damaged"] > 0 {
		t.say("something is damaged: see edgectl journal verify")
	}
	return nil
}

// line is a record of cat.
type line struct {
	Run   wire.Run        `json:"run"`
	Class journal.Class   `json:"class"`
	Seq   journal.Seq     `json:"seq"`
	Time  *time.Time      `json:"time,omitempty"`
	Done  bool            `json:"done"`
	Bytes int             `json:"bytes"`
	Data  json.RawMessage `json:"data,omitempty"`
	// Head is what is known of a picture, Content it in base64, if asked for.
	Head    json.RawMessage `json:"head,omitempty"`
	Content []byte          `json:"content,omitempty"`
}

func lineOf(f journal.Found, content bool) line {
	l := line{Run: f.ID.Run, Class: f.ID.Class, Seq: f.ID.Seq, Done: f.Done, Bytes: len(f.Data)}
	if !f.Time.IsZero() {
		l.Time = &f.Time
	}
	if f.ID.Class != journal.Media {
		l.Data = f.Data
		return l
	}
	head, data, _ := bytes.Cut(f.Data, []byte{'\n'})
	if json.Valid(head) {
		l.Head = head
	}
	if content {
		l.Content = data
	}
	return l
}

func (t *tool) journalCat() *cobra.Command {
	var class, run string
	var all, content bool
	c := t.looks("cat", t.p.Say("print records as JSON, one a line: those that wait, or all"),
		"  edgectl journal cat --class alarm\n  edgectl journal cat --all | grep fire",
		func(_ *cobra.Command, i *journal.Inspection, _ string) error {
			var classes []journal.Class
			if class != "" {
				if !slices.Contains(journal.Classes(), journal.Class(class)) {
					return usage(t.p.Sprintf("%q is no class; one of %v", class, journal.Classes()))
				}
				classes = append(classes, journal.Class(class))
			}
			return i.Each(func(f journal.Found) error {
				if f.Done && !all || run != "" && f.ID.Run != wire.Run(run) {
					return nil
				}
				return t.value(lineOf(f, content))
			}, classes...)
		})
	c.Flags().StringVar(&class, "class", "", t.p.Say("only records of this class"))
	c.Flags().StringVar(&run, "run", "", t.p.Say("only records of this run"))
	c.Flags().BoolVar(&all, "all", false, t.p.Say("also what has been acknowledged and is still there"))
	c.Flags().BoolVar(&content, "content", false, t.p.Say("also the content of pictures, in base64"))
	return c
}

func (t *tool) journalExport() *cobra.Command {
	var to string
	c := t.looks("export", t.p.Say("write all that waits into a tar file, to be carried away"),
		"  edgectl journal export --to /media/stick/box-7.tar",
		func(_ *cobra.Command, i *journal.Inspection, dir string) error {
			if to == "" {
				return usage(t.p.Sprintf("no file to write; give --to FILE"))
			}
			f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			n, sum, err := export(f, i, filepath.Join(filepath.Dir(dir), "media"))
			if err == nil {
				err = f.Sync()
			}
			if closing := f.Close(); err == nil {
				err = closing
			}
			if err != nil {
				return fmt.Errorf("%s: %w", to, err)
			}
			t.say("%s: %d records, SHA-256 %s", to, n, sum)
			return nil
		})
	c.Flags().StringVar(&to, "to", "", t.p.Say("file to write"))
	return c
}

// export writes records.jsonl, the pictures and clips as media/SHA256, and MANIFEST.json with
// the books and the hash of every file, last.
func export(w io.Writer, i *journal.Inspection, clips string) (n int, sum string, err error) {
	whole := sha256.New()
	a := tar.NewWriter(io.MultiWriter(w, whole))
	sums := map[string]string{}
	add := func(name string, data []byte) error {
		s := sha256.Sum256(data)
		if _, there := sums[name]; there {
			return nil
		}
		sums[name] = hex.EncodeToString(s[:])
		if err := a.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err := a.Write(data)
		return err
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	enc.SetEscapeHTML(false)
	err = i.Each(func(f journal.Found) error {
		if f.Done {
			return nil
		}
		n++
		if f.ID.Class == journal.Media {
			if err := addMedia(f, clips, add); err != nil {
				return err
			}
		}
		return enc.Encode(lineOf(f, false))
	})
	if err == nil {
		err = add("records.jsonl", lines.Bytes())
	}
	if err == nil {
		var m []byte
		m, err = json.MarshalIndent(map[string]any{"run": i.Run(), "records": n, "streams": i.Streams(), "sha256": sums}, "", "  ")
		if err == nil {
			err = add("MANIFEST.json", append(m, '\n'))
		}
	}
	if closing := a.Close(); err == nil {
		err = closing
	}
	return n, hex.EncodeToString(whole.Sum(nil)), err
}

// addMedia adds the content of a picture, which is in the record or in a file beside the
// journal.
func addMedia(f journal.Found, clips string, add func(string, []byte) error) error {
	head, data, _ := bytes.Cut(f.Data, []byte{'\n'})
	var h struct{ SHA256, Blob string }
	err := json.Unmarshal(head, &h)
	if err != nil || h.SHA256 == "" || strings.ContainsAny(h.SHA256+h.Blob, "/\\") {
		return add(fmt.Sprintf("media/%s-%d", f.ID.Run, f.ID.Seq), f.Data) // no head of ours: as it stands
	}
	if h.Blob != "" {
		clip, err := os.ReadFile(filepath.Join(clips, h.Blob))
		if os.IsNotExist(err) {
			return nil // given up for want of room
		}
		if err != nil {
			return err
		}
		data = clip
	}
	return add("media/"+h.SHA256, data)
}

func (t *tool) journalVerify() *cobra.Command {
	return t.looks("verify", t.p.Say("read every byte and say what is damaged; exit code 1 if records are"),
		"  edgectl journal verify\n  edgectl journal verify --json copied/journal",
		func(_ *cobra.Command, i *journal.Inspection, dir string) error {
			bad := false
			damage := i.Verify()
			for _, d := range damage {
				bad = bad || d.What != "tail"
				if t.json {
					if err := t.value(d); err != nil {
						return err
					}
					continue
				}
				t.sayDamage(d)
			}
			if bad {
				return exit{1, ""}
			}
			if !t.json {
				n := 0
				for _, s := range i.Streams() {
					n += int(s.Last)
				}
				t.say("%s: good: every record verifies, %d numbers are accounted for", dir, n)
			}
			return nil
		})
}

// sayDamage says one finding with its place.
func (t *tool) sayDamage(d journal.Damage) {
	place := d.File
	if d.File == "" {
		place = t.p.Sprintf("(no file)")
	} else if d.At > 0 {
		place = fmt.Sprintf("%s:%d", d.File, d.At)
	}
	switch d.What {
	case "records":
		t.say("%s: damaged: %s %d to %d of run %s cannot be delivered", place, d.Class, d.Lost.First, d.Lost.Last, d.Run)
	case "tail":
		t.say("%s: the end of a write that was cut short, %d bytes; no record is lost", place, d.Bytes)
	case "header":
		t.say("%s: damaged: its header cannot be read", place)
	default:
		t.say("%s: damaged: the medium cannot read it", place)
	}
}
