package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Where is the line of a path in the file ("buses.rs485-1.baud"), or of the nearest
// thing around it; 0 in a File that was not parsed.
func (f *File) Where(path string) int {
	for path != "" {
		if line, ok := f.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	if f.lines == nil {
		return 0
	}
	return 1
}

// Problem says what is wrong with the value at path, and finds its line. format is
// an English sentence with %s verbs, and a key of the message catalogue.
func (f *File) Problem(path, value, format string, args ...any) Problem {
	return problem(f.file, f.Where(path), path, value, format, args)
}

// Validate judges what stands between the keys: references, pins and ports with two
// users, budgets, the broker's address. Parse calls it; whoever makes a File by
// other means may.
func (f *File) Validate() []Problem { return f.validate(nil) }

// validate leaves out what follows from a value that is reported already.
func (f *File) validate(reported []Problem) []Problem {
	j := &judge{f: f, blamed: map[string]bool{}}
	for _, p := range reported {
		j.blamed[p.Path] = true
	}
	j.uplink()
	j.upload()
	j.state()
	j.local()
	j.buses()
	j.pins()
	j.amplifiers()
	j.members("groups", f.Groups)
	j.members("zones", f.Zones)
	j.devices()
	return Sort(j.problems)
}

// judge gathers problems. The maps are walked in the file's order, so that the
// second of two users is the one that is blamed.
type judge struct {
	f        *File
	blamed   map[string]bool
	problems []Problem
}

func (j *judge) report(path, value, format string, args ...any) {
	if !j.isBlamed(path) {
		j.problems = append(j.problems, j.f.Problem(path, value, format, args...))
	}
}

// isBlamed tells whether path or something around it is reported already.
func (j *judge) isBlamed(path string) bool {
	for path != "" {
		if j.blamed[path] {
			return true
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return false
}

// line is Where as text.
func (j *judge) line(path string) string { return strconv.Itoa(j.f.Where(path)) }

// inOrder is the keys of a table in the order of the file.
func inOrder[T any](f *File, table string, m map[string]T) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.Where(join(table, a)), f.Where(join(table, b))), cmp.Compare(a, b))
	})
}

// known reports a reference to something that is not there. A table that could not
// be read at all has no part in it. names are sorted.
func (j *judge) known(path, name string, what Word, tables []string, names []string) bool {
	if name == "" || slices.Contains(names, name) {
		return name != ""
	}
	for _, t := range tables {
		if j.blamed[t] {
			return false
		}
	}
	meant := Near(name, names)
	name = cut(name)
	switch {
	case len(names) == 0:
		j.report(path, name, sayNoneThere, name, what)
	case meant != "":
		j.report(path, name, sayNoSuchNear, name, what, meant)
	default:
		j.report(path, name, sayNoSuch, name, what, List(names))
	}
	return false
}

// List joins names for a message, at most a dozen.
func List(names []string) string {
	if len(names) > 12 {
		return strings.Join(names[:12], ", ") + " …"
	}
	return strings.Join(names, ", ")
}

func (j *judge) members(table string, m map[string][]string) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(j.f.Devices)), maps.Keys(j.f.Cameras))
	slices.Sort(names)
	for _, id := range inOrder(j.f, table, m) {
		seen := map[string]bool{}
		for i, member := range m[id] {
			path := join(table, id) + "[" + strconv.Itoa(i) + "]"
			if !j.known(path, member, wordDevCams, []string{"devices", "cameras"}, names) {
				continue
			}
			if seen[member] {
				j.report(path, member, sayListedTwice, member)
			}
			seen[member] = true
		}
	}
}

// devices share one name space with cameras, and codes are addresses: each once.
func (j *judge) devices() {
	codes := map[string]string{}
	for _, id := range inOrder(j.f, "devices", j.f.Devices) {
		j.device(join("devices", id), j.f.Devices[id], codes)
	}
	for _, id := range inOrder(j.f, "cameras", j.f.Cameras) {
		path := join("cameras", id)
		if _, taken := j.f.Devices[id]; taken {
			j.report(path, id, sayIDTaken, id, j.line(join("devices", id)))
		}
		j.device(path, j.f.Cameras[id], codes)
	}
}

func (j *judge) device(path string, d Device, codes map[string]string) {
	at := path + ".location"
	if d.Location.CRS != "" && d.Location.Lat == 0 && d.Location.Lon == 0 && !j.blamed[at+".lat"] && !j.blamed[at+".lon"] {
		j.report(at, "", sayZero)
	}
	for _, c := range []struct{ at, code string }{{path + ".codes.gb28181", d.Codes.GB28181}, {path + ".codes.ebr", d.Codes.EBR}} {
		if c.code == "" {
			continue
		}
		if first, taken := codes[c.code]; taken {
			j.report(c.at, c.code, sayCodeTaken, c.code, first, j.line(first))
			continue
		}
		codes[c.code] = path
	}
}

func (j *judge) buses() {
	ports := map[string]string{}
	for _, id := range inOrder(j.f, "buses", j.f.Buses) {
		at, port := join("buses", id), j.f.Buses[id].Port
		if port == "" {
			continue
		}
		if !filepath.IsAbs(port) {
			j.report(at+".port", port, sayPortPath, cut(port))
			continue
		}
		port = filepath.Clean(port)
		if first, taken := ports[port]; taken {
			j.report(at+".port", port, sayPortTaken, port, first, j.line(first+".port"))
			continue
		}
		ports[port] = at
	}
}
