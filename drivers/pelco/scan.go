package pelco

import "strings"

// Scan finds the first whole 7-byte frame in b: a command, or an extended reply. n is
// the number of bytes up to its end, 0 when there is none yet. It goes on at the
// next byte after noise, a doubled sync or a wrong checksum.
func Scan(b []byte) (c Command, n int) {
	for i := 0; i+Length <= len(b); i++ {
		if c, ok := parse(b[i : i+Length]); ok {
			return c, i + Length
		}
	}
	return Command{}, 0
}

// parse takes exactly 7 bytes.
func parse(b []byte) (Command, bool) {
	c := Command{Address: b[1], Cmd1: b[2], Cmd2: b[3], Data1: b[4], Data2: b[5]}
	return c, b[0] == syncByte && b[6] == c.Sum()
}

// Operation names what c does, for a log line or a listener on the wire: "stop",
// "pan_left+tilt_up", "preset_goto", "unknown". It says nothing about the data.
func (c Command) Operation() string {
	if c.Extended() {
		return extended(c.Cmd2)
	}
	// Bit 7 of command 1 is the sense of bits 3 and 4: on with it, off without.
	switch c.Cmd1 & (bitSense | bitScan | bitOnOff) {
	case bitSense | bitScan:
		return "auto_scan"
	case bitScan:
		return "manual_scan"
	case bitSense | bitOnOff:
		return "camera_on"
	case bitOnOff:
		return "camera_off"
	}
	var all []string
	for _, f := range []struct {
		byte, bit byte
		name      string
	}{
		{c.Cmd2, bitLeft, "pan_left"}, {c.Cmd2, bitRight, "pan_right"},
		{c.Cmd2, bitUp, "tilt_up"}, {c.Cmd2, bitDown, "tilt_down"},
		{c.Cmd2, bitTele, "zoom_tele"}, {c.Cmd2, bitWide, "zoom_wide"},
		{c.Cmd2, bitFar, "focus_far"}, {c.Cmd1, bitNear, "focus_near"},
		{c.Cmd1, bitIrisOpen, "iris_open"}, {c.Cmd1, bitIrisClose, "iris_close"},
	} {
		if f.byte&f.bit != 0 {
			all = append(all, f.name)
		}
	}
	if len(all) == 0 {
		return "stop"
	}
	return strings.Join(all, "+")
}

// extended names an opcode. Those up to 63 are in TF-0002, the rest in D-5.0.1 alone.
func extended(op byte) string {
	// Every opcode is odd, so it stands at half its value.
	names := [...]string{
		"extended_ack", // 01, as a reply
		"preset_set", "preset_clear", "preset_goto",
		"aux_on", "aux_off", "dummy", "remote_reset",
		"zone_start", "zone_end", "write_char", "clear_screen",
		"alarm_ack", "zone_scan_on", "zone_scan_off",
		"pattern_start", "pattern_stop", "pattern_run",
		"zoom_speed", "focus_speed", "camera_defaults",
		"auto_focus", "auto_iris", "agc", "backlight", "auto_white_balance",
		"phase_delay_mode", "shutter",
		"line_lock_phase", "white_balance_rb", "white_balance_mg", "gain", "iris_level", "iris_peak",
		"query_device", "preset_scan", "set_zero_position",
		"set_pan", "set_tilt", "set_zoom",
		"query_pan", "query_tilt", "query_zoom", "prepare_download",
		"pan_response", "tilt_response", "zoom_response",
		"set_magnification", "query_magnification", "magnification_response",
		"echo_mode", "set_baud", "start_download",
		"query_type", "type_response", "query_diagnostics", "diagnostics_response",
		"version_macro", "everest_macro", "time_macro", "screen_macro", // 73 75 77 79
	}
	if int(op/2) < len(names) {
		return names[op/2]
	}
	return "unknown"
}
