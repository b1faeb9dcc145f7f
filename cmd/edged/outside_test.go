package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/edge/wire"
	"fuqiao/edged/testbench/proxy"
	"fuqiao/edged/testbench/street"
)

// sockets are the listening or unconnected sockets of a process: what a scan of the box
// could find.
func sockets(t *testing.T, pid int) (out []string) {
	t.Helper()
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	must(t, err)
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to, "socket:[]")] = true
		}
	}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6", "raw", "raw6", "packet", "unix"} {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if os.IsNotExist(err) {
			continue
		}
		must(t, err)
		for line := range strings.Lines(string(raw)) {
			f := strings.Fields(line)
			switch {
			case table == "unix" && len(f) >= 8 && own[f[6]]:
				out = append(out, "unix "+f[7])
			case table == "packet" && len(f) >= 9 && own[f[8]]:
				out = append(out, table)
			case len(f) >= 10 && own[f[9]] && (f[3] == "0A" || f[3] == "07"): // LISTEN, unconnected
				out = append(out, table+" "+f[1])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestPromise65_NoSocketUnnamed: the daemon listens where its configuration says, and
// nowhere else.
func TestPromise65_NoSocketUnnamed(t *testing.T) {
	s := live(t, street.Options{})
	pid := s.Service.Lives()[0].Pid
	_, port, err := net.SplitHostPort(s.Camera.Addr)
	must(t, err)
	var n int
	_, err = fmt.Sscan(port, &n)
	must(t, err)
	want := []string{fmt.Sprintf("tcp 0100007F:%04X", n), "unix " + s.Socket}
	if got := sockets(t, pid); !slices.Equal(got, want) {
		t.Errorf("listens on %q, want %q", got, want)
	}
	// Without the camera nothing listens to the network.
	raw, err := os.ReadFile(s.File)
	must(t, err)
	before, _, _ := strings.Cut(string(raw), "cameras:")
	must(t, os.WriteFile(s.File, []byte(before), 0o600))
	must(t, s.Service.Hup())
	must(t, s.Online(within(t)))
	if got := sockets(t, pid); !slices.Equal(got, want[1:]) {
		t.Errorf("without a camera: listens on %q, want %q", got, want[1:])
	}
}

// TestCamera: 202 means on disk and reaches the platform; everything else is refused with
// the status that says why, and nothing of it arrives.
func TestCamera(t *testing.T) {
	s := live(t, street.Options{Domes: -1, Horns: -1})
	post := func(body, contentType, token string) int {
		status, err := s.Camera.Post(within(t), []byte(body), contentType, token)
		must(t, err)
		return status
	}
	tok := s.Camera.Token
	for _, c := range []struct {
		name, body, contentType, token string
		status                         int
	}{
		{"plain", `{"type":"motion","region":"东门"}`, "application/json", tok, 202},
		{"cloud event", `{"specversion":"1.0","id":"1","source":"/nvr","type":"intrusion","data":{}}`, "application/cloudevents+json", tok, 202},
		{"wrong token", `{"type":"x1"}`, "application/json", tok + "x", 401},
		{"no token", `{"type":"x2"}`, "application/json", "", 401},
		{"a picture", "\xff\xd8\xff\xe0", "image/jpeg", tok, 415},
		{"too large", `{"type":"x3","pad":"` + strings.Repeat("x", 40<<10) + `"}`, "application/json", tok, 413},
		{"not JSON", `{"type":`, "application/json", tok, 400},
	} {
		if got := post(c.body, c.contentType, c.token); got != c.status {
			t.Errorf("%s: %d, want %d", c.name, got, c.status)
		}
	}
	soon(t, "two events", func() bool { return len(events(s, wire.TypeCamera)) == 2 })
	restart(t, s, s.Service.Kill9)
	if status, err := s.Camera.Event(within(t), "after", "motion"); status != 202 || err != nil {
		t.Errorf("after a kill: %d %v", status, err)
	}
	soon(t, "the third event", func() bool { return len(events(s, wire.TypeCamera)) == 3 })
}

// TestSlowCamera: a sender that dribbles is cut off, and others are served meanwhile.
func TestSlowCamera(t *testing.T) {
	t.Parallel() // it mostly waits
	s := live(t, street.Options{Domes: -1, Horns: -1})
	c, err := net.Dial("tcp", s.Camera.Addr)
	must(t, err)
	defer func() { _ = c.Close() }()
	_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: box\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", s.Camera.Path, s.Camera.Token)
	must(t, err)
	if status, err := s.Camera.Event(within(t), "other", "motion"); status != 202 || err != nil {
		t.Errorf("beside a slow sender: %d %v", status, err)
	}
	began := time.Now()
	must(t, c.SetReadDeadline(began.Add(30*time.Second)))
	answer, err := io.ReadAll(c)
	if err != nil || time.Since(began) > 20*time.Second {
		t.Errorf("a slow sender was not cut off: %v after %v, %q", err, time.Since(began), answer)
	}
}

// status asks the daemon over its socket, as edgectl does.
func status(t *testing.T, s *street.Street) (out struct {
	Conditions []struct{ Code, Subject, Detail string }
	Devices    []struct{ ID, State string }
	Buses      []struct {
		ID   string
		Open bool
	}
	Refused uint64
	Journal []struct {
		Class   string
		Records int
	}
	Uplink struct {
		Broker              string
		Connected, Verified bool
	}
}) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.Socket)
	}}}
	req, err := http.NewRequestWithContext(within(t), http.MethodGet, "http://edged/v1/status", nil)
	must(t, err)
	res, err := client.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	must(t, json.NewDecoder(res.Body).Decode(&out))
	return out
}

