package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fuqiao/edged/config"
	"fuqiao/edged/edge/wire"
)

// member is one gateway in a broker's rules.
type member struct {
	id     string
	groups []string
}

// rules are what a broker has to hold its clients to.
type rules struct {
	root      string
	gateways  []member
	platforms []string
}

func (t *tool) acl() *cobra.Command {
	r := &rules{}
	c := &cobra.Command{
		Use:   "acl mosquitto|nats [GATEWAY|FILE]…",
		Short: t.p.Say("write the broker's rules: each gateway held to its own topics"),
		Long:  t.p.Say("Writes the access rules of a broker, and with them the settings that make a\nclient's certificate its name. A gateway is named by its id, or by its\nconfiguration, whose groups then count too. NATS has no pattern for all of them:\nthere each gateway has to be named."),
		Example: "  edgectl acl mosquitto > /etc/mosquitto/conf.d/edged.acl\n" +
			"  edgectl acl nats --platform ctl-platform box-1.yaml box-2.yaml > users.conf",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || args[0] != "mosquitto" && args[0] != "nats" {
				return usage(t.p.Sprintf("name the broker: mosquitto or nats"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			for _, a := range args[1:] {
				m, err := t.member(a, r)
				if err != nil {
					return err
				}
				r.gateways = append(r.gateways, m)
			}
			for _, p := range r.platforms {
				if !strings.HasPrefix(p, "ctl-") || !wire.ValidID(p) {
					return usage(t.p.Sprintf("%q is no name of a platform or tool: it begins with ctl-", p))
				}
			}
			if args[0] == "mosquitto" {
				_, err := fmt.Fprint(t.out, r.mosquitto())
				return err
			}
			if len(r.gateways) == 0 {
				return usage(t.p.Sprintf("name the gateways: NATS has no pattern for all of them"))
			}
			_, err := fmt.Fprint(t.out, r.nats())
			return err
		},
	}
	c.Flags().StringVar(&r.root, "root", "fuqiao", t.p.Say("first level of every topic"))
	c.Flags().StringSliceVar(&r.platforms, "platform", []string{"ctl-platform"}, t.p.Say("certificate name of the platform, or of a tool; may be repeated"))
	return c
}

// member takes a gateway by its id, or its configuration.
func (t *tool) member(arg string, r *rules) (member, error) {
	if wire.ValidID(arg) {
		if _, err := os.Stat(arg); errors.Is(err, fs.ErrNotExist) {
			return member{id: arg}, nil
		}
	}
	f, problems := config.Load(arg)
	if f == nil {
		for _, p := range problems {
			return member{}, usage(t.p.Problem(p))
		}
		return member{}, usage(t.p.Sprintf("%q is neither a gateway's id nor a configuration", arg))
	}
	r.root = f.Root
	m := member{id: f.Gateway}
	for name, devices := range f.Groups {
		if len(devices) > 0 {
			m.groups = append(m.groups, name)
		}
	}
	slices.Sort(m.groups)
	return m, nil
}

// own are the topics that a gateway writes; those that it reads are wire.Topics.Down.
func (r *rules) own(gw string) []string {
	t := wire.Topics{Root: r.root}
	of := func(c wire.Channel) string { return t.Of(gw, c) }
	return []string{
		of(wire.ChanPresence), of(wire.ChanInventory), of(wire.ChanInventory) + "/+", of(wire.ChanState) + "/+",
		of(wire.ChanResult), of(wire.ChanEvent), of(wire.ChanTelemetry), of(wire.ChanMedia) + "/#", of(wire.ChanLoop),
	}
}

// orders are the topics that the platform writes.
func (r *rules) orders() (out []string) {
	t := wire.Topics{Root: r.root}
	for _, c := range []wire.Channel{wire.ChanCommand, wire.ChanStop, wire.ChanAck, wire.ChanTime} {
		out = append(out, t.Of("+", c))
	}
	out = append(out, t.Session("+", "+"))
	for _, c := range []wire.Channel{wire.ChanCommand, wire.ChanStop} {
		out = append(out, t.OfGroup("+", c))
	}
	return append(out, wire.Topic{Root: r.root, Group: "+", Channel: wire.ChanSession, Leaf: "+"}.String())
}

// mosquitto writes an acl_file (mosquitto.conf(5)). %u is the user name, which the
// settings in the comment make the common name of the certificate and the client id.
func (r *rules) mosquitto() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# Access rules for Mosquitto 2, by edgectl acl mosquitto. The listener needs:")
	say("#")
	for _, l := range []string{
		"listener 8883", "cafile ca.pem", "certfile broker.pem", "keyfile broker.key",
		"require_certificate true", "use_identity_as_username true", "use_username_as_clientid true", "allow_anonymous false", "acl_file THIS FILE",
	} {
		say("#   %s", l)
	}
	say("#")
	say("# With them a gateway is what its certificate says, and nobody else.")
	say("")
	say("# Every gateway writes its own topics and reads what is for it.")
	for _, topic := range r.own("%u") {
		say("pattern write %s", topic)
	}
	for _, topic := range (wire.Topics{Root: r.root}).Down("%u", nil) {
		say("pattern read %s", topic)
	}
	groups := false
	for _, m := range r.gateways {
		groups = groups || len(m.groups) > 0
	}
	if !groups {
		say("# Which gateway is in which group is not known here: each may read the groups' orders.")
		own := len((wire.Topics{Root: r.root}).Down("x", nil))
		for _, topic := range (wire.Topics{Root: r.root}).Down("x", []string{"+"})[own:] {
			say("pattern read %s", topic)
		}
	}
	for _, m := range r.gateways {
		if len(m.groups) == 0 {
			continue
		}
		say("\nuser %s", m.id)
		topics := wire.Topics{Root: r.root}
		for _, topic := range topics.Down(m.id, m.groups)[len(topics.Down(m.id, nil)):] {
			say("topic read %s", topic)
		}
	}
	for _, p := range r.platforms {
		say("\n# The platform reads what gateways say, and writes what is for them.")
		say("user %s", p)
		for _, topic := range r.own("+") {
			say("topic read %s", topic)
		}
		for _, topic := range r.orders() {
			say("topic write %s", topic)
		}
	}
	return b.String()
}

// subject is a topic as NATS has it (docs.nats.io, MQTT: topic names and subjects).
func subject(topic string) string {
	return strings.NewReplacer("/", ".", "+", "*", "#", ">").Replace(topic)
}

// nats writes the authorization block of a nats-server configuration. verify_and_map finds
// a user by the certificate's subject, which for ours is its common name.
func (r *rules) nats() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# Users for nats-server 2.9 and newer, by edgectl acl nats. The server needs:")
	say("#")
	for _, l := range []string{
		"server_name: NAME", "jetstream { store_dir: DIR }", "include THIS FILE",
		"mqtt {", "  port: 8883", "  tls { ca_file: ca.pem, cert_file: broker.pem, key_file: broker.key, verify_and_map: true }", "}",
	} {
		say("#   %s", l)
	}
	say("")
	say("authorization {\n  users = [")
	user := func(name string, write, read []string) {
		list := func(topics []string, more ...string) string {
			var out []string
			for _, topic := range topics {
				if base, all := strings.CutSuffix(topic, "/#"); all { // to NATS that is two subjects
					out = append(out, fmt.Sprintf("%q", subject(base)))
				}
				out = append(out, fmt.Sprintf("%q", subject(topic)))
			}
			return strings.Join(append(out, more...), ", ")
		}
		// What the server does for a client's own MQTT session goes over these subjects.
		say("    {\n      user: \"CN=%s\"\n      permissions {", name)
		say("        publish { allow: [%s] }", list(write))
		say("        subscribe { allow: [%s] }\n      }\n    }", list(read, `"$MQTT.sub.>"`))
	}
	topics := wire.Topics{Root: r.root}
	for _, m := range r.gateways {
		user(m.id, r.own(m.id), topics.Down(m.id, m.groups))
	}
	for _, p := range r.platforms {
		user(p, r.orders(), r.own("+"))
	}
	say("  ]\n}")
	return b.String()
}
