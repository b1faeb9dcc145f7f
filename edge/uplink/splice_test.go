package uplink

import (
	"bytes"
	"strconv"

	"fuqiao/edged/edge/journal"
)

// wrap is the simplest envelope: the record with its identity in it.
func wrap(rec journal.Record, historical bool) []byte {
	return splice(rec.Data, rec.ID, historical)
}

// splice puts a record's identity, and the mark of what is late, behind the first
// brace of its JSON: the record was written before its seq was known, and is read
// long after its producer has gone. In a SenML pack, an array, that is its first
// record, where receivers ignore names that they do not know (RFC 8428, section 4.4).
func splice(data []byte, id journal.ID, historical bool) []byte {
	at := bytes.IndexByte(data, '{') + 1
	if at == 0 {
		return data
	}
	out := make([]byte, 0, len(data)+80)
	out = append(out, data[:at]...)
	out = append(out, `"id":"`...)
	out = append(out, id.Run...)
	out = append(out, '/')
	out = append(out, id.Class...)
	out = append(out, '/')
	out = strconv.AppendUint(out, uint64(id.Seq), 10)
	out = append(out, '"')
	if historical {
		out = append(out, `,"historical":true`...)
	}
	if rest := bytes.TrimLeft(data[at:], " \t\r\n"); len(rest) > 0 && rest[0] != '}' {
		out = append(out, ',')
	}
	return append(out, data[at:]...)
}
