package drivers

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"fuqiao/edged/config"
)

// Check asks every device's model to judge its options, and then looks for claims
// that cannot hold together: two devices on one address, two users of one output,
// a bus that a model cannot speak on. It touches no file, port or network (that a
// secret exists is seen at start).
//
// The claims that are returned are those of all devices and cameras whose own options
// are good. The problems are in the file's order; of two in conflict the later one is blamed,
// and the earlier one's line is named.
func Check(f *config.File, cat Catalog) (map[string]Claims, []config.Problem) {
	c := &checker{f: f, cat: cat, claims: map[string]Claims{}}
	c.table("devices", f.Devices, "dome", "speaker")
	c.table("cameras", f.Cameras, "camera")
	slices.SortStableFunc(c.all, func(a, b claimant) int { return cmp.Compare(a.line, b.line) })
	c.amplifiers()
	c.buses()
	c.pins()
	c.listens()
	return c.claims, config.Sort(c.problems)
}

// claimant is a device with what it claims, as far as that can be read.
type claimant struct {
	Claims
	path    string
	model   string
	line    int
	options config.Node
}

type checker struct {
	f        *config.File
	cat      Catalog
	all      []claimant
	claims   map[string]Claims
	problems []config.Problem
}

// blame reports a claimant at the option whose value is want.
func (c *checker) blame(who claimant, want, format string, args ...any) {
	c.problems = append(c.problems, who.options.Find(want).Problem(format, args...))
}

// line is where something stands, as text.
func (c *checker) line(path string) string { return strconv.Itoa(c.f.Where(path)) }

// table checks each entry by its model. kinds are what the table may hold.
func (c *checker) table(table string, m map[string]config.Device, kinds ...string) {
	for _, id := range slices.Sorted(maps.Keys(m)) {
		d, path := m[id], table+"."+id
		if d.Model == "" {
			continue // reported as missing
		}
		model, known := c.cat[d.Model]
		if !known {
			c.unknown(path+".model", d.Model, kinds)
			continue
		}
		if !slices.Contains(kinds, model.Kind) {
			word, place := kind(model.Kind)
			c.problems = append(c.problems, c.f.Problem(path+".model", d.Model, sayWrongPlace, d.Model, word, place))
			continue
		}
		claims, problems := model.Check(d.Options)
		c.problems = append(c.problems, problems...)
		if len(problems) == 0 {
			c.claims[id] = claims
		}
		// A mistake elsewhere in the options hides no conflict: all is told at once.
		c.all = append(c.all, claimant{claims, path, d.Model, c.f.Where(path), d.Options})
	}
}

// kind is a model's kind in words, and the table that it belongs to.
func kind(k string) (config.Word, string) {
	switch k {
	case "dome":
		return wordDome, "devices"
	case "speaker":
		return wordSpeaker, "devices"
	}
	return wordCamera, "cameras"
}

// unknown reports a model that the catalogue does not have; it lists those that
// could stand there.
func (c *checker) unknown(path, model string, kinds []string) {
	var names []string
	for name, m := range c.cat {
		if slices.Contains(kinds, m.Kind) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(c.cat))
	}
	slices.Sort(names)
	if meant := config.Near(model, names); meant != "" {
		c.problems = append(c.problems, c.f.Problem(path, model, sayModelNear, model, meant))
		return
	}
	c.problems = append(c.problems, c.f.Problem(path, model, sayModel, model, config.List(names)))
}

// amplifiers drive speakers and nothing else.
func (c *checker) amplifiers() {
	for id, a := range c.f.Amplifiers {
		for i, s := range a.Speakers {
			m, known := c.cat[c.f.Devices[s].Model]
			if known && m.Kind != "speaker" {
				word, _ := kind(m.Kind)
				path := "amplifiers." + id + ".speakers[" + strconv.Itoa(i) + "]"
				c.problems = append(c.problems, c.f.Problem(path, s, sayNotSpeaker, s, word))
			}
		}
	}
}

// known reports a claim on something that the file does not have.
func (c *checker) known(who claimant, name string, what config.Word, names []string) bool {
	if slices.Contains(names, name) {
		return true
	}
	slices.Sort(names)
	switch meant := config.Near(name, names); {
	case len(names) == 0:
		c.blame(who, name, sayNoneThere, name, what)
	case meant != "":
		c.blame(who, name, sayNoSuchNear, name, what, meant)
	default:
		c.blame(who, name, sayNoSuch, name, what, config.List(names))
	}
	return false
}
