// Package laws keeps the laws of the house: which floor a package stands on, who may
// import a foreign module, and what no file may do. Its test applies them to the whole
// tree, and breaks each of them once to see that it is found.
package laws

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Module is the path of this tree.
const Module = "fuqiao/edged"

// Package is what `go list -json` says of one.
type Package struct {
	ImportPath   string
	Dir          string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// floors says where each package stands. A path that ends in a slash stands for all
// below it. The longest match counts.
func floors() map[string]int {
	return map[string]int{
		"config": 0, "drivers/fault": 0, "drivers/line": 0, "systemd": 0,
		"edge/wire": 0, "edge/journal": 0, "edge/supervise": 0, "edge/health": 0, "edge/clock": 0, "edge/text": 0,
		"drivers": 1, "drivers/bus": 1, "drivers/tty": 1, "drivers/pin": 1,
		"edge/authority": 1, "edge/ledger": 1, "edge/audit": 1, "edge/blob": 1, "edge/uplink/mqtt": 1,
		"drivers/":     2, // every model
		"edge/station": 2, "edge/broadcast": 2, "edge/ptz": 2, "edge/intake": 2, "edge/rules": 2, "edge/uplink": 2,
		"edge/command": 3, "edge/admin": 3, "edge/telemetry": 3,
		"edge/local": 4, "edge/console": 4,
		"edge":       5,
		"cmd/models": 8, "cmd/edged": 9, "cmd/edgectl": 9,
		"testbench/": 10, "cmd/testbench": 11,
	}
}

// floor finds a package's floor.
func floor(path string) (int, bool) {
	rel := strings.TrimPrefix(path, Module+"/")
	table := floors()
	if f, ok := table[rel]; ok {
		return f, true
	}
	best, found := 0, ""
	for prefix, f := range table {
		if strings.HasSuffix(prefix, "/") && strings.HasPrefix(rel, prefix) && len(prefix) > len(found) {
			best, found = f, prefix
		}
	}
	return best, found != ""
}

// within tells whether two packages are rooms of one family that may lean on each
// other on the same floor: parts of the testbench do.
func within(a, b string) bool {
	prefix := Module + "/testbench/"
	return strings.HasPrefix(a, prefix) && strings.HasPrefix(b, prefix)
}

// Floors finds imports that do not run strictly downwards.
func Floors(pkgs []Package) []string {
	var out []string
	for _, p := range pkgs {
		from, ok := floor(p.ImportPath)
		if !ok {
			out = append(out, fmt.Sprintf("%s stands on no floor: give it one in testbench/laws", p.ImportPath))
			continue
		}
		for _, imp := range p.Imports {
			out = append(out, upward(p.ImportPath, from, imp)...)
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if !bench(imp) && imp != p.ImportPath {
				// A test may join two rooms of one floor: the real port under the real bus.
				out = append(out, upward(p.ImportPath, from+1, imp)...)
			}
		}
		for _, imp := range p.TestImports {
			if from < 10 && strings.HasPrefix(imp, Module+"/testbench/") {
				out = append(out, fmt.Sprintf("%s: a test within the package imports %s; make it an external _test package", p.ImportPath, imp))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// shared packages hold the types that rooms of one floor have in common.
func shared(imp string) bool {
	switch strings.TrimPrefix(imp, Module+"/") {
	case "drivers/fault", "drivers", "edge/wire":
		return true
	}
	return false
}

// bench tells whether an import is a stand-in for tests.
func bench(imp string) bool {
	return strings.HasPrefix(imp, Module+"/testbench/") || imp == Module+"/drivers/drivertest"
}

func upward(path string, from int, imp string) []string {
	if !strings.HasPrefix(imp, Module+"/") || within(path, imp) {
		return nil
	}
	if to, _ := floor(imp); shared(imp) && (!shared(path) || imp == Module+"/drivers/fault") && to <= from {
		return nil
	}
	to, ok := floor(imp)
	if !ok || to < from {
		return nil
	}
	return []string{fmt.Sprintf("%s (floor %d) imports %s (floor %d): imports run strictly downwards", path, from, imp, to)}
}

// owners says who alone may import a foreign module.
func owners() map[string]string {
	return map[string]string{
		"github.com/eclipse/paho.mqtt.golang": "edge/uplink/mqtt",
		"github.com/tarm/serial":              "drivers/tty",
		"periph.io/":                          "drivers/pin",
	}
}

// Owners finds imports of owned modules from elsewhere. testbench/bare holds the
// peers that benches compare with.
func Owners(pkgs []Package) []string {
	var out []string
	for _, p := range pkgs {
		for module, owner := range owners() {
			for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
				rel := strings.TrimPrefix(p.ImportPath, Module+"/")
				if strings.HasPrefix(imp, module) && rel != owner && rel != "testbench/bare" {
					out = append(out, fmt.Sprintf("%s imports %s: only %s may", p.ImportPath, imp, owner))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// lean lists the ground floor's few foreign modules.
func lean() map[string][]string {
	return map[string][]string{
		"config":        {"go.yaml.in/yaml/v3"},
		"edge/wire":     {"github.com/go-json-experiment/json"},
		"drivers/line":  nil,
		"drivers/fault": nil,
		"systemd":       {"github.com/coreos/go-systemd/v22/daemon"},
	}
}

// Lean finds foreign modules on the ground floor that are not agreed upon, and
// anything that ships and imports the testbench.
func Lean(pkgs []Package) []string {
	var out []string
	for _, p := range pkgs {
		rel := strings.TrimPrefix(p.ImportPath, Module+"/")
		allowed, ground := lean()[rel]
		from, _ := floor(p.ImportPath)
		for _, imp := range p.Imports {
			first, _, _ := strings.Cut(imp, "/")
			foreign := strings.Contains(first, ".")
			known := slices.ContainsFunc(allowed, func(a string) bool { return imp == a || strings.HasPrefix(imp, a+"/") })
			if ground && foreign && !known {
				out = append(out, fmt.Sprintf("%s imports %s: the ground floor stays lean", p.ImportPath, imp))
			}
			if from < 10 && rel != "drivers/drivertest" && bench(imp) {
				out = append(out, fmt.Sprintf("%s ships and imports %s", p.ImportPath, imp))
			}
			if strings.HasPrefix(rel, "drivers/") && strings.HasPrefix(imp, Module+"/edge") {
				out = append(out, fmt.Sprintf("%s imports %s: drivers never import edge", p.ImportPath, imp))
			}
			if concrete(imp) && strings.HasPrefix(rel, "edge") {
				out = append(out, fmt.Sprintf("%s imports %s: edge never imports a concrete driver", p.ImportPath, imp))
			}
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out)
}

// concrete tells whether an import is a model's package.
func concrete(imp string) bool {
	rel, ours := strings.CutPrefix(imp, Module+"/drivers/")
	if !ours {
		return false
	}
	f, _ := floor(imp)
	return f == 2 && rel != "drivertest"
}
