// Package webhook takes camera events that somebody posts to us: an analytics box, a
// recorder, a camera with "HTTP notification". One endpoint belongs to one camera and
// has a token of its own.
//
// Four shapes are taken, told apart by their headers:
//
//	application/json                      one JSON object; type (or kind), time, alarm
//	application/cloudevents+json          a CloudEvent, structured mode
//	application/json + ce-* headers       a CloudEvent, binary mode
//	multipart/form-data, mixed, related   one of the first two as the first part, then
//	                                      pictures and clips, 20 MiB in all
//
// The answer 202 means that the event is on disk. Everything else means that it is
// not, and 503 that the sender should try again.
//
// Sources: CloudEvents 1.0.2 (JSON format; HTTP protocol binding), HTTP 1.1 web hooks
// for event delivery 1.0.1, RFC 6750 (Bearer), RFC 9110 (status codes), RFC 7578 and
// RFC 2046 section 5.1 (multipart).
package webhook