func raised(t *testing.T, s *street.Street, code string) bool {
	t.Helper()
	for _, c := range status(t, s).Conditions {
		if c.Code == code {
			return true
		}
	}
	return false
}

// TestWithoutBroker: the daemon is ready, keeps a camera's event, and delivers it when the
// broker comes.
func TestWithoutBroker(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Horns: -1, Cold: true})
	must(t, s.Link.Set(proxy.Cut))
	must(t, s.Broker.Stop())
	must(t, s.StartOffline(within(t)))
	soon(t, "three stops at the start", func() bool { return len(s.Domes[0].Stops()) == 3 })
	if status, err := s.Camera.Event(within(t), "early", "motion"); status != 202 || err != nil {
		t.Errorf("camera: %d %v", status, err)
	}
	// The new broker knows nobody: the platform has to be there first to hear of it.
	must(t, s.Broker.Start())
	must(t, s.Platform.WaitConnected(within(t)))
	must(t, s.Link.Set(proxy.Pass))
	soon(t, "the event", func() bool { return len(events(s, wire.TypeCamera)) == 1 })
}

// TestWithoutPort: one port is not there: its device says so and its orders fail, all
// others work; when it comes it is taken.
func TestWithoutPort(t *testing.T) {
	t.Parallel()
	s := live(t, street.Options{Cold: true})
	must(t, s.Horns[0].Wire.Unplug())
	must(t, s.Start(within(t)))
	if r := send(t, s, preset(2)); r.Status != wire.DoneUnverified {
		t.Errorf("the dome beside it: %+v", r)
	}
	if r := send(t, s, say("听得到吗")); r.Status != wire.Failed || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	must(t, s.Pins.WaitLevel(within(t), s.Horns[0].Relay, false))
	if !raised(t, s, "bus.port_lost") {
		t.Errorf("%+v", status(t, s).Conditions)
	}
	must(t, s.Horns[0].Wire.Replug())
	soon(t, "the port", func() bool { return !raised(t, s, "bus.port_lost") })
	if r := send(t, s, say("听得到")); r.Status != wire.Done {
		t.Errorf("after the replug: %+v", r)
	}
}

// TestWithoutDisk: no state directory can be made: domes stop, state orders act, an
// emergency speaks and says that it is unledgered, all else is refused.
func TestWithoutDisk(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "edged.sock")
	s := live(t, street.Options{Change: func(c string) string {
		i := strings.Index(c, "state:\n  dir: ")
		return c[:i] + "state:\n  dir: /proc/nowhere/edged\n" + c[i+strings.Index(c[i:], "authority"):]
	}, Extra: "local: {socket: " + socket + "}\n"})
	s.Socket = socket
	for _, code := range []string{"journal.storage", "ledger.storage"} {
		soon(t, code, func() bool { return raised(t, s, code) })
	}
	state := wire.Order{Target: []string{"dome-1"}, Action: wire.DomeGoto, Args: &wire.GotoArgs{Preset: 1}}
	if r := send(t, s, state); r.Status != wire.DoneUnverified {
		t.Errorf("a state order: %+v", r)
	}
	if r := send(t, s, say("平常")); r.Status != wire.Rejected || r.Reason != wire.Storage {
		t.Errorf("a normal announcement: %+v", r)
	}
	o := say("紧急疏散")
	o.Priority = wire.Emergency
	if r := send(t, s, o); r.Status != wire.Done || !r.Unledgered {
		t.Errorf("an emergency: %+v", r)
	}
	id, err := s.Platform.Stop(within(t))
	must(t, err)
	if r, err := s.Platform.Await(within(t), id, "dome-1"); err != nil || r.Status != wire.DoneUnverified {
		t.Errorf("a stop: %+v %v", r, err)
	}
	if status, err := s.Camera.Event(within(t), "1", "motion"); err != nil || status == 202 {
		t.Errorf("a camera was told %d %v without a disk", status, err)
	}
}
