package config

import (
	"maps"
	"slices"
	"strconv"
)

// pins: an offset needs its chip, and each pin has one user.
func (j *judge) pins() {
	taken := map[string]string{}
	for _, id := range inOrder(j.f, "outputs", j.f.Outputs) {
		at, o := join("outputs", id), j.f.Outputs[id]
		j.pin(at, o.Chip, o.Line, taken)
		j.remote(id, at, o)
		if _, set := j.f.lines[at+".max_on_s"]; set && o.Safe == "on" {
			j.report(at+".max_on_s", strconv.Itoa(o.MaxOnS), sayMaxOnSafeOn)
		}
	}
	for _, id := range inOrder(j.f, "inputs", j.f.Inputs) {
		at, i := join("inputs", id), j.f.Inputs[id]
		j.pin(at, i.Chip, i.Line, taken)
	}
}

// remote: an output that the platform may switch is a target beside the devices.
func (j *judge) remote(id, at string, o Output) {
	for table, m := range map[string]map[string]Device{"devices": j.f.Devices, "cameras": j.f.Cameras} {
		if _, taken := m[id]; taken && o.Remote {
			other := join(table, id)
			j.report(at, id, sayRemoteTaken, id, other, j.line(other))
		}
	}
}

// pin judges one line. Line names are compared without their chip: a name on a
// chip and the same name on whichever chip has it may be one pin.
func (j *judge) pin(at, chip, line string, taken map[string]string) {
	name := line
	switch offset, err := strconv.Atoi(line); {
	case line == "":
		return
	case err != nil:
	case strconv.Itoa(offset) != line || offset < 0:
		j.report(at+".line", line, sayOffset, cut(line), strconv.Itoa(max(offset, -offset)))
		return
	case chip == "":
		j.report(at+".line", line, sayNeedsChip, line)
		return
	default:
		name = chip + " " + line
	}
	if first, used := taken[name]; used && !j.twoChips(first, chip) {
		j.report(at+".line", line, sayPinTaken, cut(name), first, j.line(first+".line"))
		return
	}
	taken[name] = at
}

// twoChips tells whether the pin at path is on another chip than chip for certain.
func (j *judge) twoChips(path, chip string) bool {
	var other string
	for id, o := range j.f.Outputs {
		if join("outputs", id) == path {
			other = o.Chip
		}
	}
	for id, i := range j.f.Inputs {
		if join("inputs", id) == path {
			other = i.Chip
		}
	}
	return chip != "" && other != "" && chip != other
}

// amplifiers: each keys an output of its own, off at rest, and every speaker has
// one at most.
func (j *judge) amplifiers() {
	outputs, speakers := map[string]string{}, map[string]string{}
	pins, devices := slices.Sorted(maps.Keys(j.f.Outputs)), slices.Sorted(maps.Keys(j.f.Devices))
	for _, id := range inOrder(j.f, "amplifiers", j.f.Amplifiers) {
		at, a := join("amplifiers", id), j.f.Amplifiers[id]
		if j.known(at+".output", a.Output, wordOutputs, []string{"outputs"}, pins) {
			j.amplifierOutput(at, a, outputs)
		}
		j.amplifierTimes(id, at, a)
		j.speakers(at, a, speakers, devices)
	}
}

func (j *judge) amplifierOutput(at string, a Amplifier, outputs map[string]string) {
	out, o := join("outputs", a.Output), j.f.Outputs[a.Output]
	if first, used := outputs[a.Output]; used {
		j.report(at+".output", a.Output, sayOutputTaken, a.Output, first, j.line(first+".output"))
		return
	}
	outputs[a.Output] = at
	if o.Remote {
		j.report(at+".output", a.Output, sayAmpRemote, a.Output, j.line(out+".remote"))
	}
	if o.Safe == "on" {
		j.report(at+".output", a.Output, sayAmpSafeOn, a.Output, j.line(out+".safe"))
	}
	if a.MaxOnS > o.MaxOnS && o.Safe != "on" && !j.isBlamed(out+".max_on_s") {
		own, most := strconv.Itoa(a.MaxOnS), strconv.Itoa(o.MaxOnS)
		j.report(at+".max_on_s", own, sayAmpLonger, own, most, a.Output, most)
	}
}

// amplifierTimes: what may be said fits in the time that the amplifier stays on.
func (j *judge) amplifierTimes(id, at string, a Amplifier) {
	own, spent := strconv.Itoa(a.MaxOnS), a.WarmUpMS+a.TailMS
	left := a.MaxOnS - (spent+999)/1000
	switch say := j.f.Limits.MaxSayS; {
	case left < 1:
		j.report(at+".max_on_s", own, sayAmpNoTime, own, strconv.Itoa(spent))
	case say > left:
		// The one of the two that stands in the file is blamed.
		path := "limits.max_say_s"
		if _, set := j.f.lines[path]; !set {
			path = at + ".max_on_s"
		}
		j.report(path, strconv.Itoa(say), saySayLonger, strconv.Itoa(say), id, own)
	}
}

func (j *judge) speakers(at string, a Amplifier, speakers map[string]string, names []string) {
	for i, s := range a.Speakers {
		path := at + ".speakers[" + strconv.Itoa(i) + "]"
		if _, camera := j.f.Cameras[s]; camera {
			j.report(path, s, sayIsCamera, s)
			continue
		}
		if !j.known(path, s, wordDevices, []string{"devices"}, names) {
			continue
		}
		if first, owned := speakers[s]; owned {
			j.report(path, s, saySpeakerTaken, s, first, j.line(first+".speakers"))
			continue
		}
		speakers[s] = at
	}
}
