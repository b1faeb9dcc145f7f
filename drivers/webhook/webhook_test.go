package webhook_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fuqiao/edged/drivers"
	"fuqiao/edged/drivers/webhook"
)

const event = `{"specversion":"1.0","id":"4711","source":"/analytics/box-2","type":"intrusion","time":"2026-11-24T08:00:00.5+08:00","data":{"zone":3}}`

// TestShapes: what is posted, and the event that it becomes.
func TestShapes(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 500e6, time.UTC)
	for _, c := range []struct {
		name    string
		body    string
		headers []string
		want    drivers.Event
	}{
		{"plain", `{ "type": "motion", "z": 1.50, "a": "\u4e2d", "time": "2026-11-24T00:00:00.5Z" }`, nil,
			drivers.Event{Kind: "motion", Time: at, Data: []byte(`{"type":"motion","z":1.50,"a":"\u4e2d","time":"2026-11-24T00:00:00.5Z"}`)}},
		{"plain with kind and an id in a header", `{"kind":"line","n":18446744073709551616}`, []string{"X-Event-Id", "e-1"},
			drivers.Event{Kind: "line", ID: "e-1", Data: []byte(`{"kind":"line","n":18446744073709551616}`)}},
		{"plain of no kind, a time that is none", `{"time":"yesterday","type":7}`, nil,
			drivers.Event{Kind: "event", Data: []byte(`{"time":"yesterday","type":7}`)}},
		{"plain alarm", `{"type":"motion","alarm":true}`, nil,
			drivers.Event{Kind: "motion", Alarm: true, Data: []byte(`{"type":"motion","alarm":true}`)}},
		{"an alarm by the configuration", `{"type":"fire"}`, nil,
			drivers.Event{Kind: "fire", Alarm: true, Data: []byte(`{"type":"fire"}`)}},
		{"alarm deeper down is none", `{"type":"motion","data":{"alarm":true,"type":"fire"}}`, nil,
			drivers.Event{Kind: "motion", Data: []byte(`{"type":"motion","data":{"alarm":true,"type":"fire"}}`)}},
		{"charset", `{"type":"motion"}`, []string{"Content-Type", `application/json; charset="UTF-8"`},
			drivers.Event{Kind: "motion", Data: []byte(`{"type":"motion"}`)}},
		{"structured", event, []string{"Content-Type", "application/cloudevents+json; charset=utf-8"},
			drivers.Event{Kind: "intrusion", ID: "/analytics/box-2 4711", Time: at, Data: []byte(event)}},
		{"structured, alarm as an extension", `{"specversion":"1.0","id":"1","source":"s","type":"t","alarm":"true"}`, []string{"Content-Type", "application/cloudevents+json"},
			drivers.Event{Kind: "t", ID: "s 1", Alarm: true, Data: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","alarm":"true"}`)}},
		{"binary", ` {"zone": 3}`, []string{"Ce-Specversion", "1.0", "Ce-Id", "4711", "Ce-Source", "/analytics/box-2", "Ce-Type", "intrusion",
			"Ce-Time", "2026-11-24T08:00:00.5+08:00", "Ce-Subject", "%E4%B8%9C%E9%97%A8", "Ce-Alarm", "true"},
			drivers.Event{Kind: "intrusion", ID: "/analytics/box-2 4711", Time: at, Alarm: true, Data: []byte(
				`{"alarm":"true","id":"4711","source":"/analytics/box-2","specversion":"1.0","subject":"东门","time":"2026-11-24T08:00:00.5+08:00","type":"intrusion","datacontenttype":"application/json","data":{"zone":3}}`)}},
		{"binary without data", "", []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t"},
			drivers.Event{Kind: "t", ID: "s 1", Data: []byte(`{"id":"1","source":"s","specversion":"1.0","type":"t","datacontenttype":"application/json"}`)}},
	} {
		b := newBench(t, func(c *webhook.Config) { c.AlarmTypes = []string{"fire", "fall"} }).watch()
		status, _, text := b.send("POST", c.body, c.headers...)
		if status != http.StatusAccepted || text != "" || len(b.got()) != 1 {
			t.Errorf("%s: %d %s, %d events", c.name, status, text, len(b.got()))
			continue
		}
		got := b.got()[0]
		if got.Kind != c.want.Kind || got.ID != c.want.ID || !got.Time.Equal(c.want.Time) || got.Alarm != c.want.Alarm || string(got.Data) != string(c.want.Data) {
			t.Errorf("%s:\ngot  %+v %s\nwant %+v %s", c.name, got, got.Data, c.want, c.want.Data)
		}
	}
}

// TestRefused: what is not taken, with the status that tells the sender what to do.
func TestRefused(t *testing.T) {
	ce := []string{"Content-Type", "application/cloudevents+json"}
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	for _, c := range []struct {
		name, method, body string
		headers            []string
		status             int
		header, value      string // of the answer
	}{
		{"get", "GET", "", nil, 405, "Allow", "POST, OPTIONS"},
		{"put", "PUT", `{}`, nil, 405, "Allow", "POST, OPTIONS"},
		{"no token", "POST", `{}`, []string{"Authorization", ""}, 401, "WWW-Authenticate", `Bearer realm="camera events"`},
		{"wrong token", "POST", `{}`, []string{"Authorization", "Bearer " + token + "x"}, 401, "", ""},
		{"a beginning of the token", "POST", `{}`, []string{"Authorization", "Bearer c7"}, 401, "", ""},
		{"empty token", "POST", `{}`, []string{"Authorization", "Bearer "}, 401, "", ""},
		{"another scheme", "POST", `{}`, []string{"Authorization", "Basic " + token}, 401, "", ""},
		{"no token is more than a wrong type", "POST", `{}`, []string{"Authorization", "", "Content-Type", "image/jpeg"}, 401, "", ""},
		{"picture", "POST", "\xff\xd8", []string{"Content-Type", "image/jpeg"}, 415, "", ""},
		{"batch", "POST", "[]", []string{"Content-Type", "application/cloudevents-batch+json"}, 415, "", ""},
		{"text", "POST", "{}", []string{"Content-Type", "text/plain"}, 415, "", ""},
		{"no type", "POST", "{}", []string{"Content-Type", ""}, 415, "", ""},
		{"GBK", "POST", "{}", []string{"Content-Type", "application/json; charset=gbk"}, 415, "", ""},
		{"gzip", "POST", "{}", []string{"Content-Encoding", "gzip"}, 415, "", ""},
		{"binary with a picture", "POST", "\xff\xd8", []string{"Content-Type", "image/jpeg", "Ce-Specversion", "1.0"}, 415, "", ""},
		{"one byte too much", "POST", `{"a":"` + strings.Repeat("x", 32<<10-7) + `"}`, nil, 413, "Connection", "close"},
		{"far too much", "POST", strings.Repeat("x", 1<<20), nil, 413, "Connection", "close"},
		{"too much with its headers", "POST", `{"a":"` + strings.Repeat("x", 32<<10-8) + `"}`, []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t"}, 413, "", ""},
		{"nothing", "POST", "", nil, 400, "", ""},
		{"an array", "POST", "[{}]", nil, 400, "", ""},
		{"half", "POST", `{"a":`, nil, 400, "", ""},
		{"two", "POST", `{}{}`, nil, 400, "", ""},
		{"a name twice", "POST", `{"a":1,"a":2}`, nil, 400, "", ""},
		{"a name twice, deep down", "POST", `{"b":[{"a":1,"a":2}]}`, nil, 400, "", ""},
		{"not UTF-8", "POST", "{\"a\":\"\xd6\xd0\"}", nil, 400, "", ""},
		{"too deep", "POST", deep, nil, 400, "", ""},
		{"a comment", "POST", `{/**/}`, nil, 400, "", ""},
		{"a type with a line end", "POST", `{"type":"a\nb"}`, nil, 400, "", ""},
		{"a type without end", "POST", `{"type":"` + strings.Repeat("x", 513) + `"}`, nil, 400, "", ""},
		{"a CloudEvent without id", "POST", `{"specversion":"1.0","source":"s","type":"t"}`, ce, 400, "", ""},
		{"a CloudEvent without source", "POST", `{"specversion":"1.0","id":"1","type":"t"}`, ce, 400, "", ""},
		{"a CloudEvent without type", "POST", `{"specversion":"1.0","id":"1","source":"s"}`, ce, 400, "", ""},
		{"CloudEvents 0.3", "POST", `{"specversion":"0.3","id":"1","source":"s","type":"t"}`, ce, 400, "", ""},
		{"an id that is a number", "POST", `{"specversion":"1.0","id":1,"source":"s","type":"t"}`, ce, 400, "", ""},
		{"binary without id", "POST", "{}", []string{"Ce-Specversion", "1.0", "Ce-Source", "s", "Ce-Type", "t"}, 400, "", ""},
		{"binary that ends its data early", "POST", `1,"alarm":"true"`, []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t"}, 400, "", ""},
		{"binary with data as a header", "POST", "{}", []string{"Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t", "Ce-Data", "1"}, 400, "", ""},
		{"binary with a half escape", "POST", "{}", []string{"Ce-Specversion", "1.0", "Ce-Id", "%4", "Ce-Source", "s", "Ce-Type", "t"}, 400, "", ""},
	} {
		b := newBench(t).watch()
		status, header, text := b.send(c.method, c.body, c.headers...)
		if status != c.status || text == "" || c.header != "" && header.Get(c.header) != c.value {
			t.Errorf("%s: %d %s %v, want %d %s: %s", c.name, status, text, header, c.status, c.header, c.value)
		}
		if len(b.got()) != 0 {
			t.Errorf("%s: became %s", c.name, b.got()[0].Data)
		}
		if strings.Contains(b.logged(), token) {
			t.Errorf("%s: the token is in the log", c.name)
		}
	}
}

// TestLargest: exactly the limit is taken.
func TestLargest(t *testing.T) {
	b := newBench(t).watch()
	body := `{"a":"` + strings.Repeat("x", 32<<10-8) + `"}`
	if status, _, text := b.send("POST", body); status != 202 || len(b.got()[0].Data) != 32<<10 {
		t.Errorf("%d %s", status, text)
	}
}

// TestHandshake: a sender that asks first is let in with the token.
func TestHandshake(t *testing.T) {
	b := newBench(t).watch()
	status, h, _ := b.send("OPTIONS", "", "WebHook-Request-Origin", "analytics.example")
	if status != 204 || h.Get("WebHook-Allowed-Origin") != "analytics.example" || h.Get("WebHook-Allowed-Rate") != "*" || h.Get("Allow") != "POST, OPTIONS" {
		t.Errorf("%d %v", status, h)
	}
	if status, h, _ := b.send("OPTIONS", "", "WebHook-Request-Origin", "analytics.example", "Authorization", ""); status != 401 || h.Get("WebHook-Allowed-Origin") != "" {
		t.Errorf("without token: %d %v", status, h)
	}
}

// TestSecret: read anew at each request; one that is missing or empty opens nothing.
func TestSecret(t *testing.T) {
	b := newBench(t).watch()
	b.set(func() { b.secret = func() ([]byte, error) { return nil, errors.New("secret cam-1: no such file") } })
	if status, h, _ := b.send("POST", "{}"); status != 503 || h.Get("Retry-After") == "" || !b.alarmed() {
		t.Errorf("no secret: %d %v, raised %v", status, h, b.alarmed())
	}
	b.set(func() { b.secret = func() ([]byte, error) { return []byte(" \n"), nil } })
	if status, _, _ := b.send("POST", "{}", "Authorization", "Bearer "); status != 503 || len(b.got()) != 0 {
		t.Errorf("empty secret: %d", status)
	}
	b.set(func() { b.secret = func() ([]byte, error) { return []byte("new\n"), nil } })
	if status, _, _ := b.send("POST", "{}"); status != 401 || b.alarmed() {
		t.Errorf("old token after a change: %d, raised %v", status, b.alarmed())
	}
	if status, _, _ := b.send("POST", "{}", "Authorization", "bearer new"); status != 202 {
		t.Errorf("new token: %d", status)
	}
}

// TestRefusalsDoNotFillTheLog: a sender with a wrong token gets one line.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	b := newBench(t).watch()
	for range 20 {
		b.send("POST", "{}", "Authorization", "Bearer wrong")
	}
	if n := strings.Count(b.logged(), "\n"); n != 1 || !strings.Contains(b.logged(), "status=401") {
		t.Errorf("%d lines:\n%s", n, b.logged())
	}
}

func ExampleModel() {
	fmt.Println(webhook.Model().Name, webhook.Model().Kind)
	// Output: webhook camera
}
