package config

import (
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// uplink: encrypted, with a certificate of one's own, or on this very machine.
func (j *judge) uplink() {
	u := j.f.Uplink
	if reserved(j.f.Gateway) {
		j.report("gateway", j.f.Gateway, sayReserved, j.f.Gateway)
	}
	if u.Broker == "" {
		for _, c := range []struct{ key, value string }{{"ca", u.CA}, {"cert", u.Cert}, {"key", u.Key}} {
			if c.value != "" {
				j.report("uplink."+c.key, c.value, sayUnused)
			}
		}
		if len(u.Fallback) > 0 {
			j.report("uplink.fallback", "", sayUnused)
		}
		return
	}
	secure := j.broker("uplink.broker", u.Broker)
	for i, other := range u.Fallback {
		at := "uplink.fallback[" + strconv.Itoa(i) + "]"
		if other == u.Broker || slices.Contains(u.Fallback[:i], other) {
			j.report(at, cut(other), sayBrokerTwice, cut(other))
			continue
		}
		secure = j.broker(at, other) || secure
	}
	if !secure {
		return
	}
	for _, c := range []struct{ key, value string }{{"ca", u.CA}, {"cert", u.Cert}, {"key", u.Key}} {
		if c.value == "" {
			j.report("uplink."+c.key, "", sayNeededMQTTS)
		}
	}
}

// broker judges one address; true says that it is a good one that needs a certificate.
func (j *judge) broker(at, address string) (secure bool) {
	shown := cut(address)
	b, err := url.Parse(address)
	if err == nil && b.User != nil || strings.Contains(address, "@") {
		j.report(at, "", sayBrokerLogin)
		return false
	}
	if err != nil || b.Scheme != "mqtts" && b.Scheme != "mqtt" || b.Hostname() == "" || !isPort(b.Port()) ||
		b.Path != "" || b.RawQuery != "" || b.ForceQuery || b.Fragment != "" {
		j.report(at, shown, sayBroker, shown)
		return false
	}
	if b.Scheme == "mqtt" && !loopback(b.Hostname()) {
		j.report(at, shown, sayBrokerPlain, shown)
	}
	return b.Scheme == "mqtts"
}

// upload: as the broker's address, and with the same certificate.
func (j *judge) upload() {
	u := j.f.Uplink
	if u.Upload == "" {
		return
	}
	at := "uplink.upload"
	if u.Broker == "" {
		j.report(at, cut(u.Upload), sayUnused)
		return
	}
	b, err := url.Parse(u.Upload)
	if err == nil && b.User != nil || strings.Contains(u.Upload, "@") {
		j.report(at, "", sayBrokerLogin)
		return
	}
	if err != nil || b.Scheme != "https" && (b.Scheme != "http" || !loopback(b.Hostname())) || b.Hostname() == "" || b.Port() != "" && !isPort(b.Port()) ||
		b.RawQuery != "" || b.ForceQuery || b.Fragment != "" || strings.HasSuffix(u.Upload, "/") {
		j.report(at, cut(u.Upload), sayUpload, cut(u.Upload))
		return
	}
	if b.Scheme == "https" && (u.CA == "" || u.Cert == "" || u.Key == "") {
		j.report(at, cut(u.Upload), sayUploadTLS)
	}
}

// loopback tells whether host is this machine. A name other than localhost is not
// looked up: judging a file needs no network.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// JournalClasses are the classes whose shares the file can set, the lowest first;
// gap records are the journal's own.
func JournalClasses() []string {
	return []string{"telemetry", "media", "event", "alarm", "result"}
}

// state: the journal's shares fit its budget; a tenth belongs to results, alarms
// and gap records.
func (j *judge) state() {
	s := j.f.State
	if !filepath.IsAbs(s.Dir) {
		j.report("state.dir", s.Dir, sayPath, strconv.Quote(cut(s.Dir)))
	}
	floors, budget := 0, s.Journal.BudgetMiB
	for _, id := range inOrder(j.f, "state.journal.classes", s.Journal.Classes) {
		at, c := join("state.journal.classes", id), s.Journal.Classes[id]
		if !slices.Contains(JournalClasses(), id) {
			j.report(at, id, sayClass, id, List(JournalClasses()))
			continue
		}
		floors += c.FloorMiB
		if c.CeilingMiB == 0 {
			c.CeilingMiB = budget
		}
		if c.FloorMiB > c.CeilingMiB {
			j.report(at+".floor_mib", strconv.Itoa(c.FloorMiB), sayFloor, strconv.Itoa(c.FloorMiB), strconv.Itoa(c.CeilingMiB))
		}
		if c.CeilingMiB > budget {
			j.report(at+".ceiling_mib", strconv.Itoa(c.CeilingMiB), sayCeiling, strconv.Itoa(c.CeilingMiB), strconv.Itoa(budget))
		}
	}
	if most := budget * 9 / 10; floors > most {
		j.report("state.journal.classes", strconv.Itoa(floors), sayFloors, strconv.Itoa(floors), strconv.Itoa(most))
	}
}

// local: a unix socket's path has 107 bytes (unix(7), sun_path).
func (j *judge) local() {
	const most = 107
	at, path := "local.socket", j.f.Local.Socket
	if path == "" {
		at, path = "state.dir", filepath.Join(j.f.State.Dir, "edged.sock")
	}
	switch {
	case at == "state.dir" && !filepath.IsAbs(path): // reported by state
	case !filepath.IsAbs(path):
		j.report(at, path, sayPath, strconv.Quote(cut(path)))
	case len(path) > most:
		j.report(at, cut(path), saySocketLong, strconv.Itoa(len(path)), strconv.Itoa(most))
	}
	for i, g := range j.f.Local.Groups {
		if !groupName(g) {
			j.report("local.groups["+strconv.Itoa(i)+"]", g, sayGroupName, strconv.Quote(cut(g)))
		}
	}
}

// groupName is what useradd(8) and groupadd(8) take.
func groupName(s string) bool {
	return s != "" && len(s) <= 32 && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
