package pin

import (
	"fmt"
	"strconv"
	"strings"

	"fuqiao/edged/drivers/fault"
)

// place is one line of one chip.
type place struct {
	chip   chip
	offset int
}

// String is the place as people find it in gpioinfo.
func (p place) String() string {
	s := p.chip.name + " " + strconv.Itoa(p.offset)
	if n := p.chip.lines[p.offset].name; n != "" {
		s += " (" + n + ")"
	}
	return s
}

// resolve finds the line that chip and line name. A chip or a name that is not
// there is fault.PortLost: it may come. What no coming chip can cure is
// fault.BadInput.
func resolve(all []chip, chipName, line string) (place, error) {
	chips, err := chipsNamed(all, chipName)
	if err != nil {
		return place{}, err
	}
	if offset, err := strconv.Atoi(line); err == nil {
		if chipName == "" {
			return place{}, fmt.Errorf("line %s is an offset: name its chip as well: %w", line, fault.BadInput)
		}
		if offset < 0 || offset >= len(chips[0].lines) {
			return place{}, fmt.Errorf("line %s: %s has the lines 0 to %d: %w", line, chips[0].name, len(chips[0].lines)-1, fault.BadInput)
		}
		return place{chips[0], offset}, nil
	}
	var found []place
	for _, c := range chips {
		for i, l := range c.lines {
			if l.name == line {
				found = append(found, place{c, i})
			}
		}
	}
	switch len(found) {
	case 0:
		return place{}, fmt.Errorf("no line is named %s on %s: %w", line, chipNames(chips), fault.PortLost)
	case 1:
		return found[0], nil
	}
	return place{}, fmt.Errorf("line %s is both %s %d and %s %d: name the chip and the offset: %w", line,
		found[0].chip.name, found[0].offset, found[1].chip.name, found[1].offset, fault.BadInput)
}

// chipsNamed narrows the chips to the one of that name or, failing that, label; no
// name is all of them.
func chipsNamed(all []chip, name string) ([]chip, error) {
	if name == "" {
		if len(all) == 0 {
			return nil, fmt.Errorf("no GPIO chip is there: %w", fault.PortLost)
		}
		return all, nil
	}
	var labelled []chip
	for _, c := range all {
		if c.name == name {
			return []chip{c}, nil
		}
		if c.label == name {
			labelled = append(labelled, c)
		}
	}
	switch len(labelled) {
	case 0:
		return nil, fmt.Errorf("chip %s is not there; there are: %s: %w", name, chipNames(all), fault.PortLost)
	case 1:
		return labelled, nil
	}
	return nil, fmt.Errorf("chip %s is the label of %s: use the name: %w", name, chipNames(labelled), fault.BadInput)
}

// chipNames lists chips for a message.
func chipNames(chips []chip) string {
	if len(chips) == 0 {
		return "none"
	}
	var names []string
	for _, c := range chips {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}
