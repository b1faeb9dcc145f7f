package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestACL: the rules name each gateway's own topics and no other's, groups are read where
// they are known, and what is not a gateway is refused.
func TestACL(t *testing.T) {
	t.Parallel()
	d := tool{}
	file := filepath.Join(t.TempDir(), "box.yaml")
	must(t, os.WriteFile(file, []byte("gateway: box-7\nroot: street\nbuses: {b: {port: /dev/ttyS1, baud: 9600}}\ndevices:\n  horn-1: {model: syn6288, options: {bus: b}}\ngroups: {market: [horn-1]}\n"), 0o600))
	r := d.run(t, "acl", "mosquitto")
	r.expect(t, 0)
	for _, want := range []string{"pattern write fuqiao/v1/%u/event\n", "pattern read fuqiao/v1/%u/command\n", "pattern read fuqiao/v1/group/+/stop\n", "user ctl-platform\n", "topic write fuqiao/v1/+/stop\n", "use_username_as_clientid true"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, no := range []string{"pattern write fuqiao/v1/%u/command", "topic write fuqiao/v1/+/event", "readwrite"} {
		if strings.Contains(r.out, no) {
			t.Errorf("%q", no)
		}
	}
	r = d.run(t, "acl", "mosquitto", file)
	r.expect(t, 0)
	if !strings.Contains(r.out, "user box-7\ntopic read street/v1/group/market/command\n") || strings.Contains(r.out, "group/+/command\npattern") {
		t.Errorf("%s", r.out)
	}
	r = d.run(t, "acl", "nats", file, "--platform", "ctl-a,ctl-b")
	r.expect(t, 0)
	for _, want := range []string{`user: "CN=box-7"`, `"street.v1.box-7.event"`, `"street.v1.group.market.command"`, `"street.v1.box-7.media", "street.v1.box-7.media.>"`, `user: "CN=ctl-a"`, `user: "CN=ctl-b"`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %s in\n%s", want, r.out)
		}
	}
	for _, c := range [][]string{{"acl"}, {"acl", "emqx"}, {"acl", "nats"}, {"acl", "nats", "Not-An-Id"}, {"acl", "mosquitto", "--platform", "box-7"}} {
		if r := d.run(t, c...); r.code != 2 || r.errs == "" {
			t.Errorf("%v: %+v", c, r)
		}
	}
}
