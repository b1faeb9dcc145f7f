package webhook

import (
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"fuqiao/edged/drivers"
)

// shape is how a request carries its event.
type shape uint8

const (
	plain      shape = iota // a JSON object of the sender's own making
	structured              // a CloudEvent as one JSON object
	binary                  // a CloudEvent in headers, its data in the body
	parted                  // a multipart body: the event first, its pictures behind it
)

// shapeOf tells the shape by the headers, before anything of the body is read.
func shapeOf(h http.Header) (shape, *refusal) {
	no := func(text string) (shape, *refusal) {
		return plain, &refusal{http.StatusUnsupportedMediaType, text}
	}
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return no("encoded bodies are not taken")
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return no("a Content-Type is needed: application/json or application/cloudevents+json")
	}
	if set := params["charset"]; set != "" && !strings.EqualFold(set, "utf-8") {
		return no("only UTF-8 is taken")
	}
	switch {
	case kind == "multipart/form-data", kind == "multipart/mixed", kind == "multipart/related":
		if params["boundary"] == "" {
			return no("a multipart body needs a boundary")
		}
		return parted, nil
	case strings.HasPrefix(kind, "image/"):
		return no("a picture comes behind its event, in a multipart body")
	case kind == "application/cloudevents-batch+json":
		return no("batches are not taken: post one event at a time")
	case kind == "application/cloudevents+json":
		return structured, nil
	case kind != "application/json":
		return no("only application/json and application/cloudevents+json are taken")
	case h.Get("Ce-Specversion") != "":
		return binary, nil
	}
	return plain, nil
}

// event understands a body. Data is always one JSON object: the sender's own in plain
// shape; in both CloudEvents shapes the whole CloudEvent in its JSON format, so that
// the same event is the same object whichever way it came.
func (s shape) event(h http.Header, body []byte, alarms []string) (drivers.Event, *refusal) {
	if s == binary {
		whole, no := gather(h, body)
		if no != nil {
			return drivers.Event{}, no
		}
		body = whole
	}
	top, err := scan(body)
	if err != nil {
		return drivers.Event{}, bad("not one JSON object: " + err.Error())
	}
	e := drivers.Event{Kind: top.text["type"], Data: top.compact}
	if s == plain {
		e.ID = h.Get("X-Event-Id")
		if e.Kind == "" {
			e.Kind = top.text["kind"]
		}
		if e.Kind == "" {
			e.Kind = "event"
		}
	} else {
		if top.text["specversion"] != "1.0" || top.text["id"] == "" || top.text["source"] == "" || e.Kind == "" {
			return drivers.Event{}, bad("a CloudEvent needs specversion 1.0, id, source and type")
		}
		// Only both together are unique (CloudEvents 1.0.2, 3.1). A source is a URI
		// reference and has no blank in it.
		e.ID = top.text["source"] + " " + top.text["id"]
	}
	for _, name := range []string{e.Kind, e.ID} {
		if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7F }) {
			return drivers.Event{}, bad("type, id and source are at most 512 bytes without control characters")
		}
	}
	if t, err := time.Parse(time.RFC3339, top.text["time"]); err == nil {
		e.Time = t // one that cannot be read is none; the gateway has its own
	}
	e.Alarm = top.alarm || slices.Contains(alarms, e.Kind)
	return e, nil
}

// maxName bounds what becomes part of names, in bytes.
const maxName = 512

func bad(text string) *refusal { return &refusal{http.StatusBadRequest, text} }
