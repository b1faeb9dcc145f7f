package drivers

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// buses: each claimed bus exists, runs as its devices can, and carries each address
// once; a device without address is alone on its line.
func (c *checker) buses() {
	names := slices.Collect(maps.Keys(c.f.Buses))
	users := map[string][]claimant{}
	for _, who := range c.all {
		if who.Bus == "" || !c.known(who, who.Bus, wordBuses, names) {
			continue
		}
		c.speed(who)
		if !c.clash(who, users[who.Bus]) {
			users[who.Bus] = append(users[who.Bus], who)
		}
	}
}

// clash reports who if the bus's users before it leave no room for it.
func (c *checker) clash(who claimant, before []claimant) bool {
	if len(before) == 0 {
		return false
	}
	first := before[0]
	switch {
	case who.Address == 0:
		c.blame(who, who.Bus, sayAlone, who.model, who.Bus, first.path, c.line(first.path))
		return true
	case first.Address == 0:
		c.blame(who, who.Bus, sayBusAlone, who.Bus, first.path, c.line(first.path))
		return true
	}
	for _, other := range before {
		if other.Address == who.Address {
			address := strconv.Itoa(who.Address)
			c.blame(who, address, sayAddressTaken, address, who.Bus, other.path, c.line(other.path))
			return true
		}
	}
	return false
}

// speed: the bus's baud rate and parity are ones that the model knows.
func (c *checker) speed(who claimant) {
	b := c.f.Buses[who.Bus]
	if len(who.Bauds) > 0 && b.Baud != 0 && !slices.Contains(who.Bauds, b.Baud) {
		var can []string
		for _, baud := range who.Bauds {
			can = append(can, strconv.Itoa(baud))
		}
		c.blame(who, who.Bus, sayBaud, who.Bus, strconv.Itoa(b.Baud), who.model, strings.Join(can, ", "))
	}
	if who.Parity != "" && b.Parity != who.Parity {
		c.blame(who, who.Bus, sayParity, who.Bus, b.Parity, who.model, who.Parity)
	}
}

// pins: each claimed output and input exists and has one user.
func (c *checker) pins() {
	outputs, inputs := map[string]string{}, map[string]string{}
	for id, a := range c.f.Amplifiers {
		outputs[a.Output] = "amplifiers." + id
	}
	names := slices.Collect(maps.Keys(c.f.Outputs))
	for _, who := range c.all {
		for _, o := range who.Outputs {
			if !c.known(who, o, wordOutputs, names) || c.taken(who, o, outputs, sayOutputTaken) {
				continue
			}
			if c.f.Outputs[o].Remote {
				c.blame(who, o, sayOutputRemote, o, c.line("outputs."+o+".remote"))
			}
		}
		for _, i := range who.Inputs {
			if c.known(who, i, wordInputs, slices.Collect(maps.Keys(c.f.Inputs))) {
				c.taken(who, i, inputs, sayInputTaken)
			}
		}
	}
}

// taken reports who if name has a user, and notes it as the user otherwise.
func (c *checker) taken(who claimant, name string, users map[string]string, format string) bool {
	if first, used := users[name]; used {
		c.blame(who, name, format, name, first, c.line(first))
		return true
	}
	users[name] = who.path
	return false
}

// listens: each endpoint has one user, and no listener takes every address of a port
// beside another one.
func (c *checker) listens() {
	users, ports := map[string]string{}, map[string][]endpoint{}
	for _, who := range c.all {
		for _, l := range who.Listens {
			e := endpoint{who: who}
			e.hostport, e.path, _ = strings.Cut(l, "/")
			host, port, err := net.SplitHostPort(e.hostport)
			if err != nil {
				continue // the model has judged its own address
			}
			e.every = host == "" || host == "0.0.0.0" || host == "::"
			if c.listenTaken(e, l, users) {
				continue
			}
			users[l] = who.path
			c.beside(e, ports[port])
			ports[port] = append(ports[port], e)
		}
	}
}

// endpoint is one claim to listen.
type endpoint struct {
	who            claimant
	hostport, path string
	every          bool
}

func (c *checker) listenTaken(e endpoint, whole string, users map[string]string) bool {
	first, used := users[whole]
	if used {
		at := e.who.options.Find("/" + e.path)
		c.problems = append(c.problems, at.Problem(sayListenTaken, whole, first, c.line(first)))
	}
	return used
}

func (c *checker) beside(e endpoint, others []endpoint) {
	for _, o := range others {
		if o.hostport != e.hostport && (o.every || e.every) {
			c.blame(e.who, e.hostport, sayListenAll, e.hostport, o.hostport, o.who.path, c.line(o.who.path))
			return
		}
	}
}
